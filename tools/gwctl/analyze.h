// What is wrong, or probably not what was meant, in a View: the problems of reading, conditions
// that say no, and warnings of our own. Each names the object and where it is written. Pure.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "control/view/view.h"
#include "gateway-api/parse.h"

namespace sluice::gwctl {

inline constexpr absl::Duration kExpiresSoon = absl::Hours(14 * 24);

// In the order of files and lines.
std::vector<gateway_api::Problem> FindProblems(const view::View& view, absl::Time now);

}  // namespace sluice::gwctl
