// A Connection driven by an event loop: whole messages out of it, queued messages into it.
// Lives on the loop's thread. on_closed comes once, at the end of a turn, whichever side or error
// ended the conversation; the owner may destroy the Link there, but not in on_message.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "dataplane/channel/connection.h"
#include "dataplane/core/event_loop.h"

namespace sluice::channel {

class Link {
 public:
  struct Events {
    std::function<void(Received)> on_message;
    std::function<void(const absl::Status& why)> on_closed;
  };

  Link(core::EventLoop& loop, core::Fd socket, Events events);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

  // Sends what the socket takes now, the rest when it takes more. A failure closes the link.
  void Send(const Message& message, std::span<const int> fds = {});
  // Ends the conversation from our side, with a reason for on_closed.
  void Close(absl::Status why);

 private:
  void OnReady();

  core::EventLoop& loop_;
  Connection connection_;
  Events events_;
  core::Pollable pollable_;
  core::Deferred closed_;
  absl::Status why_;
  bool open_ = true;
};

}  // namespace sluice::channel
