#include "control/status/pace.h"

#include <algorithm>

namespace sluice::status {
namespace {

constexpr uint64_t kStepBackMs = 1000;
constexpr uint64_t kShortestMs = 10;
constexpr uint64_t kLongestMs = 1000;
constexpr uint64_t kLongestUrgentMs = 250;
constexpr int kMostSteps = 8;

}  // namespace

int Pace::StepsAt(uint64_t now_ms) const {
  const uint64_t back = (now_ms - last_ms_) / kStepBackMs;
  return back >= static_cast<uint64_t>(steps_) ? 0 : steps_ - static_cast<int>(back);
}

uint64_t Pace::WaitMs(uint64_t now_ms, bool urgent) const {
  const int steps = StepsAt(now_ms);
  if (steps == 0) return 0;
  const uint64_t spacing =
      std::min(kShortestMs << (steps - 1), urgent ? kLongestUrgentMs : kLongestMs);
  const uint64_t passed = now_ms - last_ms_;
  return passed >= spacing ? 0 : spacing - passed;
}

void Pace::Wrote(uint64_t now_ms) {
  steps_ = std::min(StepsAt(now_ms) + 1, kMostSteps);
  last_ms_ = now_ms;
}

}  // namespace sluice::status
