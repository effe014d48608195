// Rules of a Snapshot with their ids resolved. Pure.
#pragma once

#include <vector>

#include "dataplane/route/rule.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::route {

// In the order of snapshot.rules. REQUIRES: snapshot::Validate accepted `snapshot`.
std::vector<Rule> ResolveRules(const snapshot::Snapshot& snapshot);

}  // namespace sluice::route
