// Weighted choice without randomness: a Weyl sequence, whose shares come closer to the weights
// than random ones at every length, and which never falls into step with a periodic client.
#pragma once

#include <cstdint>
#include <span>

namespace sluice::stream {

class Spread {
 public:
  // A position in [0, total), total > 0.
  uint32_t Next(uint32_t total) {
    state_ += 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
    return static_cast<uint32_t>(((state_ >> 32) * total) >> 32);
  }

 private:
  uint64_t state_ = 0;
};

}  // namespace sluice::stream
