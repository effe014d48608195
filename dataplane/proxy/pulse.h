// Answers the agent's pings from a thread of its own: a ping is answered when every worker's loop
// has come round, whatever the main thread is doing (building a large generation, say).
// The thread ends with the object. Connects again with a bounded back-off.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "dataplane/channel/link.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/process/backoff.h"
#include "dataplane/worker/fleet.h"

namespace sluice::proxy {

class Pulse {
 public:
  // `path` as channel::PulsePath gives it. `fleet` outlives this.
  Pulse(std::string path, worker::Fleet& fleet);
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;
  ~Pulse();

 private:
  void Connect();
  void RetryLater();
  void OnMessage(const channel::Message& message);

  const std::string path_;
  worker::Fleet& fleet_;
  core::EventLoop loop_;
  core::Mailbox mailbox_;
  core::Timer retry_;
  process::Backoff backoff_;
  std::unique_ptr<channel::Link> link_;
  uint64_t conversation_ = 0;
  std::thread thread_;
};

}  // namespace sluice::proxy
