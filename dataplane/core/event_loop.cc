#include "dataplane/core/event_loop.h"

#include <sys/eventfd.h>
#include <time.h>

#include <cerrno>

#include "absl/log/check.h"

namespace sluice::core {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr int kRoundsPerTurn = 4;  // read again, flush, free: three suffice

uint64_t MonotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

void Deferred::Unlink() {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) {
    next_->link_ = link_;
  } else {
    loop_->deferred_tail_ = link_;
  }
  link_ = nullptr;
  next_ = nullptr;
}

EventLoop::EventLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      now_ns_(MonotonicNs()),
      timers_(now_ns_ / 1'000'000),
      events_(kEventsPerTurn) {
  CHECK(epoll_.valid() && wake_.valid()) << "no descriptors left for an event loop";
  wake_pollable_ = {[](void* self, uint32_t) {
                      uint64_t count;
                      [[maybe_unused]] ssize_t n =
                          read(static_cast<EventLoop*>(self)->wake_.get(), &count, sizeof count);
                    },
                    this};
  CHECK(AddLevel(wake_.get(), wake_pollable_));
}

bool EventLoop::AddEdge(int fd, Pollable& pollable) {
  epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                       .data = {.ptr = &pollable}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool EventLoop::AddLevel(int fd, Pollable& pollable, uint32_t events) {
  epoll_event event = {.events = events, .data = {.ptr = &pollable}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool EventLoop::ModifyLevel(int fd, Pollable& pollable, uint32_t events) {
  epoll_event event = {.events = events, .data = {.ptr = &pollable}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0;
}

void EventLoop::Remove(int fd, Pollable& pollable) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (int i = cursor_; i < pending_; ++i) {
    if (events_[i].data.ptr == &pollable) events_[i].data.ptr = nullptr;
  }
}

void EventLoop::Defer(Deferred& work) {
  if (work.link_ != nullptr) return;
  work.loop_ = this;
  work.round_ = round_;
  work.next_ = nullptr;
  work.link_ = deferred_tail_;
  *deferred_tail_ = &work;
  deferred_tail_ = &work.next_;
}

void EventLoop::RunDeferred() {
  for (int i = 0; i < kRoundsPerTurn && deferred_ != nullptr; ++i) {
    ++round_;
    while (deferred_ != nullptr && deferred_->round_ < round_) {
      Deferred* work = deferred_;
      work->Unlink();
      work->callback_(work->self_);
    }
  }
}

void EventLoop::RunOnce(int max_wait_ms) {
  int wait = timers_.NextDelayMs();
  if (wait < 0 || (max_wait_ms >= 0 && wait > max_wait_ms)) wait = max_wait_ms;
  if (deferred_ != nullptr) wait = 0;
  pending_ = epoll_wait(epoll_.get(), events_.data(), kEventsPerTurn, wait);
  if (pending_ < 0) {
    CHECK_EQ(errno, EINTR);
    pending_ = 0;
  }
  now_ns_ = MonotonicNs();
  timers_.SetNow(now_ns_ / 1'000'000);
  for (cursor_ = 0; cursor_ < pending_;) {
    const epoll_event& event = events_[cursor_++];
    auto* pollable = static_cast<Pollable*>(event.data.ptr);
    if (pollable != nullptr) pollable->on_ready(pollable->self, event.events);
  }
  pending_ = cursor_ = 0;
  timers_.Advance(now_ns_ / 1'000'000);
  RunDeferred();
}

void EventLoop::Run() {
  while (!stop_.load(std::memory_order_relaxed)) RunOnce();
  RunDeferred();
}

void EventLoop::Stop() {
  stop_.store(true, std::memory_order_relaxed);
  const uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(wake_.get(), &one, sizeof one);
}

int64_t EventLoop::wall_ms() const {
  timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace sluice::core
