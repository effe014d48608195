// How long to wait before something that failed is tried again. Pure: the caller measures time.
// The first failure after a stable life is answered at once, so that crashes now and then cost no
// pause, however many there are; one that follows a short life doubles the wait, up to a bound, so
// that a crash loop costs no CPU.
#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace sluice::process {

struct BackoffLimits {
  absl::Duration first = absl::Milliseconds(10);
  absl::Duration longest = absl::Seconds(1);
  absl::Duration stable = absl::Seconds(1);  // a life of this length forgets earlier failures
};

class Backoff {
 public:
  explicit Backoff(BackoffLimits limits = {}) : limits_(limits) {}

  // The wait after a failure that ended a life of length `lived`: 0, 10 ms, 20 ms, ... 1 s.
  absl::Duration Failed(absl::Duration lived) {
    if (lived >= limits_.stable) failures_ = 0;
    const int doublings = std::min(failures_, 30) - 1;
    const absl::Duration wait =
        failures_ == 0 ? absl::ZeroDuration() : limits_.first * (1 << doublings);
    ++failures_;
    return std::min(wait, limits_.longest);
  }
  void Succeeded() { failures_ = 0; }
  int failures() const { return failures_; }  // in a row

 private:
  BackoffLimits limits_;
  int failures_ = 0;
};

}  // namespace sluice::process
