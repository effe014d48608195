// What we read from a ClientHello before a listener is chosen (RFC 8446 4.1.2, RFC 6066 3). The
// input is hostile; nothing is allocated. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/core/bytes.h"

namespace sluice::tls {

// A server name in lower case, or "" if the client sent none that a listener could have: no name,
// an IP literal, a trailing dot, a NUL, too long. Those get what a client without SNI gets.
class ServerName {
 public:
  ServerName() = default;
  // The body of the server_name extension. A damaged one gives ""; BoringSSL then refuses it.
  static ServerName FromExtension(core::Bytes extension);
  static ServerName FromText(std::string_view text);

  std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, 253> text_;
  size_t size_ = 0;
};

// Our groups in the order that suits this client: those that it sent a key share for first (each
// part in our order of preference), so that a handshake takes one round trip where it can.
inline constexpr size_t kGroups = 4;
std::span<const uint16_t, kGroups> PreferredGroups();
std::array<uint16_t, kGroups> OrderGroups(core::Bytes key_share_extension);

}  // namespace sluice::tls
