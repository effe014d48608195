// One thread's loop: epoll, timers, and what is put off to the end of the turn.
// A turn: wait, dispatch every ready descriptor, fire timers, run deferred work. Work that deferred
// work puts off runs in the same turn as well, but for a few rounds only, so that nothing that
// keeps putting itself off can starve the descriptors; what is left then opens the next turn.
// Everything but Stop and the Mailbox belongs to the loop's thread.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "dataplane/core/fd.h"
#include "dataplane/core/timer_wheel.h"

namespace sluice::core {

// What an epoll registration points at; embedded in its owner, which must Remove it before it dies.
struct Pollable {
  using Callback = void (*)(void* self, uint32_t events);
  Callback on_ready = nullptr;
  void* self = nullptr;
};

// Work put off to the end of the turn, embedded in its owner; queued at most once at a time.
// Flushing sockets and freeing what an event handler still stands in are done so.
class Deferred {
 public:
  using Callback = void (*)(void* self);
  Deferred(Callback callback, void* self) : callback_(callback), self_(self) {}
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;
  ~Deferred() { Unlink(); }

  bool queued() const { return link_ != nullptr; }
  void Unlink();

 private:
  friend class EventLoop;
  Callback callback_;
  void* self_;
  Deferred* next_ = nullptr;
  Deferred** link_ = nullptr;
  class EventLoop* loop_ = nullptr;
  uint64_t round_ = 0;  // in which it was put off
};

class EventLoop {
 public:
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Registers once, edge-triggered for everything a socket can report (IN, OUT, RDHUP): nothing on
  // the hot path ever changes a registration. Returns false with errno set when epoll refuses.
  bool AddEdge(int fd, Pollable& pollable);
  // Level-triggered, for listening sockets and wake-ups. `events` as in epoll.
  bool AddLevel(int fd, Pollable& pollable, uint32_t events = EPOLLIN);
  bool ModifyLevel(int fd, Pollable& pollable, uint32_t events);
  // Events that were already fetched for `pollable` in this turn are dropped.
  void Remove(int fd, Pollable& pollable);

  void Defer(Deferred& work);

  // Runs until Stop.
  void Run();
  // One turn, waiting at most `max_wait_ms` (-1: until something happens).
  void RunOnce(int max_wait_ms = -1);
  // From any thread.
  void Stop();

  TimerWheel& timers() { return timers_; }
  // Monotonic, read once a turn.
  uint64_t now_ms() const { return timers_.now_ms(); }
  uint64_t now_ns() const { return now_ns_; }
  // Wall clock of this turn, for logs.
  int64_t wall_ms() const;

 private:
  void RunDeferred();

  Fd epoll_;
  Fd wake_;
  uint64_t now_ns_;
  TimerWheel timers_;
  Pollable wake_pollable_;
  std::vector<epoll_event> events_;
  int pending_ = 0;  // events of this turn not dispatched yet: events_[cursor_..pending_)
  int cursor_ = 0;
  Deferred* deferred_ = nullptr;
  Deferred** deferred_tail_ = &deferred_;
  uint64_t round_ = 0;  // of deferred work
  std::atomic<bool> stop_ = false;
  friend class Deferred;
};

}  // namespace sluice::core
