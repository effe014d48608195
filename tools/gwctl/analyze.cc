#include "tools/gwctl/analyze.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "tools/gwctl/findings.h"

namespace sluice::gwctl {

using gateway_api::Problem;

std::vector<Problem> FindProblems(const view::View& view, absl::Time now) {
  Findings findings;
  for (const Problem& problem : view.problems) findings.Add(problem);
  FindConditions(view, findings);
  FindIdleRoutes(view, findings);
  FindMissingEndpoints(view, findings);
  FindExpiringCertificates(view, now, findings);
  FindUnused(view, findings);
  std::vector<Problem> problems = std::move(findings).Take();
  const auto key = [](const Problem& p) {
    return std::tie(p.at.file, p.at.line, p.at.column, p.object, p.path, p.severity, p.message);
  };
  std::ranges::sort(problems, [&](const Problem& a, const Problem& b) { return key(a) < key(b); });
  problems.erase(std::ranges::unique(problems).begin(), problems.end());
  return problems;
}

}  // namespace sluice::gwctl
