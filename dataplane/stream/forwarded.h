// What we tell a backend of the client, and what of the client's own claims we take away.
// X-Forwarded-For, -Proto, -Host, -Port and X-Real-IP are always ours; a peer among the trusted
// proxies has its X-Forwarded-For extended and its other X-Forwarded-* kept.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "dataplane/core/address.h"
#include "dataplane/http/message.h"

namespace sluice::stream {

// An address range; empty text or a bad one never gets here (Validate).
class Cidr {
 public:
  static std::optional<Cidr> Parse(std::string_view text);
  bool Contains(const core::Address& address) const;

 private:
  core::Address network_;
  uint8_t bits_ = 0;
};

struct Peer {
  const core::Address& address;
  std::string_view ip;          // its text
  std::string_view local_port;  // of the listener, text
  bool https = false;
};

// Rewrites the forwarding fields of `head`.
void SetForwarded(http::RequestHead& head, const Peer& peer, std::span<const Cidr> trusted);

}  // namespace sluice::stream
