// The thread that says "this node answers": every 30 ms it pings the proxy's workers over a
// connection of its own, and while they answer, this node stands for election on its LANs and holds
// the VIPs that it wins (vip_ownership.h). Nothing else happens on it, so neither a long compile
// nor a slow disk can make the VIPs silent or the node seem dead. Threads: all calls are the
// owner's; `renew` runs on the thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control/agent/vip_ownership.h"
#include "dataplane/channel/link.h"
#include "dataplane/core/acceptor.h"
#include "dataplane/core/event_loop.h"

namespace sluice::agent {

struct LivenessOptions {
  std::string socket;  // channel::PulsePath
  std::optional<unsigned> proxy_uid;
  absl::Duration interval = absl::Milliseconds(30);
  std::function<absl::Status()> renew;  // after each answer of all workers; may be empty
  packet::PacketPath* path = nullptr;   // none: nothing is announced
  VipOwnershipOptions ownership;        // with a path
};

class Liveness {
 public:
  explicit Liveness(LivenessOptions options);
  Liveness(const Liveness&) = delete;
  Liveness& operator=(const Liveness&) = delete;
  ~Liveness();

  // Listens, then starts the thread. An interface that cannot be heard on is no error: it is told
  // by on_news of the options, and tried again.
  absl::Status Start();

  // Null without a path.
  VipOwnership* ownership() { return ownership_.get(); }

  uint64_t answers() const { return answers_.load(std::memory_order_relaxed); }
  uint64_t renew_failures() const { return renew_failures_.load(std::memory_order_relaxed); }

 private:
  void OnAccepted(core::Fd socket);
  void Tick();
  void OnMessage(const channel::Message& message);

  LivenessOptions options_;
  core::EventLoop loop_;
  core::Acceptor acceptor_;
  core::Timer tick_;
  std::unique_ptr<channel::Link> link_;
  std::unique_ptr<VipOwnership> ownership_;
  uint64_t nonce_ = 0;     // of the last ping
  uint64_t answered_ = 0;  // the last that came back
  std::atomic<uint64_t> answers_ = 0;
  std::atomic<uint64_t> renew_failures_ = 0;
  std::thread thread_;
};

}  // namespace sluice::agent
