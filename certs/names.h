// How certificate names match a server name (RFC 6125 6.4.3): a wildcard is the whole leftmost
// label and spans exactly one. (The hostnames of listeners and routes are wider: a wildcard there
// spans any number of labels.) Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::certs {

enum class NameMatch : uint8_t { kNone, kWildcard, kExact };  // in order of preference

// REQUIRES: both in lower case, `host` without a trailing dot.
NameMatch MatchName(std::string_view pattern, std::string_view host);

// The best match of any of `patterns`.
NameMatch MatchNames(std::span<const std::string> patterns, std::string_view host);

}  // namespace sluice::certs
