// Requests and responses as the stream sees them, whatever the HTTP version: plain values whose
// text lives in the stream's arena. Names are lower case from the parser on. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/core/arena.h"

namespace sluice::http {

// Header names that we act on; all others are kOther. X(enumerator, name)
#define SLUICE_KNOWN_HEADERS(X)                       \
  X(kConnection, "connection")                        \
  X(kContentLength, "content-length")                 \
  X(kDate, "date")                                    \
  X(kExpect, "expect")                                \
  X(kForwarded, "forwarded")                          \
  X(kHost, "host")                                    \
  X(kHttp2Settings, "http2-settings")                 \
  X(kKeepAlive, "keep-alive")                         \
  X(kProxyAuthenticate, "proxy-authenticate")         \
  X(kProxyConnection, "proxy-connection")             \
  X(kServer, "server")                                \
  X(kTe, "te")                                        \
  X(kTrailer, "trailer")                              \
  X(kTransferEncoding, "transfer-encoding")           \
  X(kUpgrade, "upgrade")                              \
  X(kUserAgent, "user-agent")                         \
  X(kVia, "via")                                      \
  X(kXForwardedClientCert, "x-forwarded-client-cert") \
  X(kXForwardedFor, "x-forwarded-for")                \
  X(kXForwardedHost, "x-forwarded-host")              \
  X(kXForwardedPort, "x-forwarded-port")              \
  X(kXForwardedProto, "x-forwarded-proto")            \
  X(kXRealIp, "x-real-ip")                            \
  X(kXRequestId, "x-request-id")

enum class Known : uint8_t {
  kOther,
#define X(enumerator, name) enumerator,
  SLUICE_KNOWN_HEADERS(X)
#undef X
};

// `name` in lower case.
Known Recognize(std::string_view name);
std::string_view NameOf(Known known);  // static storage

struct Header {
  std::string_view name;  // lower case
  std::string_view value;
  Known known = Known::kOther;
};

// Fields in order of arrival. Storage is the arena's; the list itself is trivially destructible.
class HeaderList {
 public:
  explicit HeaderList(core::Arena& arena) : arena_(&arena) {}

  void Add(const Header& header) {
    if (size_ == capacity_) Grow();
    fields_[size_++] = header;
  }
  // Copies neither: both must live as long as the arena.
  void Add(std::string_view lower_name, std::string_view value) {
    Add({lower_name, value, Recognize(lower_name)});
  }
  void Add(Known known, std::string_view value) { Add({NameOf(known), value, known}); }

  // The first of that name, or null.
  const Header* Find(Known known) const;
  const Header* Find(std::string_view lower_name) const;
  // Removes all of that name; returns how many.
  size_t Remove(Known known);
  size_t Remove(std::string_view lower_name);
  // Replaces the first of that name and removes the others; adds if there is none.
  void Set(std::string_view lower_name, std::string_view value);
  void Set(Known known, std::string_view value);
  template <typename Predicate>
  size_t RemoveIf(Predicate predicate) {
    size_t kept = 0;
    for (size_t i = 0; i < size_; ++i) {
      if (predicate(fields_[i])) continue;
      if (kept != i) fields_[kept] = fields_[i];
      ++kept;
    }
    const size_t removed = size_ - kept;
    size_ = kept;
    return removed;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Header* begin() { return fields_; }
  Header* end() { return fields_ + size_; }
  const Header* begin() const { return fields_; }
  const Header* end() const { return fields_ + size_; }
  Header& back() { return fields_[size_ - 1]; }
  core::Arena& arena() const { return *arena_; }

 private:
  void Grow();

  core::Arena* arena_;
  Header* fields_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// How long a body is (RFC 9112 6.3, RFC 9113 8.1.1).
struct BodyLength {
  enum class Kind : uint8_t {
    kNone,     // there is no body
    kKnown,    // exactly `bytes`
    kUnknown,  // ends by chunks, END_STREAM, or (responses of HTTP/1) the end of the connection
  };
  Kind kind = Kind::kNone;
  uint64_t bytes = 0;
};

enum class Version : uint8_t { kHttp10, kHttp11, kHttp2 };

// After the codec: framing and connection-level fields (Connection and what it lists, Keep-Alive,
// Proxy-Connection, Transfer-Encoding, Content-Length, Upgrade, TE but "trailers", Host,
// HTTP2-Settings, Expect) are in the members below and no longer in `headers`.
struct RequestHead {
  explicit RequestHead(core::Arena& arena) : headers(arena) {}

  Version version = Version::kHttp11;
  std::string_view method;
  std::string_view scheme;     // "http" or "https": of the connection, or :scheme
  std::string_view authority;  // host[:port]; empty only for HTTP/1.0 without Host
  std::string_view host;       // lower case, without port, without trailing dot
  std::string_view target;     // origin form "/path?query", or "*" for OPTIONS
  HeaderList headers;
  BodyLength body;
  bool expect_continue = false;  // Expect: 100-continue
  bool te_trailers = false;      // the client takes trailers (TE: trailers)
  std::string_view upgrade;      // the protocol asked for ("websocket"), HTTP/1.1 only; else empty

  std::string_view path() const { return target.substr(0, target.find('?')); }
  // Without '?'; empty if there is none.
  std::string_view query() const {
    const size_t at = target.find('?');
    return at == std::string_view::npos ? std::string_view() : target.substr(at + 1);
  }
};

// The same rule for `headers`.
struct ResponseHead {
  explicit ResponseHead(core::Arena& arena) : headers(arena) {}

  int status = 0;
  HeaderList headers;
  BodyLength body;  // for HEAD, 204 and 304: kNone, and `declared_length` tells
  int64_t declared_length =
      -1;                    // Content-Length of a response without a body (HEAD, 304); -1: none
  std::string_view upgrade;  // with 101: the protocol switched to
};

}  // namespace sluice::http
