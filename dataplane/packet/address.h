// IP and MAC addresses as the packet path's maps and frames hold them. Plain values, any thread.
// An IPv4 address is kept in IPv4-mapped form (::ffff:a.b.c.d), so that one map key serves both.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sluice::packet {

struct IpAddress {
  std::array<uint8_t, 16> bytes{};  // network order

  // "192.0.2.1" or "2001:db8::1"; anything else, a zone or an IPv4-mapped text included, is
  // refused.
  static absl::StatusOr<IpAddress> Parse(std::string_view text);
  static IpAddress FromV4(std::array<uint8_t, 4> v4);

  bool is_v4() const;
  std::array<uint8_t, 4> v4() const;  // REQUIRES: is_v4()
  std::string ToString() const;

  auto operator<=>(const IpAddress&) const = default;
};

template <typename H>
H AbslHashValue(H hash, const IpAddress& address) {
  return H::combine(std::move(hash), address.bytes);
}

struct MacAddress {
  std::array<uint8_t, 6> bytes{};

  static absl::StatusOr<MacAddress> Parse(std::string_view text);  // "02:00:00:00:00:01"
  std::string ToString() const;

  auto operator<=>(const MacAddress&) const = default;
};

}  // namespace sluice::packet
