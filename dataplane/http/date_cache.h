// The Date field's text (RFC 9110 6.6.1), made once a second. One worker's.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/core/event_loop.h"

namespace sluice::http {

class DateCache {
 public:
  // REQUIRES: the loop outlives the cache.
  explicit DateCache(const core::EventLoop& loop) : loop_(loop) {}
  DateCache(const DateCache&) = delete;
  DateCache& operator=(const DateCache&) = delete;

  // "Sun, 06 Nov 1994 08:49:37 GMT"; valid until the next call.
  std::string_view text() {
    if (loop_.now_ms() >= fresh_until_ms_) Renew();
    return {text_.data(), text_.size()};
  }

 private:
  void Renew();

  const core::EventLoop& loop_;
  uint64_t fresh_until_ms_ = 0;  // monotonic
  std::array<char, 29> text_ = {};
};

// Exposed for tests.
std::array<char, 29> FormatDate(int64_t unix_seconds);

}  // namespace sluice::http
