// Step 8: what works as the API says and yet may not be what the user meant, and what has no status
// to hold it. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/compile/classes.h"

namespace sluice::compile {

std::vector<gateway_api::Problem> FindWarnings(const gateway_api::ObjectSet& objects,
                                               const std::map<std::string, ClassPlan>& classes);

}  // namespace sluice::compile
