// This node as a member of one LAN: the election there, its heartbeats, and their keys. Lives on an
// event loop that nothing else may hold up; all calls are on its thread.
//
// Each step decides, then tells the owner (who answers for what was taken over, and no more for
// what was lost), and only then tells the LAN: a claim is heard after it is true.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control/election/election.h"
#include "control/election/heartbeat_keys.h"
#include "control/election/heartbeat_socket.h"
#include "dataplane/core/event_loop.h"

namespace sluice::election {

struct LanMemberOptions {
  std::string device;
  Election::Self self;
  std::vector<std::string> known;
  ElectionConfig config;
  uint16_t port = kHeartbeatPort;
};

// Since the start.
struct LanCounters {
  uint64_t sent = 0;
  uint64_t send_failures = 0;
  uint64_t received = 0;  // authentic ones
  uint64_t foreign = 0;   // signed with no key of ours
  uint64_t malformed = 0;
  uint64_t other_version = 0;
  uint64_t routed = 0;  // came through a router
  uint64_t late = 0;    // steps that came 50 ms or more after they were due

  bool operator==(const LanCounters&) const = default;
};

class LanMember {
 public:
  // `on_decided` runs in each step, after the decisions and before the heartbeat.
  LanMember(core::EventLoop& loop, LanMemberOptions options, std::function<void()> on_decided);
  LanMember(const LanMember&) = delete;
  LanMember& operator=(const LanMember&) = delete;
  ~LanMember();

  // Goes on without a socket where the device is not there yet: nobody is heard until it is.
  absl::Status Start();

  // Without keys nobody hears this node and it hears nobody: it is alone on its LAN.
  void SetKeys(HeartbeatKeys keys);
  absl::Status SetAddresses(const std::vector<ElectedAddress>& addresses);
  // link_up is overruled by the device's carrier.
  void SetFitness(const Fitness& fitness);
  void SetMembers(const std::vector<std::string>& names);

  const std::string& device() const { return options_.device; }
  Election& election() { return election_; }
  const Election& election() const { return election_; }
  LanCounters counters() const;

 private:
  void OnReadable();
  void OnTimer();
  void Step();
  void Arm();
  void CheckDevice();
  absl::Status OpenSocket();
  void CloseSocket();

  core::EventLoop& loop_;
  const LanMemberOptions options_;
  const std::function<void()> on_decided_;
  Election election_;
  HeartbeatKeys keys_;
  Fitness fitness_;
  std::optional<HeartbeatSocket> socket_;
  core::Fd timer_;
  core::Pollable on_readable_;
  core::Pollable on_timer_;
  absl::Time due_ = absl::InfiniteFuture();
  absl::Time device_checked_ = absl::InfinitePast();
  bool carrier_ = false;
  uint64_t routed_before_ = 0;  // by sockets that are closed
  LanCounters counters_;
};

// CLOCK_MONOTONIC as a time since the epoch.
absl::Time MonotonicNow();

}  // namespace sluice::election
