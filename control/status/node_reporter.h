// Keeps this node's NodeReport up to date. Lives on the loop's thread.
// A change leaves at once if the last report is old enough, else as soon as it is: that many nodes
// report at a time costs the API server no more than about 50 writes a second. Without a change it
// is said again every `refresh`, so that a node that is gone can be told from one that is quiet.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "control/kube/backoff.h"
#include "control/kube/client.h"
#include "control/status/node_report.h"
#include "dataplane/core/event_loop.h"

namespace sluice::status {

struct NodeReporterOptions {
  std::function<absl::Time()> wall_clock = absl::Now;
  absl::Duration refresh = absl::Seconds(30);
  absl::Duration deadline = absl::Seconds(5);
};

class NodeReporter {
 public:
  NodeReporter(core::EventLoop& loop, kube::Client& client, NodeReporterOptions options);
  NodeReporter(const NodeReporter&) = delete;
  NodeReporter& operator=(const NodeReporter&) = delete;

  // What this node is like now. `nodes`: how many report. A change of its lag alone is no change.
  void Say(NodeReport report, size_t nodes);
  void Stop();

 private:
  void Plan();
  void Send();
  void OnAnswer(const kube::Response& response);

  core::EventLoop& loop_;
  kube::Client& client_;
  NodeReporterOptions options_;
  std::mt19937_64 random_{std::random_device{}()};
  std::optional<NodeReport> report_;  // nothing: stopped, or not told yet
  bool changed_ = false;              // since it was sent
  size_t nodes_ = 1;
  nlohmann::json sent_;  // status under way
  std::optional<nlohmann::json>
      server_;            // status on the server; null: no object. Nothing: not known
  uint64_t sent_ms_ = 0;  // 0: never
  uint64_t not_before_ms_ = 0;
  kube::Backoff backoff_;
  std::unique_ptr<kube::Call> call_;
  core::Timer timer_;
};

}  // namespace sluice::status
