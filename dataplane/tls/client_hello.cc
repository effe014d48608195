#include "dataplane/tls/client_hello.h"

#include <openssl/bytestring.h>
#include <openssl/ssl.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "dataplane/snapshot/syntax.h"

namespace sluice::tls {
namespace {

// X25519MLKEM768 first: it protects what is recorded today from tomorrow's quantum computer. P-256
// as a key exchange costs more than X25519; P-384 is for those who must.
constexpr std::array<uint16_t, kGroups> kPreference = {SSL_GROUP_X25519_MLKEM768, SSL_GROUP_X25519,
                                                       SSL_GROUP_SECP256R1, SSL_GROUP_SECP384R1};

// DNS has no top-level name of digits alone, so this is an IPv4 literal; IPv6 has colons, which no
// hostname has.
bool IsIpv4Literal(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);  // npos + 1 is 0
  return std::ranges::all_of(last, absl::ascii_isdigit);
}

}  // namespace

ServerName ServerName::FromExtension(core::Bytes extension) {
  CBS body, list, name;
  uint8_t type;
  CBS_init(&body, extension.data(), extension.size());
  if (!CBS_get_u16_length_prefixed(&body, &list) || CBS_len(&body) != 0 ||
      !CBS_get_u8(&list, &type) || type != TLSEXT_NAMETYPE_host_name ||
      !CBS_get_u16_length_prefixed(&list, &name) || CBS_len(&list) != 0) {
    return {};
  }
  return FromText({reinterpret_cast<const char*>(CBS_data(&name)), CBS_len(&name)});
}

ServerName ServerName::FromText(std::string_view text) {
  ServerName name;
  if (text.size() > name.text_.size()) return {};
  std::ranges::transform(text, name.text_.begin(),
                         [](unsigned char c) { return absl::ascii_tolower(c); });
  name.size_ = text.size();
  if (!snapshot::IsHostname(name.text()) || IsIpv4Literal(name.text())) return {};
  return name;
}

std::span<const uint16_t, kGroups> PreferredGroups() { return kPreference; }

std::array<uint16_t, kGroups> OrderGroups(core::Bytes key_share_extension) {
  CBS body, shares, key;
  CBS_init(&body, key_share_extension.data(), key_share_extension.size());
  std::array<bool, kGroups> offered = {};
  uint16_t group;
  if (CBS_get_u16_length_prefixed(&body, &shares)) {
    while (CBS_get_u16(&shares, &group) && CBS_get_u16_length_prefixed(&shares, &key)) {
      const auto found = std::ranges::find(kPreference, group);
      if (found != kPreference.end())
        offered[static_cast<size_t>(found - kPreference.begin())] = true;
    }
  }
  std::array<uint16_t, kGroups> order;
  size_t filled = 0;
  for (const bool wanted : {true, false}) {
    for (size_t i = 0; i < kGroups; ++i) {
      if (offered[i] == wanted) order[filled++] = kPreference[i];
    }
  }
  return order;
}

}  // namespace sluice::tls
