// IP addresses as numbers, and ranges of them: "a", "a-b" (inclusive) or "a/length".
// Plain values. IPv4 and IPv6 never compare equal, and a range is of one family.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::gateway_api {

struct IpAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes = {};  // big-endian; IPv4 in the first four

  auto operator<=>(const IpAddress&) const = default;
};

std::optional<IpAddress> ParseIpAddress(std::string_view text);
std::string ToString(const IpAddress& address);  // canonical (RFC 5952)

// The address after this one; nullopt after the last of the family.
std::optional<IpAddress> Next(IpAddress address);

struct AddressRange {
  IpAddress first;
  IpAddress last;
  bool subnet = false;  // written as a/length

  bool Contains(const IpAddress& address) const {
    return address.v6 == first.v6 && address >= first && address <= last;
  }
  bool operator==(const AddressRange&) const = default;
};

std::optional<AddressRange> ParseAddressRange(std::string_view text);

// A range whose addresses a machine can own on a LAN: none of it unspecified, loopback, multicast,
// reserved or IPv4 in IPv6 clothing.
bool IsUnicast(const AddressRange& range);
bool IsUnicastRange(std::string_view text);

bool IsCidr(std::string_view text);  // "a/length" only

}  // namespace sluice::gateway_api
