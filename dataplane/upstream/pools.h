// All pools of one worker, by cluster id. One thread. A pool lives as long as its cluster is in
// the current generation, or a connection of it is busy.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/upstream/pool.h"

namespace sluice::upstream {

// A cluster with its endpoints, as a generation holds it.
struct ClusterSpec {
  std::string id;
  Protocol protocol = Protocol::kHttp1;
  std::vector<core::Address> endpoints;
};

class Pools {
 public:
  Pools(core::IoContext& io, const core::Limits& limits) : io_(io), limits_(limits) {}

  // Moves to `clusters`; returns their pools in the same order. One whose protocol has changed gets
  // a new pool. An older generation that still has
  // requests keeps its pools alive by its own references.
  std::vector<std::shared_ptr<Pool>> Apply(std::span<const ClusterSpec> clusters);

  template <typename Function>
  void ForEach(Function function) const {
    for (const auto& [id, pool] : pools_) function(std::string_view(id), *pool);
  }

 private:
  void DropUnused();

  core::IoContext& io_;
  const core::Limits& limits_;
  absl::flat_hash_map<std::string, std::shared_ptr<Pool>> pools_;
  std::vector<std::shared_ptr<Pool>> leaving_;  // without endpoints; freed once nothing uses them
};

}  // namespace sluice::upstream
