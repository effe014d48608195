// Regular expressions of matches: RE2 with bounded memory, so that neither a user's pattern nor a
// client's text can cost more than linear time. Whole strings are matched.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"

namespace sluice::snapshot {

inline constexpr int64_t kRegexMemoryBytes = 1 << 20;

absl::StatusOr<std::unique_ptr<const RE2>> CompileRegex(std::string_view pattern);

}  // namespace sluice::snapshot
