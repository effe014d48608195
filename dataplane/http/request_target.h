// What a request is for, whatever the HTTP version: authority and target, checked strictly and
// brought to one form (RFC 3986 6.2, RFC 9110 4.2.3, RFC 9112 3.2). Router, filters and backend all
// see the result and nothing else, so no two of them can read one path in two ways. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "dataplane/core/fault.h"
#include "dataplane/http/message.h"

namespace sluice::http {

struct Authority {
  std::string_view text;  // host[:port]
  std::string_view host;  // lower case, without trailing dot
  std::string_view port;  // digits; empty: the scheme's own
};

// A DNS name, IPv4 address or bracketed IPv6 address, with a port or without. Nullopt for all else:
// userinfo, lists, paths, percent-encoding, ports out of range.
std::optional<Authority> ParseAuthority(core::Arena& arena, std::string_view text);
bool SameAuthority(const Authority& a, const Authority& b, std::string_view scheme);

// The normal form of an origin-form target: unreserved octets decoded, dot segments resolved, runs
// of slashes merged, upper case hex; the query as it is. Returns `target` itself if it is normal.
// Nullopt: it is not one, or can be read in two ways (%2f, %5c, %00, controls, "..;x", overlong
// UTF-8, a backslash, a fragment).
std::optional<std::string_view> NormalizeTarget(core::Arena& arena, std::string_view target);

// Fills `head`'s authority, host and target from the target as sent and from Host, which it takes
// out of the headers. REQUIRES: method, scheme and version are set.
core::FaultCode ReadTarget(RequestHead& head, std::string_view target);

}  // namespace sluice::http
