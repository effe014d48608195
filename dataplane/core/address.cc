#include "dataplane/core/address.h"

#include <arpa/inet.h>

#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sluice::core {

std::optional<Address> Address::Parse(std::string_view text, uint16_t port) {
  const std::string terminated(text);
  Address address;
  if (inet_pton(AF_INET, terminated.c_str(), &address.v4_.sin_addr) == 1) {
    address.v4_.sin_family = AF_INET;
    address.v4_.sin_port = htons(port);
    return address;
  }
  address.v6_ = {};
  if (inet_pton(AF_INET6, terminated.c_str(), &address.v6_.sin6_addr) == 1) {
    address.v6_.sin6_family = AF_INET6;
    address.v6_.sin6_port = htons(port);
    return address;
  }
  return std::nullopt;
}

std::optional<Address> Address::ParseWithPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  uint32_t port;
  if (colon == std::string_view::npos) return std::nullopt;
  if (!absl::SimpleAtoi(text.substr(colon + 1), &port) || port > 65535) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  std::optional<Address> address = Parse(host, static_cast<uint16_t>(port));
  if (address && address->ipv6() != brackets) return std::nullopt;
  return address;
}

Address Address::From(const sockaddr* from) {
  Address address;
  if (from->sa_family == AF_INET) {
    std::memcpy(&address.v4_, from, sizeof address.v4_);
  } else if (from->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, from, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      address.v4_ = {
          .sin_family = AF_INET, .sin_port = v6.sin6_port, .sin_addr = {}, .sin_zero = {}};
      std::memcpy(&address.v4_.sin_addr, v6.sin6_addr.s6_addr + 12, 4);
    } else {
      address.v6_ = v6;
    }
  }
  return address;
}

std::optional<Address> Address::OfLocal(int fd) {
  sockaddr_storage local = {};
  socklen_t size = sizeof local;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) != 0) return std::nullopt;
  return From(reinterpret_cast<sockaddr*>(&local));
}

std::string_view Address::bytes() const {
  return ipv6() ? std::string_view(reinterpret_cast<const char*>(&v6_.sin6_addr), 16)
                : std::string_view(reinterpret_cast<const char*>(&v4_.sin_addr), 4);
}

std::string Address::ip() const {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(any_.sa_family, bytes().data(), text, sizeof text);
  return text;
}

std::string Address::text() const {
  return ipv6() ? absl::StrCat("[", ip(), "]:", port()) : absl::StrCat(ip(), ":", port());
}

}  // namespace sluice::core
