// An IPv4 or IPv6 address with a port, as the socket calls take it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::core {

class Address {
 public:
  Address() = default;
  // `text` without brackets or port; nullopt if it is neither IPv4 nor IPv6.
  static std::optional<Address> Parse(std::string_view text, uint16_t port);
  // "1.2.3.4:80" or "[::1]:80".
  static std::optional<Address> ParseWithPort(std::string_view text);
  // Local and remote end of a socket; an IPv4-mapped IPv6 address becomes IPv4.
  static std::optional<Address> OfLocal(int fd);
  static Address From(const sockaddr* address);

  const sockaddr* get() const { return &any_; }
  socklen_t size() const { return ipv6() ? sizeof v6_ : sizeof v4_; }
  bool ipv6() const { return any_.sa_family == AF_INET6; }
  bool valid() const { return any_.sa_family != AF_UNSPEC; }
  uint16_t port() const { return ntohs(ipv6() ? v6_.sin6_port : v4_.sin_port); }
  // Network byte order, 4 or 16 bytes.
  std::string_view bytes() const;

  std::string ip() const;    // "1.2.3.4", "::1"
  std::string text() const;  // "1.2.3.4:80", "[::1]:80"

  bool operator==(const Address& other) const {
    return ipv6() == other.ipv6() && port() == other.port() && bytes() == other.bytes();
  }
  template <typename H>
  friend H AbslHashValue(H h, const Address& a) {
    return H::combine(std::move(h), a.bytes(), a.port());
  }

 private:
  union {
    sockaddr any_ = {};
    sockaddr_in v4_;
    sockaddr_in6 v6_;
  };
};

}  // namespace sluice::core
