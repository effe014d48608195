// The Snapshot's text form (protobuf text format): what golden files hold, what gwctl prints and
// what the proxy runs on alone. Printing is deterministic.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::snapshot {

std::string ToText(const Snapshot& snapshot);

// InvalidArgument names line and column. The result is not validated.
absl::StatusOr<Snapshot> FromText(std::string_view text);

}  // namespace sluice::snapshot
