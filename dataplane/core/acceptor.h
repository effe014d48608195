// Accepts connections at one listening socket, for servers that are not the workers: metrics, the
// admin socket, the agent's ends of the conversation with the proxy. Lives on its loop's thread.
// Where descriptors or memory have run out it rests for kPauseMs: whoever waits in the backlog goes
// on waiting, and the loop does not spin on them.
#pragma once

#include <cstdint>
#include <functional>

#include "dataplane/core/event_loop.h"
#include "dataplane/core/fd.h"

namespace sluice::core {

class Acceptor {
 public:
  static constexpr uint64_t kPauseMs = 100;

  // `on_accepted` gets each connection, non-blocking.
  Acceptor(EventLoop& loop, std::function<void(Fd)> on_accepted);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor();

  // Begins with a socket that listens and is non-blocking. Once.
  void Start(Fd listening);

 private:
  void Accept();

  EventLoop& loop_;
  std::function<void(Fd)> on_accepted_;
  Fd listening_;
  Pollable pollable_;
  Timer again_;
};

}  // namespace sluice::core
