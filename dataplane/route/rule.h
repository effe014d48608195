// A Rule of the Snapshot, resolved for the request path: indexes instead of ids. Immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::route {

struct Backend {
  static constexpr uint32_t kUnresolved = ~0u;
  uint32_t weight = 0;
  uint32_t cluster = kUnresolved;  // index into Snapshot.clusters
  std::vector<snapshot::Filter> filters;
};

struct Rule {
  std::string id;
  std::string route;   // "namespace/name", the metrics label
  uint32_t index = 0;  // into Snapshot.rules
  std::vector<snapshot::Filter> filters;
  std::vector<Backend> backends;
  uint32_t total_weight = 0;
  uint32_t request_timeout_ms = 0;  // 0: none
  uint32_t backend_timeout_ms = 0;  // 0: none
  bool grpc = false;                // our own errors carry a grpc-status
};

}  // namespace sluice::route
