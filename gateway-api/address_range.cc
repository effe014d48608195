#include "gateway-api/address_range.h"

#include <arpa/inet.h>

#include "absl/strings/numbers.h"

namespace sluice::gateway_api {
namespace {

int Length(const IpAddress& address) { return address.v6 ? 16 : 4; }

// The subnet of `prefix` bits around `address`, which must be its first one.
std::optional<AddressRange> Subnet(const IpAddress& address, int prefix) {
  if (prefix < 0 || prefix > 8 * Length(address)) return std::nullopt;
  AddressRange range{address, address, true};
  for (int bit = prefix; bit < 8 * Length(address); ++bit) {
    auto mask = static_cast<uint8_t>(0x80 >> (bit % 8));
    if (address.bytes[bit / 8] & mask) return std::nullopt;
    range.last.bytes[bit / 8] |= mask;
  }
  return range;
}

}  // namespace

std::optional<IpAddress> ParseIpAddress(std::string_view text) {
  if (text.size() > 64) return std::nullopt;
  std::string copy(text);
  IpAddress address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address;
  address.v6 = true;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::string ToString(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
  return text;
}

std::optional<IpAddress> Next(IpAddress address) {
  for (int i = Length(address) - 1; i >= 0; --i) {
    if (++address.bytes[i] != 0) return address;
  }
  return std::nullopt;
}

std::optional<AddressRange> ParseAddressRange(std::string_view text) {
  if (size_t slash = text.find('/'); slash != text.npos) {
    auto address = ParseIpAddress(text.substr(0, slash));
    int prefix = 0;
    if (!address || !absl::SimpleAtoi(text.substr(slash + 1), &prefix)) return std::nullopt;
    return Subnet(*address, prefix);
  }
  size_t dash = text.find('-');
  auto first = ParseIpAddress(text.substr(0, dash));
  auto last = dash == text.npos ? first : ParseIpAddress(text.substr(dash + 1));
  if (!first || !last || first->v6 != last->v6 || *last < *first) return std::nullopt;
  return AddressRange{*first, *last};
}

bool IsUnicast(const AddressRange& range) {
  static constexpr const char* kOthers[] = {"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3",
                                            "::/127",    "ff00::/8",    "::ffff:0:0/96"};
  for (const char* text : kOthers) {
    AddressRange other = *ParseAddressRange(text);
    bool apart =
        range.first.v6 != other.first.v6 || range.last < other.first || other.last < range.first;
    if (!apart) return false;
  }
  return true;
}

bool IsUnicastRange(std::string_view text) {
  std::optional<AddressRange> range = ParseAddressRange(text);
  return range && IsUnicast(*range);
}

bool IsCidr(std::string_view text) {
  return text.find('/') != text.npos && ParseAddressRange(text).has_value();
}

}  // namespace sluice::gateway_api
