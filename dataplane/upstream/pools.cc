#include "dataplane/upstream/pools.h"

#include <algorithm>

namespace sluice::upstream {

std::vector<std::shared_ptr<Pool>> Pools::Apply(std::span<const ClusterSpec> clusters) {
  absl::flat_hash_map<std::string, std::shared_ptr<Pool>> next;
  std::vector<std::shared_ptr<Pool>> in_order;
  for (const ClusterSpec& cluster : clusters) {
    std::shared_ptr<Pool>& pool = next[cluster.id];
    auto known = pools_.find(cluster.id);
    if (known != pools_.end() && known->second && known->second->protocol() == cluster.protocol) {
      pool = std::move(known->second);
    }
    if (!pool) pool = std::make_shared<Pool>(io_, limits_, cluster.protocol);
    pool->SetEndpoints(cluster.endpoints);
    in_order.push_back(pool);
  }
  for (auto& [id, gone] : pools_) {
    if (!gone) continue;
    gone->SetEndpoints({});
    leaving_.push_back(std::move(gone));
  }
  pools_ = std::move(next);
  DropUnused();
  return in_order;
}

void Pools::DropUnused() {
  std::erase_if(leaving_, [](const std::shared_ptr<Pool>& pool) {
    return pool.use_count() == 1 && pool->connections() == 0;
  });
}

}  // namespace sluice::upstream
