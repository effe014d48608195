// One deadline with the kernel's resolution, for where the loop's wheel of 10 ms ticks is too
// coarse. Lives on its loop's thread; neither copied nor moved.
#pragma once

#include <functional>

#include "absl/time/time.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/fd.h"

namespace sluice::kube {

class PreciseTimer {
 public:
  PreciseTimer(core::EventLoop& loop, std::function<void()> on_fire);
  PreciseTimer(const PreciseTimer&) = delete;
  PreciseTimer& operator=(const PreciseTimer&) = delete;
  ~PreciseTimer();

  // (Re)arms: fires once, from the loop, even if `delay` is 0.
  void Arm(absl::Duration delay);
  void Cancel();
  bool armed() const { return armed_; }

 private:
  static void OnReady(void* self, uint32_t events);

  core::EventLoop& loop_;
  std::function<void()> on_fire_;
  core::Fd fd_;
  core::Pollable pollable_;
  bool armed_ = false;
};

}  // namespace sluice::kube
