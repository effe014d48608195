// A token bucket: `burst` at once, `per_second` on average. Pure but for its own state.
#pragma once

#include <algorithm>
#include <cstdint>

namespace sluice::http {

class RateBucket {
 public:
  RateBucket(uint32_t burst, uint32_t per_second, uint64_t now_ms)
      : burst_(burst), per_second_(per_second), tokens_(burst), filled_ms_(now_ms) {}

  // Takes a token; false: there is none. `now_ms` never goes back.
  bool Take(uint64_t now_ms) {
    if (tokens_ == 0) Refill(now_ms);
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }
  // Puts one back, up to the burst.
  void Give() { tokens_ = std::min(burst_, tokens_ + 1); }

 private:
  // Only when empty: whoever stays below the burst costs no arithmetic.
  void Refill(uint64_t now_ms) {
    const uint64_t elapsed = now_ms - filled_ms_;
    tokens_ = static_cast<uint32_t>(std::min<uint64_t>(burst_, elapsed * per_second_ / 1000));
    if (tokens_ > 0) filled_ms_ = now_ms;
  }

  uint32_t burst_;
  uint32_t per_second_;
  uint32_t tokens_;
  uint64_t filled_ms_;
};

}  // namespace sluice::http
