// Durations as Gateway API writes them (GEP-2257): up to four of h, m, s, ms, each with at most
// five digits, such as "1h30m".
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace sluice::gateway_api {

// False: not of that form; `out` is then unchanged.
bool ParseDuration(std::string_view text, absl::Duration& out);

std::string FormatDuration(absl::Duration duration);  // whole milliseconds of it

}  // namespace sluice::gateway_api
