// How long to wait before the next try: twice as long each time, between two bounds, and less by a
// random share, so that many that failed together do not come back together. A plain value.
#pragma once

#include <functional>

#include "absl/time/time.h"

namespace sluice::kube {

class Backoff {
 public:
  // `random` gives numbers in [0, 1).
  Backoff(absl::Duration shortest, absl::Duration longest, std::function<double()> random);

  // Between half of the current wait and all of it.
  absl::Duration Next();
  void Reset() { failures_ = 0; }
  int failures() const { return failures_; }  // since the last Reset
  // Between half of it and all of it.
  absl::Duration Jittered(absl::Duration wait) const { return wait * (0.5 + 0.5 * random_()); }

 private:
  absl::Duration shortest_, longest_;
  std::function<double()> random_;
  int failures_ = 0;
};

}  // namespace sluice::kube
