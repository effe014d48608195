// How values are put into words, in tables and elsewhere. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "control/compile/status.h"

namespace sluice::gwctl {

// "41d", "5m10s", as kubectl prints ages; "<unknown>" for a file's object.
std::string Age(absl::Time created, absl::Time now);
// "12d" until then; "expired" if it has passed.
std::string TimeLeft(absl::Time end, absl::Time now);
std::string Date(absl::Time time);  // "2026-01-31"

std::string Shorten(const std::vector<std::string>& list);  // "a,b + 3 more"

// "True", "False", or "Unknown" where there is no such condition.
std::string_view ConditionText(const std::vector<compile::Condition>& conditions,
                               std::string_view type);
// Towards all parents: "Partial" where they differ.
std::string_view ParentsText(const compile::RouteStatus* status, std::string_view type);

// "3 routes", "1 route".
std::string Count(size_t n, std::string_view noun);

}  // namespace sluice::gwctl
