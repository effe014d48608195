#include "dataplane/core/acceptor.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "absl/log/check.h"

namespace sluice::core {

Acceptor::Acceptor(EventLoop& loop, std::function<void(Fd)> on_accepted)
    : loop_(loop),
      on_accepted_(std::move(on_accepted)),
      pollable_{[](void* self, uint32_t) { static_cast<Acceptor*>(self)->Accept(); }, this},
      again_(
          [](void* self) {
            auto* acceptor = static_cast<Acceptor*>(self);
            acceptor->loop_.ModifyLevel(acceptor->listening_.get(), acceptor->pollable_, EPOLLIN);
          },
          this) {}

Acceptor::~Acceptor() {
  if (listening_.valid()) loop_.Remove(listening_.get(), pollable_);
}

void Acceptor::Start(Fd listening) {
  CHECK(!listening_.valid());
  listening_ = std::move(listening);
  CHECK(loop_.AddLevel(listening_.get(), pollable_));
}

void Acceptor::Accept() {
  Fd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.valid()) return on_accepted_(std::move(fd));
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
  loop_.ModifyLevel(listening_.get(), pollable_, 0);
  loop_.timers().Arm(again_, kPauseMs);
}

}  // namespace sluice::core
