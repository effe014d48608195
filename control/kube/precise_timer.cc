#include "control/kube/precise_timer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/log/check.h"

namespace sluice::kube {

PreciseTimer::PreciseTimer(core::EventLoop& loop, std::function<void()> on_fire)
    : loop_(loop),
      on_fire_(std::move(on_fire)),
      fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      pollable_{.on_ready = OnReady, .self = this} {
  CHECK(fd_.valid()) << "timerfd_create: out of descriptors";
  CHECK(loop_.AddLevel(fd_.get(), pollable_));
}

PreciseTimer::~PreciseTimer() { loop_.Remove(fd_.get(), pollable_); }

void PreciseTimer::Arm(absl::Duration delay) {
  // A value of 0 would disarm it.
  const timespec value = absl::ToTimespec(std::max(delay, absl::Nanoseconds(1)));
  const itimerspec spec = {.it_interval = {}, .it_value = value};
  CHECK_EQ(::timerfd_settime(fd_.get(), 0, &spec, nullptr), 0);
  armed_ = true;
}

void PreciseTimer::Cancel() {
  if (!armed_) return;
  const itimerspec spec = {};
  CHECK_EQ(::timerfd_settime(fd_.get(), 0, &spec, nullptr), 0);
  armed_ = false;
}

void PreciseTimer::OnReady(void* self, uint32_t) {
  auto& timer = *static_cast<PreciseTimer*>(self);
  uint64_t expirations = 0;
  // Nothing to read: it was armed anew after it had become ready.
  if (::read(timer.fd_.get(), &expirations, sizeof expirations) < 0) return;
  timer.armed_ = false;
  timer.on_fire_();
}

}  // namespace sluice::kube
