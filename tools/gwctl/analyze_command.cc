// `analyze`: every problem with its place, then how many there are.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tools/gwctl/analyze.h"
#include "tools/gwctl/commands.h"
#include "tools/gwctl/words.h"
#include "tools/gwctl/yaml.h"

namespace sluice::gwctl {
namespace {

using gateway_api::Problem;

bool IsError(const Problem& problem) { return problem.severity == Problem::Severity::kError; }

Document AsDocument(const std::vector<Problem>& problems) {
  Document list = Document::array();
  for (const Problem& problem : problems) {
    list.push_back({{"severity", IsError(problem) ? "error" : "warning"},
                    {"file", problem.at.file},
                    {"line", problem.at.line},
                    {"column", problem.at.column},
                    {"object", problem.object},
                    {"path", problem.path},
                    {"message", problem.message}});
  }
  return list;
}

}  // namespace

ExitCode AnalyzeCommand(const view::View& view, const Options& options, const Session& session) {
  const std::vector<Problem> problems = FindProblems(view, session.now);
  const auto errors = static_cast<size_t>(std::ranges::count_if(problems, IsError));
  const size_t warnings = problems.size() - errors;
  if (options.output == Output::kJson) {
    session.out << ToJson({{"objects", view.objects.size()},
                           {"errors", errors},
                           {"warnings", warnings},
                           {"problems", AsDocument(problems)}});
  } else {
    for (const Problem& problem : problems) session.out << ToString(problem) << "\n";
    session.out << Count(view.objects.size(), "object") << ", " << Count(errors, "error") << ", "
                << Count(warnings, "warning") << "\n";
  }
  return errors == 0 ? kOk : kProblems;
}

}  // namespace sluice::gwctl
