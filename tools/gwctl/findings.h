// The parts of FindProblems. Pure; each adds to a list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "control/view/view.h"
#include "gateway-api/parse.h"

namespace sluice::gwctl {

class Findings {
 public:
  void Error(const gateway_api::ObjectMeta& meta, std::string_view kind, std::string path,
             std::string message) {
    Add(gateway_api::Problem::Severity::kError, meta, kind, std::move(path), std::move(message));
  }
  void Warning(const gateway_api::ObjectMeta& meta, std::string_view kind, std::string path,
               std::string message) {
    Add(gateway_api::Problem::Severity::kWarning, meta, kind, std::move(path), std::move(message));
  }
  void Add(gateway_api::Problem problem) { problems_.push_back(std::move(problem)); }

  std::vector<gateway_api::Problem> Take() && { return std::move(problems_); }

 private:
  void Add(gateway_api::Problem::Severity severity, const gateway_api::ObjectMeta& meta,
           std::string_view kind, std::string path, std::string message) {
    Add({severity, meta.origin, absl::StrCat(kind, " ", ToString(meta.key())), std::move(path),
         std::move(message)});
  }

  std::vector<gateway_api::Problem> problems_;
};

// Conditions that say no: errors. Those that only follow from another one are left out.
void FindConditions(const view::View& view, Findings& findings);
// Routes that are attached to nothing, matches that can never win, listeners without routes.
void FindIdleRoutes(const view::View& view, Findings& findings);
void FindMissingEndpoints(const view::View& view, Findings& findings);
void FindExpiringCertificates(const view::View& view, absl::Time now, Findings& findings);
// Objects that nothing refers to.
void FindUnused(const view::View& view, Findings& findings);

}  // namespace sluice::gwctl
