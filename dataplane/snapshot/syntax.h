// What the strings of a Snapshot may look like: the predicates that Validate applies and that the
// compiler applies first, object by object, so that one bad object never spoils a generation.
// Pure functions.
#pragma once

#include <string_view>

namespace sluice::snapshot {

// A DNS name in lower case: labels of letters, digits, '-' and '_', no trailing dot; 253 bytes.
bool IsHostname(std::string_view text);
// The same, or "" (all), or "*." and such a name.
bool IsHostnamePattern(std::string_view text);

// Textual IPv4 or IPv6 exactly as inet_ntop writes it.
bool IsCanonicalAddress(std::string_view text);
bool IsCidr(std::string_view text);  // "192.0.2.0/24"

bool IsToken(std::string_view text);        // RFC 9110 5.6.2: methods, header names
bool IsLowerToken(std::string_view text);   // without upper-case letters
bool IsHeaderValue(std::string_view text);  // RFC 9110 5.5, without surrounding whitespace

// A path as it stands on the wire: '/' and pchar (RFC 3986 3.3), whole %-escapes.
bool IsPathText(std::string_view text);
bool IsAbsolutePath(std::string_view text);  // the same, beginning with '/'

// Framing and routing fields are ours alone: no header modifier may touch them. Any case.
bool IsModifiableHeader(std::string_view name);

}  // namespace sluice::snapshot
