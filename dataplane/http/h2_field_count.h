// How much of the header blocks of one HTTP/2 message we have seen, against the limits. Every field
// counts, each cookie crumb too: indexed, a field costs its sender one byte. One thread.
#pragma once

#include <cstddef>

#include "dataplane/core/limits.h"

namespace sluice::http {

class H2FieldCount {
 public:
  enum class Verdict : uint8_t {
    kTaken,
    kTooLarge,  // over a limit: the rest is not kept, and the message is refused
    kAbuse,     // far over it: the connection is to be closed
  };

  explicit H2FieldCount(const core::Limits& limits) : limits_(limits) {}

  // Of trailers: they have the limits for themselves. What was too large remains so.
  void Restart() { fields_ = bytes_ = 0; }

  Verdict Add(size_t name_bytes, size_t value_bytes) {
    bytes_ += name_bytes + value_bytes + kFieldOverhead;
    if (++fields_ > kAbusiveFields || bytes_ > kAbusiveFactor * limits_.header_block_bytes) {
      return Verdict::kAbuse;
    }
    too_large_ |= fields_ > limits_.header_fields || bytes_ > limits_.header_block_bytes ||
                  name_bytes + value_bytes > limits_.header_field_bytes;
    return too_large_ ? Verdict::kTooLarge : Verdict::kTaken;
  }
  bool too_large() const { return too_large_; }

 private:
  static constexpr size_t kFieldOverhead = 32;  // RFC 9113 10.5.1
  // From these on a header block is an attack.
  static constexpr size_t kAbusiveFields = 1000;
  static constexpr size_t kAbusiveFactor = 4;  // times the limit of a block's size

  const core::Limits& limits_;
  size_t fields_ = 0;
  size_t bytes_ = 0;
  bool too_large_ = false;
};

}  // namespace sluice::http
