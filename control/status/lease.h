// The Lease that makes one agent of all the leader: the requests and timers around Leadership.
// Lives on the loop's thread. Of one identity only one process may run at a time.
// A Lease is read and written, not watched: who waits asks every `retry`.
// In the flow: API server <-> *Lease* -> Scribe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "control/kube/client.h"
#include "control/status/leadership.h"
#include "dataplane/core/event_loop.h"
#include "gateway-api/metadata.h"

namespace sluice::status {

struct LeaseOptions {
  gateway_api::NamespacedName name;
  std::string identity;
  LeaseTimes times = {};
  std::function<absl::Time()> wall_clock = absl::Now;
};

// A Lease's JSON. Fields that are not ours stay in `lease`.
std::optional<LeaseRecord> ReadLease(const nlohmann::json& lease);
void PutLease(const LeaseRecord& record, nlohmann::json& lease);

class Lease {
 public:
  // `on_change` comes when leads() has changed.
  Lease(core::EventLoop& loop, kube::Client& client, LeaseOptions options,
        std::function<void(bool leads)> on_change);
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  void Start();
  // By the clock of this turn, also if on_change(false) has not come yet.
  bool leads() const { return state_.Leads(loop_.now_ms()); }
  std::string holder() const { return state_.holder(); }

  // Leads no more and gives the Lease up, so that another need not wait for its end. `done` comes
  // when it is given up or cannot be.
  void Release(std::function<void()> done);

 private:
  void Round();
  void Step();
  void Send(kube::Request request, void (Lease::*on_answer)(const kube::Response&));
  void Put(const LeaseRecord& record, bool create);
  void OnRead(const kube::Response& response);
  void OnWritten(const kube::Response& response);
  void OnReleased(const kube::Response& response);
  void Failed(std::string_view doing, const kube::Response& response);
  void Wait();
  void TellChange();

  core::EventLoop& loop_;
  kube::Client& client_;
  LeaseOptions options_;
  std::function<void(bool)> on_change_;
  std::function<void()> on_released_;
  std::mt19937_64 random_{std::random_device{}()};

  Leadership state_;
  nlohmann::json object_;  // as it was read last
  LeaseRecord sent_;
  uint64_t sent_ms_ = 0;
  int steps_ = 0;  // of this round
  bool told_ = false;
  bool failing_ = false;
  uint64_t next_round_ms_ = 0;
  std::unique_ptr<kube::Call> call_;
  core::Timer timer_;
};

}  // namespace sluice::status
