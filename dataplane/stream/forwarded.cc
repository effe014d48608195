#include "dataplane/stream/forwarded.h"

#include <algorithm>

#include "absl/strings/numbers.h"

namespace sluice::stream {
namespace {

using http::Known;

bool IsForwardingField(Known known) {
  switch (known) {
    case Known::kForwarded:
    case Known::kXForwardedClientCert:
    case Known::kXForwardedFor:
    case Known::kXForwardedHost:
    case Known::kXForwardedPort:
    case Known::kXForwardedProto:
    case Known::kXRealIp:
      return true;
    default:
      return false;
  }
}

void SetFresh(http::RequestHead& head, const Peer& peer) {
  http::HeaderList& headers = head.headers;
  headers.RemoveIf([](const http::Header& h) { return IsForwardingField(h.known); });
  headers.Add(Known::kXForwardedFor, peer.ip);
  headers.Add(Known::kXForwardedProto, peer.https ? "https" : "http");
  headers.Add(Known::kXForwardedHost, head.authority);
  headers.Add(Known::kXForwardedPort, peer.local_port);
  headers.Add(Known::kXRealIp, peer.ip);
}

// The chain so far in one field, with the peer behind it.
std::string_view ExtendChain(http::HeaderList& headers, std::string_view ip) {
  std::string_view chain;
  for (const http::Header& h : headers) {
    if (h.known != Known::kXForwardedFor || h.value.empty()) continue;
    chain = chain.empty() ? h.value : headers.arena().Concat({chain, ", ", h.value});
  }
  return chain.empty() ? ip : headers.arena().Concat({chain, ", ", ip});
}

void SetExtended(http::RequestHead& head, const Peer& peer) {
  http::HeaderList& headers = head.headers;
  headers.Set(Known::kXForwardedFor, ExtendChain(headers, peer.ip));
  headers.Remove(Known::kForwarded);
  headers.Remove(Known::kXForwardedClientCert);
  if (!headers.Find(Known::kXForwardedProto)) {
    headers.Add(Known::kXForwardedProto, peer.https ? "https" : "http");
  }
  if (!headers.Find(Known::kXForwardedHost)) headers.Add(Known::kXForwardedHost, head.authority);
  if (!headers.Find(Known::kXForwardedPort)) headers.Add(Known::kXForwardedPort, peer.local_port);
  if (!headers.Find(Known::kXRealIp)) headers.Add(Known::kXRealIp, peer.ip);
}

}  // namespace

std::optional<Cidr> Cidr::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  std::optional<core::Address> network = core::Address::Parse(text.substr(0, slash), 0);
  if (!network) return std::nullopt;
  const uint32_t most = network->ipv6() ? 128 : 32;
  uint32_t bits = most;
  if (slash != std::string_view::npos &&
      (!absl::SimpleAtoi(text.substr(slash + 1), &bits) || bits > most)) {
    return std::nullopt;
  }
  Cidr cidr;
  cidr.network_ = *network;
  cidr.bits_ = static_cast<uint8_t>(bits);
  return cidr;
}

bool Cidr::Contains(const core::Address& address) const {
  if (address.ipv6() != network_.ipv6()) return false;
  const std::string_view a = address.bytes(), b = network_.bytes();
  const size_t whole = bits_ / 8;
  if (a.substr(0, whole) != b.substr(0, whole)) return false;
  if (bits_ % 8 == 0) return true;
  const auto mask = static_cast<uint8_t>(0xFF << (8 - bits_ % 8));
  return ((static_cast<uint8_t>(a[whole]) ^ static_cast<uint8_t>(b[whole])) & mask) == 0;
}

void SetForwarded(http::RequestHead& head, const Peer& peer, std::span<const Cidr> trusted) {
  const bool known = std::any_of(trusted.begin(), trusted.end(),
                                 [&](const Cidr& cidr) { return cidr.Contains(peer.address); });
  if (known) return SetExtended(head, peer);
  SetFresh(head, peer);
}

}  // namespace sluice::stream
