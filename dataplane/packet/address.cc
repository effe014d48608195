#include "dataplane/packet/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace sluice::packet {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

absl::StatusOr<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string copy(text);
  std::array<uint8_t, 4> v4;
  if (inet_pton(AF_INET, copy.c_str(), v4.data()) == 1) return FromV4(v4);
  IpAddress address;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1 && !address.is_v4()) {
    return address;
  }
  return absl::InvalidArgumentError(absl::StrCat("not an IP address: \"", text, "\""));
}

IpAddress IpAddress::FromV4(std::array<uint8_t, 4> v4) {
  IpAddress address;
  std::ranges::copy(kMappedPrefix, address.bytes.begin());
  std::ranges::copy(v4, address.bytes.begin() + kMappedPrefix.size());
  return address;
}

bool IpAddress::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
}

std::array<uint8_t, 4> IpAddress::v4() const {
  return {bytes[12], bytes[13], bytes[14], bytes[15]};
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  if (is_v4()) return inet_ntop(AF_INET, bytes.data() + kMappedPrefix.size(), text, sizeof text);
  return inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
}

absl::StatusOr<MacAddress> MacAddress::Parse(std::string_view text) {
  const std::vector<std::string_view> parts = absl::StrSplit(text, ':');
  MacAddress mac;
  bool ok = parts.size() == mac.bytes.size();
  for (size_t i = 0; ok && i < parts.size(); ++i) {
    const char* end = parts[i].data() + parts[i].size();
    const auto parsed = std::from_chars(parts[i].data(), end, mac.bytes[i], 16);
    ok = parts[i].size() == 2 && parsed.ec == std::errc() && parsed.ptr == end;
  }
  if (!ok) return absl::InvalidArgumentError(absl::StrCat("not a MAC address: \"", text, "\""));
  return mac;
}

std::string MacAddress::ToString() const {
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3],
                         bytes[4], bytes[5]);
}

}  // namespace sluice::packet
