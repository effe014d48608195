#include "dataplane/core/mailbox.h"

#include <sys/eventfd.h>

#include "absl/log/check.h"

namespace sluice::core {

Mailbox::Mailbox(EventLoop& loop) : loop_(loop), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(wake_.valid()) << "no descriptor left for a mailbox";
  pollable_ = {[](void* self, uint32_t) { static_cast<Mailbox*>(self)->Drain(); }, this};
  CHECK(loop_.AddLevel(wake_.get(), pollable_));
}

Mailbox::~Mailbox() { loop_.Remove(wake_.get(), pollable_); }

void Mailbox::Post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  const uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(wake_.get(), &one, sizeof one);
}

void Mailbox::Drain() {
  uint64_t count;
  [[maybe_unused]] ssize_t n = read(wake_.get(), &count, sizeof count);
  std::vector<std::function<void()>> work;
  {
    std::lock_guard lock(mutex_);
    work.swap(queue_);
  }
  for (auto& one : work) one();
}

}  // namespace sluice::core
