// The proxy's side of the conversation with the agent (channel.proto). Lives on the main thread.
// It connects, and connects again with a bounded back-off for as long as the process lives; while
// nobody answers, the last generation is served on. It keeps a duplicate of every listening socket,
// to give back to an agent that was restarted.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/channel/link.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/process/backoff.h"
#include "dataplane/proxy/held_generation.h"
#include "dataplane/proxy/serving.h"

namespace sluice::proxy {

class AgentClient {
 public:
  struct Events {
    // Calls back with the text of all metrics.
    std::function<void(std::function<void(std::string)>)> collect_stats;
    std::function<void(absl::Duration timeout)> drain;
  };

  AgentClient(core::EventLoop& loop, std::string path, Serving& serving, Events events);

  // The first attempt is made at once.
  void Start() { Connect(); }
  bool connected() const { return link_ != nullptr; }

 private:
  struct HeldSocket {
    channel::Sockets::Socket about;
    core::Fd fd;
  };

  void Connect();
  void RetryLater(const absl::Status& why);
  void SayHello();
  void OnMessage(channel::Received received);
  void OnHello(const channel::Hello& hello);
  void OnSockets(const channel::Sockets& sockets, std::vector<core::Fd> fds);
  void OnUpdate(const channel::Update& update);
  void OnStatsRequest(uint64_t nonce);
  void Answer(uint64_t generation, const absl::Status& result, bool resend);
  void GiveSocketsBack();
  bool Holds(int fd) const;

  core::EventLoop& loop_;
  std::string path_;
  Serving& serving_;
  Events events_;
  std::unique_ptr<channel::Link> link_;
  uint64_t conversation_ = 0;  // counts links, so that late answers find the right one
  bool greeted_ = false;       // the agent's Hello came
  process::Backoff backoff_;
  core::Timer retry_;
  HeldGeneration held_;
  bool applying_ = false;  // an update is on its way to the workers
  std::vector<HeldSocket> sockets_;
};

}  // namespace sluice::proxy
