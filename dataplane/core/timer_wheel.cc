#include "dataplane/core/timer_wheel.h"

#include <algorithm>

namespace sluice::core {

void Timer::Unlink() {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  link_ = nullptr;
  next_ = nullptr;
  --wheel_->linked_;
}

void Timer::Cancel() {
  deadline_ms_ = 0;
  Unlink();
}

TimerWheel::~TimerWheel() {
  for (Timer* timer : slots_) {
    while (timer != nullptr) {
      Timer* next = timer->next_;
      timer->link_ = nullptr;
      timer->next_ = nullptr;
      timer->deadline_ms_ = 0;
      timer = next;
    }
  }
}

void TimerWheel::Arm(Timer& timer, uint64_t delay_ms) {
  timer.deadline_ms_ = now_ms_ + std::max<uint64_t>(delay_ms, 1);
  if (timer.link_ != nullptr && timer.slot_ms_ <= timer.deadline_ms_)
    return;  // moved when it comes up
  timer.Unlink();
  timer.wheel_ = this;
  if (linked_ == 0) tick_ = std::max(tick_, now_ms_ / kTickMs);  // no slot to catch up with
  Insert(timer);
}

void TimerWheel::Insert(Timer& timer) {
  // The first tick that begins at or after the deadline, but never one that is already expired
  // and never more than a turn ahead.
  uint64_t tick = (timer.deadline_ms_ + kTickMs - 1) / kTickMs;
  tick = std::clamp(tick, tick_ + 1, tick_ + kSlots - 1);
  timer.slot_ms_ = tick * kTickMs;
  Timer*& head = slots_[tick % kSlots];
  timer.next_ = head;
  timer.link_ = &head;
  if (head != nullptr) head->link_ = &timer.next_;
  head = &timer;
  ++linked_;
}

void TimerWheel::Advance(uint64_t now_ms) {
  now_ms_ = std::max(now_ms_, now_ms);
  const uint64_t until = now_ms_ / kTickMs;
  if (linked_ == 0) tick_ = std::max(tick_, until);
  while (tick_ < until) {
    ++tick_;
    // A detached list: callbacks may arm and cancel any timer, those in this list included.
    Timer* due = slots_[tick_ % kSlots];
    slots_[tick_ % kSlots] = nullptr;
    if (due != nullptr) Expire(due);
  }
}

void TimerWheel::Expire(Timer* due) {
  due->link_ = &due;
  while (due != nullptr) {
    Timer* timer = due;
    timer->Unlink();
    if (timer->deadline_ms_ > now_ms_) {
      Insert(*timer);
    } else {
      timer->deadline_ms_ = 0;
      timer->callback_(timer->self_);
    }
  }
}

int TimerWheel::NextDelayMs() const {
  if (linked_ == 0) return -1;
  for (size_t ahead = 1; ahead < kSlots; ++ahead) {
    if (slots_[(tick_ + ahead) % kSlots] != nullptr) {
      const uint64_t at = (tick_ + ahead) * kTickMs;
      return at <= now_ms_ ? 0 : static_cast<int>(at - now_ms_);
    }
  }
  return static_cast<int>(kSlots * kTickMs);
}

}  // namespace sluice::core
