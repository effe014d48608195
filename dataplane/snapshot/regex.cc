#include "dataplane/snapshot/regex.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::snapshot {

absl::StatusOr<std::unique_ptr<const RE2>> CompileRegex(std::string_view pattern) {
  RE2::Options options;
  options.set_max_mem(kRegexMemoryBytes);
  options.set_log_errors(false);
  options.set_never_capture(true);
  auto regex = std::make_unique<const RE2>(pattern, options);
  if (!regex->ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the regular expression \"", pattern, "\" is invalid: ", regex->error()));
  }
  return regex;
}

}  // namespace sluice::snapshot
