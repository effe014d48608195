// Counters and latency histograms of one worker. Plain: only the owning thread touches them; a
// scrape asks the worker for a copy through its mailbox.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace sluice::core {

// Counts of durations in buckets that double: bucket i holds [2^i, 2^(i+1)) x 64 us; the last all
// that is longer (about 67 s and up).
class Histogram {
 public:
  static constexpr int kBuckets = 21;
  // Upper bound of bucket i, seconds; the last has none.
  static constexpr double UpperSeconds(int i) { return 64e-6 * static_cast<double>(2ull << i); }

  void Record(uint64_t duration_us) {
    const int width = std::bit_width(duration_us >> 6);
    ++buckets_[std::min(width == 0 ? 0 : width - 1, kBuckets - 1)];
    sum_us_ += duration_us;
  }
  void Merge(const Histogram& other) {
    for (int i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    sum_us_ += other.sum_us_;
  }
  const std::array<uint64_t, kBuckets>& buckets() const { return buckets_; }
  double sum_seconds() const { return static_cast<double>(sum_us_) * 1e-6; }

 private:
  std::array<uint64_t, kBuckets> buckets_ = {};
  uint64_t sum_us_ = 0;
};

}  // namespace sluice::core
