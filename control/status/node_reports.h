// The NodeReports of all nodes, as the leader reads them: which nodes count, and what they have
// applied. Lives on the loop's thread.
// A node counts while it is eligible and its report changes at least every `silent` by our own
// clock, until a status had to go without it: then not before it reports anew.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/kube/client.h"
#include "control/kube/reflector.h"
#include "control/status/coverage.h"
#include "control/status/node_report.h"
#include "dataplane/core/event_loop.h"

namespace sluice::status {

class NodeReports {
 public:
  // `self` is left out: a node knows what it has applied.
  NodeReports(core::EventLoop& loop, kube::Client& client, std::string self,
              std::function<void()> on_change);

  void Start();
  void Stop();
  bool started() const { return reflector_ != nullptr; }
  // All nodes' reports are known, as far as there are any.
  bool known() const { return reflector_ != nullptr && reflector_->answered(); }

  std::vector<NodeProgress> progress() const;
  void GoneWithout(const std::vector<std::string>& nodes);
  size_t size() const { return reports_.size(); }
  // Reports of nodes that are not among `nodes`, and have been silent for `silent`.
  std::vector<std::string> Orphans(
      const std::map<std::string, gateway_api::StringMap>& nodes) const;

 private:
  struct Entry {
    NodeReport report;
    uint64_t heard_ms = 0;
    bool gone_without = false;
  };
  void OnObject(const kube::ObjectText& object);

  static constexpr uint64_t kSilentMs = 75'000;

  core::EventLoop& loop_;
  kube::Client& client_;
  std::string self_;
  std::function<void()> on_change_;
  std::mt19937_64 random_{std::random_device{}()};
  std::map<std::string, Entry> reports_;  // by the object's name
  std::unique_ptr<kube::Reflector> reflector_;
};

}  // namespace sluice::status
