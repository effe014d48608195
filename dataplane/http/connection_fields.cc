#include "dataplane/http/connection_fields.h"

#include <array>
#include <limits>

#include "absl/strings/match.h"
#include "dataplane/http/chars.h"

namespace sluice::http {
namespace {

constexpr size_t kMaxOptions = 32;  // names that Connection may list

constexpr uint64_t Bit(Known known) { return uint64_t{1} << static_cast<int>(known); }

// What a client may not have removed by listing it in Connection: other checks lean on these.
constexpr uint64_t kProtected =
    Bit(Known::kHost) | Bit(Known::kDate) | Bit(Known::kExpect) | Bit(Known::kForwarded) |
    Bit(Known::kVia) | Bit(Known::kXForwardedClientCert) | Bit(Known::kXForwardedFor) |
    Bit(Known::kXForwardedHost) | Bit(Known::kXForwardedPort) | Bit(Known::kXForwardedProto) |
    Bit(Known::kXRealIp) | Bit(Known::kXRequestId);

bool IsIn(uint64_t set, Known known) { return (set & Bit(known)) != 0; }

// Calls `each` with the elements of a comma-separated list, empty ones left out.
template <typename Each>
bool ForEachElement(std::string_view list, Each each) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view element = TrimSpace(list.substr(0, comma));
    if (!element.empty() && !each(element)) return false;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return true;
}

// `others` counts the names that we do not know.
bool ReadConnection(std::string_view value, ConnectionFields& fields, size_t& others) {
  return ForEachElement(value, [&](std::string_view option) {
    if (absl::EqualsIgnoreCase(option, "close")) {
      fields.close = true;
    } else if (absl::EqualsIgnoreCase(option, "keep-alive")) {
      fields.keep_alive = true;
    } else if (absl::EqualsIgnoreCase(option, "upgrade")) {
      fields.upgrades = true;
    } else {
      return ++others <= kMaxOptions && AllAre(kTokenChar, option);
    }
    return true;
  });
}

bool IsListed(const HeaderList& headers, std::string_view name) {
  bool listed = false;
  for (const Header& header : headers) {
    if (header.known != Known::kConnection) continue;
    ForEachElement(header.value, [&](std::string_view option) {
      listed |= absl::EqualsIgnoreCase(option, name);
      return !listed;
    });
  }
  return listed;
}

// False: the field breaks the message.
bool ReadField(const Header& header, ConnectionFields& fields, size_t& others) {
  switch (header.known) {
    case Known::kConnection:
      return ReadConnection(header.value, fields, others);
    case Known::kContentLength:
      if (fields.content_length >= 0) return false;
      fields.content_length = ParseContentLength(header.value);
      return fields.content_length >= 0;
    case Known::kTransferEncoding:
      if (fields.chunked) return false;
      fields.chunked = absl::EqualsIgnoreCase(header.value, "chunked");
      return fields.chunked;
    case Known::kUpgrade:
      // More than one proposal is none that we would choose among.
      fields.upgrade = fields.upgrade.data() == nullptr ? header.value : std::string_view("", 0);
      return true;
    case Known::kTe:
      ForEachElement(header.value, [&](std::string_view coding) {
        fields.te_trailers |= absl::EqualsIgnoreCase(coding, "trailers");
        return true;
      });
      return true;
    default:
      return true;
  }
}

bool IsRemovable(const Header& header) {
  return !IsIn(kProtected, header.known) && header.name != "authorization" &&
         header.name != "cookie";
}

// The Connection fields themselves stay: the list is read while it shrinks.
void RemoveListed(HeaderList& headers) {
  for (size_t i = 0; i < headers.size();) {
    const Header header = headers.begin()[i];
    const bool remove =
        !IsFraming(header.known) && IsRemovable(header) && IsListed(headers, header.name);
    if (!remove || headers.Remove(header.name) == 0) ++i;
  }
}

}  // namespace

int64_t ParseContentLength(std::string_view value) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  if (value.empty()) return -1;
  int64_t length = 0;
  for (char c : value) {
    if (c < '0' || c > '9') return -1;
    const int digit = c - '0';
    if (length > (kMax - digit) / 10) return -1;
    length = length * 10 + digit;
  }
  return length;
}

std::optional<ConnectionFields> TakeConnectionFields(HeaderList& headers, Version version) {
  ConnectionFields fields;
  size_t others = 0;
  bool any = false;
  for (const Header& header : headers) {
    if (!IsFraming(header.known)) continue;
    any = true;
    if (!ReadField(header, fields, others)) return std::nullopt;
  }
  if (fields.chunked && (fields.content_length >= 0 || version == Version::kHttp10)) {
    return std::nullopt;
  }
  if (!fields.upgrades) fields.upgrade = {};
  if (others > 0) RemoveListed(headers);
  if (any) headers.RemoveIf([](const Header& header) { return IsFraming(header.known); });
  return fields;
}

bool CleanTrailers(HeaderList& trailers) {
  bool clean = true;
  trailers.RemoveIf([&](const Header& header) {
    clean &= header.known != Known::kTransferEncoding && header.known != Known::kContentLength &&
             header.known != Known::kHost && !header.name.starts_with(':');
    return IsFraming(header.known) || IsIn(kProtected, header.known) ||
           header.known == Known::kTrailer || !IsRemovable(header);
  });
  return clean;
}

}  // namespace sluice::http
