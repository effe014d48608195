#include "dataplane/http/connection_fields.h"

#include <array>
#include <limits>

#include "absl/strings/match.h"
#include "dataplane/http/chars.h"

namespace sluice::http {
namespace {

constexpr size_t kMaxOptions = 32;  // names that Connection may list

constexpr uint64_t Bit(Known known) { return uint64_t{1} << static_cast<int>(known); }

constexpr uint64_t kFraming = Bit(Known::kConnection) | Bit(Known::kContentLength) |
                              Bit(Known::kKeepAlive) | Bit(Known::kProxyConnection) |
                              Bit(Known::kTransferEncoding) | Bit(Known::kUpgrade) |
                              Bit(Known::kTe) | Bit(Known::kHttp2Settings);

// What a client may not have removed by listing it in Connection: other checks lean on these.
constexpr uint64_t kProtected =
    Bit(Known::kHost) | Bit(Known::kDate) | Bit(Known::kExpect) | Bit(Known::kForwarded) |
    Bit(Known::kVia) | Bit(Known::kXForwardedClientCert) | Bit(Known::kXForwardedFor) |
    Bit(Known::kXForwardedHost) | Bit(Known::kXForwardedPort) | Bit(Known::kXForwardedProto) |
    Bit(Known::kXRealIp) | Bit(Known::kXRequestId);

bool IsIn(uint64_t set, Known known) { return (set & Bit(known)) != 0; }

// Names listed in Connection beside the ones that we know.
struct Options {
  std::array<std::string_view, kMaxOptions> names;
  size_t size = 0;

  bool Has(std::string_view name) const {
    for (size_t i = 0; i < size; ++i) {
      if (absl::EqualsIgnoreCase(names[i], name)) return true;
    }
    return false;
  }
};

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

bool ReadConnection(std::string_view value, ConnectionFields& fields, Options& options) {
  return ForEachElement(value, [&](std::string_view option) {
    if (absl::EqualsIgnoreCase(option, "close")) {
      fields.close = true;
    } else if (absl::EqualsIgnoreCase(option, "keep-alive")) {
      fields.keep_alive = true;
    } else if (absl::EqualsIgnoreCase(option, "upgrade")) {
      fields.upgrades = true;
    } else {
      if (options.size == kMaxOptions || !AllAre(kTokenChar, option)) return false;
      options.names[options.size++] = option;
    }
    return true;
  });
}

// False: the field breaks the message.
bool ReadField(const Header& header, ConnectionFields& fields, Options& options) {
  switch (header.known) {
    case Known::kConnection:
      return ReadConnection(header.value, fields, options);
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

}  // namespace

bool IsFraming(Known known) { return IsIn(kFraming, known); }

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
  Options options;
  bool any = false;
  for (const Header& header : headers) {
    if (!IsFraming(header.known)) continue;
    any = true;
    if (!ReadField(header, fields, options)) return std::nullopt;
  }
  if (fields.chunked && (fields.content_length >= 0 || version == Version::kHttp10)) {
    return std::nullopt;
  }
  if (!fields.upgrades) fields.upgrade = {};
  if (!any) return fields;
  headers.RemoveIf([&](const Header& header) {
    return IsFraming(header.known) ||
           (options.size > 0 && options.Has(header.name) && IsRemovable(header));
  });
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
