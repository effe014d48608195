// Who has which address, kept in AddressPool.status.allocations. Lives on the loop's thread.
// Compile on the leader hands out addresses, this writes them down, and every agent compiles from
// what is written. Each pool is written by compare-and-swap: if somebody else wrote first, our
// compile did not know of it, so nothing of ours is insisted on, and it is compiled again.
// Flow: compile -> *AllocationWriter* -> AddressPool.status -> every agent's compile.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/compile/compile.h"
#include "control/kube/backoff.h"
#include "control/kube/client.h"
#include "control/kube/cluster_source.h"
#include "control/status/latest.h"
#include "dataplane/core/event_loop.h"
#include "gateway-api/object_set.h"

namespace sluice::status {

using PoolAllocations = std::vector<gateway_api::AddressPool::Allocation>;

// What each pool shall say, by its name, given what it says. An address stays with the pool that
// has it written down; else the first pool, by name, that holds it for the Gateway's namespace gets
// it. What nobody has any more goes. Pure.
std::map<std::string, PoolAllocations> PlanAllocations(
    const std::map<std::string, PoolAllocations>& current, const compile::Allocations& wanted,
    const gateway_api::ObjectSet& objects);

// status.allocations of a pool's status as JSON.
PoolAllocations ReadAllocations(std::string_view status);

struct AllocationOptions {
  std::function<bool()> may_write;
  std::function<const kube::Known*(std::string_view kind, const gateway_api::NamespacedName&)>
      known;
  std::function<const gateway_api::ObjectSet&()> objects;
  absl::Duration deadline = absl::Seconds(5);
};

class AllocationWriter {
 public:
  // `on_conflict`: somebody else wrote first; compile again.
  AllocationWriter(core::EventLoop& loop, kube::Client& client, AllocationOptions options,
                   std::function<void()> on_conflict);
  AllocationWriter(const AllocationWriter&) = delete;
  AllocationWriter& operator=(const AllocationWriter&) = delete;

  // What the leader's compile gave. REQUIRES: may_write() as it compiled.
  void Want(compile::Allocations wanted);
  // For the leader's next compile: what it gave out before, written down or not yet. Empty: what
  // the pools say is all there is.
  compile::Allocations given() const { return wanted_.value_or(compile::Allocations()); }
  // Leads no more.
  void Stop();

 private:
  struct Pool {
    Latest latest;
    std::string refused;  // the version that was not the newest any more
    std::unique_ptr<kube::Call> call;
  };

  // The watch has not told yet why a write was refused.
  bool AwaitsNews();
  void Write();
  void WritePool(const std::string& name, const PoolAllocations& allocations);
  void OnWritten(const std::string& name, const std::string& base, const kube::Response& response);

  core::EventLoop& loop_;
  kube::Client& client_;
  AllocationOptions options_;
  std::function<void()> on_conflict_;
  std::mt19937_64 random_{std::random_device{}()};
  std::optional<compile::Allocations> wanted_;
  std::map<std::string, Pool> pools_;
  kube::Backoff backoff_;
  bool failing_ = false;
  core::Timer retry_;
};

}  // namespace sluice::status
