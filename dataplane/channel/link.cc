#include "dataplane/channel/link.h"

#include <cerrno>
#include <utility>

namespace sluice::channel {

Link::Link(core::EventLoop& loop, core::Fd socket, Events events)
    : loop_(loop),
      connection_(std::move(socket)),
      events_(std::move(events)),
      pollable_{[](void* self, uint32_t) { static_cast<Link*>(self)->OnReady(); }, this},
      closed_(
          [](void* self) {
            auto* link = static_cast<Link*>(self);
            const auto on_closed = std::move(link->events_.on_closed);
            const absl::Status why = link->why_;
            on_closed(why);  // may destroy the link
          },
          this) {
  if (!loop_.AddEdge(connection_.fd(), pollable_))
    Close(absl::ErrnoToStatus(errno, "watching the channel"));
}

Link::~Link() {
  if (open_) loop_.Remove(connection_.fd(), pollable_);
}

void Link::Send(const Message& message, std::span<const int> fds) {
  if (!open_) return;
  absl::Status sent = connection_.Send(message, fds);
  if (sent.ok()) sent = connection_.Flush();
  if (!sent.ok()) Close(std::move(sent));
}

void Link::Close(absl::Status why) {
  if (!open_) return;
  open_ = false;
  why_ = std::move(why);
  loop_.Remove(connection_.fd(), pollable_);
  loop_.Defer(closed_);
}

void Link::OnReady() {
  if (absl::Status flushed = connection_.Flush(); !flushed.ok()) return Close(std::move(flushed));
  while (open_) {
    absl::StatusOr<std::optional<Received>> received = connection_.Receive();
    if (!received.ok()) return Close(received.status());
    if (!received->has_value()) return;
    events_.on_message(*std::move(*received));
  }
}

}  // namespace sluice::channel
