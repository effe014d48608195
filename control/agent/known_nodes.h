// The nodes that this one has met, one name a line: kept over a restart, because a node that forgot
// the others would take itself for a majority. Read and written by the main thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace sluice::agent {

// Empty if there is no such file or it cannot be read. Lines that cannot be names are left out.
std::vector<std::string> ReadKnownNodes(const std::string& path);

absl::Status WriteKnownNodes(const std::string& path, const std::vector<std::string>& names);

}  // namespace sluice::agent
