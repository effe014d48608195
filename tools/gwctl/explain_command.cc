// `explain`: what happens to a request.
#include "absl/strings/str_cat.h"
#include "tools/gwctl/commands.h"
#include "tools/gwctl/explain.h"

namespace sluice::gwctl {

ExitCode ExplainCommand(const view::View& view, const Options& options, const Session& session) {
  absl::StatusOr<Request> request = ParseRequest(options);
  if (!request.ok()) return session.Fail(kUsage, request.status().message());
  absl::StatusOr<Explanation> explanation = Explain(view, *request, options.vip);
  if (!explanation.ok()) {
    return session.Fail(
        kUnreadable, absl::StrCat("the Snapshot cannot be used: ", explanation.status().message()));
  }
  session.out << (options.output == Output::kJson ? ToJsonText(*explanation)
                                                  : ToText(*explanation, view, session.now));
  return explanation->answer == Explanation::Answer::kRefused ? kProblems : kOk;
}

}  // namespace sluice::gwctl
