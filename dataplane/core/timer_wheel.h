// Deadlines of one worker: a hashed wheel of 10 ms ticks. One thread.
// Pushing a deadline back, which nearly every event does, only stores it: the timer stays in its
// slot and is moved when that slot comes up. A timer fires at its deadline or up to 20 ms later.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::core {

class TimerWheel;

// Embedded in what it times out; cancelled on destruction. Neither copied nor moved.
class Timer {
 public:
  using Callback = void (*)(void* self);

  Timer(Callback callback, void* self) : callback_(callback), self_(self) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { Cancel(); }

  bool armed() const { return deadline_ms_ != 0; }
  void Cancel();

 private:
  friend class TimerWheel;
  void Unlink();

  Callback callback_;
  void* self_;
  TimerWheel* wheel_ = nullptr;
  Timer* next_ = nullptr;
  Timer** link_ = nullptr;    // what points at us; null when in no slot
  uint64_t deadline_ms_ = 0;  // 0: not armed
  uint64_t slot_ms_ = 0;      // when our slot comes up
};

class TimerWheel {
 public:
  static constexpr uint64_t kTickMs = 10;
  static constexpr size_t kSlots = 1024;  // a turn is 10.24 s; later deadlines go round again

  explicit TimerWheel(uint64_t now_ms) : now_ms_(now_ms), tick_(now_ms / kTickMs) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  // (Re)arms: fires once, `delay_ms` from now.
  void Arm(Timer& timer, uint64_t delay_ms);
  // Sets the time that Arm counts from, without firing anything yet.
  void SetNow(uint64_t now_ms) {
    if (now_ms > now_ms_) now_ms_ = now_ms;
  }
  // Fires what is due.
  void Advance(uint64_t now_ms);
  // Milliseconds until Advance is worth calling; -1: nothing is armed.
  int NextDelayMs() const;
  uint64_t now_ms() const { return now_ms_; }

 private:
  friend class Timer;
  void Insert(Timer& timer);
  void Expire(Timer* due);

  uint64_t now_ms_;
  uint64_t tick_;  // slots up to and including this one have been expired
  size_t linked_ = 0;
  std::array<Timer*, kSlots> slots_ = {};
};

}  // namespace sluice::core
