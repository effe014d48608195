#include "control/kube/backoff.h"

#include <algorithm>
#include <utility>

namespace sluice::kube {

Backoff::Backoff(absl::Duration shortest, absl::Duration longest, std::function<double()> random)
    : shortest_(shortest), longest_(longest), random_(std::move(random)) {}

absl::Duration Backoff::Next() {
  const int doublings = std::min(failures_++, 30);
  return Jittered(std::min(shortest_ * (int64_t{1} << doublings), longest_));
}

}  // namespace sluice::kube
