// An upgrade without a gap: the agent that comes asks the one that runs for everything that only
// one of them may have, over a Unix socket in the run folder (root only).
// Order: the new agent has compiled and its proxy has applied; it says TakeOver; the old one lets
// go of the pins, doors and lock, tells its proxy to drain, and answers Handed and its listening
// sockets. Connections that come meanwhile wait in those. Both sides live on their agent's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/channel/link.h"
#include "dataplane/core/acceptor.h"
#include "dataplane/core/event_loop.h"

namespace sluice::agent {

// The old agent's side.
class HandoverServer {
 public:
  struct Events {
    // Lets go of everything. Nothing of the agent may change the kernel afterwards.
    std::function<void()> let_go;
    // What is handed over, once all is let go.
    std::function<void(channel::Sockets& about, std::vector<int>& fds)> describe;
  };

  HandoverServer(core::EventLoop& loop, Events events);

  absl::Status Listen(const std::string& path);
  bool handed() const { return handed_; }

 private:
  void OnAccepted(core::Fd socket);
  void OnMessage(const channel::Message& message);

  core::EventLoop& loop_;
  Events events_;
  std::unique_ptr<channel::Link> link_;
  std::unique_ptr<core::Acceptor> acceptor_;  // gone once handed over: the next agent listens there
  bool handed_ = false;
};

// The new agent's side: one attempt.
class Handover {
 public:
  using Sockets = channel::Received;
  using Done = std::function<void(absl::StatusOr<Sockets>)>;

  // `done` comes once, from the loop; the Handover may be destroyed there. DeadlineExceeded: no
  // answer within kDeadlineMs. Unavailable: nobody listens.
  Handover(core::EventLoop& loop, Done done);
  absl::Status Start(const std::string& path);

  static constexpr uint64_t kDeadlineMs = 5000;

 private:
  void OnMessage(channel::Received received);
  void Finish(absl::StatusOr<Sockets> result);

  core::EventLoop& loop_;
  Done done_;
  std::unique_ptr<channel::Link> link_;
  core::Timer deadline_;
  core::Deferred finish_;
  absl::StatusOr<Sockets> result_;
  bool handed_ = false;
};

}  // namespace sluice::agent
