#include "dataplane/http/request_target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "dataplane/http/chars.h"

namespace sluice::http {
namespace {

using core::FaultCode;

constexpr size_t kMaxHostBytes = 255;

bool IsIpv6(std::string_view text) {
  char copy[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof copy) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  in6_addr address;
  return inet_pton(AF_INET6, copy, &address) == 1;
}

bool IsPort(std::string_view text) {
  if (text.size() > 5 ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  int port;
  return absl::SimpleAtoi(text, &port) && port >= 1 && port <= 65535;
}

// Dots separate labels that are not empty; one may end the name.
bool IsDnsName(std::string_view name) {
  if (name.empty() || name.size() > kMaxHostBytes) return false;
  char before = '.';
  for (char c : name) {
    if (!IsA(kHostChar, c) || (c == '.' && before == '.')) return false;
    before = c;
  }
  return true;
}

std::string_view LowerCase(core::Arena& arena, std::string_view text) {
  if (std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return text;
  }
  const std::string_view lower = arena.Copy(text);
  std::transform(lower.begin(), lower.end(), const_cast<char*>(lower.data()), ToLower);
  return lower;
}

// ---- paths --------------------------------------------------------------------------------------

// Writes a path segment by segment; nothing of it escapes the root.
class PathWriter {
 public:
  explicit PathWriter(char* out) : begin_(out), at_(out) {}

  void Put(char c) { *at_++ = c; }
  void StartSegment() {
    *at_++ = '/';
    segment_ = at_;
  }
  // False: the segment can be read in two ways.
  bool EndSegment(bool last) {
    const std::string_view segment(segment_, static_cast<size_t>(at_ - segment_));
    if (segment.empty() || segment == ".") {
      // Merged with what follows; a slash at the end stays.
      at_ = last ? segment_ : segment_ - 1;
    } else if (segment == "..") {
      at_ = segment_ - 1;
      while (at_ > begin_ && *--at_ != '/') {
      }
      if (last) *at_++ = '/';
    } else if (segment.starts_with(".;") || segment.starts_with("..;")) {
      return false;
    }
    return true;
  }
  char* at() const { return at_; }

 private:
  char* const begin_;
  char* at_;
  char* segment_ = nullptr;
};

// A UTF-8 sequence longer than its code point needs: "%c0%ae" is '.' to a careless decoder.
bool IsOverlong(int octet, std::string_view rest) {
  if (octet == 0xc0 || octet == 0xc1) return true;
  if (octet != 0xe0 && octet != 0xf0) return false;
  if (rest.size() < 3 || rest[0] != '%') return false;
  const int next = HexValue(rest[1]) * 16 + HexValue(rest[2]);
  return octet == 0xe0 ? next >= 0x80 && next < 0xa0 : next >= 0x80 && next < 0x90;
}

// One "%xx" at the start of `text`. False: no hex digits, or an octet that paths may not hide.
bool PutEncoded(std::string_view text, PathWriter& out) {
  if (text.size() < 3) return false;
  const int high = HexValue(text[1]);
  const int low = HexValue(text[2]);
  if (high < 0 || low < 0) return false;
  const int octet = high * 16 + low;
  if (octet < 0x20 || octet == 0x7f || octet == '/' || octet == '\\') return false;
  if (IsOverlong(octet, text.substr(3))) return false;
  if (IsA(kUnreserved, static_cast<char>(octet))) {
    out.Put(static_cast<char>(octet));
    return true;
  }
  constexpr char kHex[] = "0123456789ABCDEF";
  out.Put('%');
  out.Put(kHex[high]);
  out.Put(kHex[low]);
  return true;
}

bool WriteNormalPath(std::string_view path, PathWriter& out) {
  out.StartSegment();
  for (size_t i = 1; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '/') {
      if (!out.EndSegment(false)) return false;
      out.StartSegment();
    } else if (c == '%') {
      if (!PutEncoded(path.substr(i), out)) return false;
      i += 2;
    } else {
      out.Put(c);
    }
  }
  return out.EndSegment(true);
}

// Whether a path of legal characters is normal as it is.
bool IsNormalPath(std::string_view path) {
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%') return false;
    if (path[i] == '/' && i + 1 < path.size() && (path[i + 1] == '/' || path[i + 1] == '.')) {
      return false;
    }
  }
  return true;
}

// ---- targets ------------------------------------------------------------------------------------

std::string_view DefaultPort(std::string_view scheme) { return scheme == "https" ? "443" : "80"; }

// Sets the authority from Host. FaultCode::kNone also without one: the caller knows whether it may.
FaultCode ReadHost(RequestHead& head, std::optional<Authority>& authority) {
  bool seen = false;
  for (const Header& header : head.headers) {
    if (header.known != Known::kHost) continue;
    if (seen) return FaultCode::kBadRequest;
    seen = true;
    authority = ParseAuthority(head.headers.arena(), header.value);
    if (!authority) return FaultCode::kBadRequest;
  }
  if (seen) head.headers.Remove(Known::kHost);
  return FaultCode::kNone;
}

// Splits "http://authority/path?query". False: it is not that.
bool SplitAbsolute(std::string_view target, std::string_view& authority, std::string_view& rest) {
  const size_t colon = target.find("://");
  if (colon == std::string_view::npos) return false;
  const std::string_view scheme = target.substr(0, colon);
  if (!absl::EqualsIgnoreCase(scheme, "http") && !absl::EqualsIgnoreCase(scheme, "https")) {
    return false;
  }
  target.remove_prefix(colon + 3);
  const size_t end = target.find_first_of("/?#");
  authority = target.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : target.substr(end);
  return true;
}

// The authority of an absolute target replaces Host, which must agree (RFC 9112 3.2.2).
FaultCode ReadAbsolute(RequestHead& head, std::string_view& target,
                       std::optional<Authority>& authority) {
  std::string_view text, rest;
  if (!SplitAbsolute(target, text, rest)) return FaultCode::kBadRequest;
  core::Arena& arena = head.headers.arena();
  const std::optional<Authority> named = ParseAuthority(arena, text);
  if (!named) return FaultCode::kBadRequest;
  if (authority && !SameAuthority(*authority, *named, head.scheme)) return FaultCode::kBadRequest;
  if (!authority && head.version != Version::kHttp10) return FaultCode::kBadRequest;
  authority = named;
  if (rest.empty()) {
    target = head.method == "OPTIONS" ? "*" : "/";
  } else {
    target = rest.front() == '?' ? arena.Concat({"/", rest}) : rest;
  }
  return FaultCode::kNone;
}

}  // namespace

std::optional<Authority> ParseAuthority(core::Arena& arena, std::string_view text) {
  Authority authority = {.text = text, .host = text, .port = {}};
  const bool bracketed = text.starts_with('[');
  const size_t host_end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && host_end == std::string_view::npos) return std::nullopt;
  const size_t colon = bracketed ? host_end + 1 : host_end;
  if (colon != std::string_view::npos && colon < text.size()) {
    if (text[colon] != ':') return std::nullopt;
    authority.host = text.substr(0, colon);
    authority.port = text.substr(colon + 1);
    // "host:" is legal, if odd: the same as without the colon.
    if (authority.port.empty()) {
      authority.text = authority.host;
    } else if (!IsPort(authority.port)) {
      return std::nullopt;
    }
  }
  const std::string_view host = authority.host;
  if (bracketed ? !IsIpv6(host.substr(1, host.size() - 2)) : !IsDnsName(host)) return std::nullopt;
  if (authority.host.ends_with('.')) authority.host.remove_suffix(1);
  authority.host = LowerCase(arena, authority.host);
  return authority;
}

bool SameAuthority(const Authority& a, const Authority& b, std::string_view scheme) {
  const auto port = [&](const Authority& one) {
    return one.port.empty() ? DefaultPort(scheme) : one.port;
  };
  return a.host == b.host && port(a) == port(b);
}

std::optional<std::string_view> NormalizeTarget(core::Arena& arena, std::string_view target) {
  if (!target.starts_with('/')) return std::nullopt;
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string_view query = target.substr(path.size());
  if (!AllAre(kPathChar, path) || !AllAre(kQueryChar, query)) return std::nullopt;
  if (IsNormalPath(path)) return target;

  auto* text = static_cast<char*>(arena.Allocate(target.size()));
  PathWriter out(text);
  if (!WriteNormalPath(path, out)) return std::nullopt;
  std::memcpy(out.at(), query.data(), query.size());
  return std::string_view(text, static_cast<size_t>(out.at() - text) + query.size());
}

FaultCode ReadTarget(RequestHead& head, std::string_view target) {
  if (head.method == "CONNECT" || head.method == "TRACE") return FaultCode::kMethodNotAllowed;
  std::optional<Authority> authority;
  if (FaultCode code = ReadHost(head, authority); code != FaultCode::kNone) return code;
  if (!authority && head.version == Version::kHttp11 && target.starts_with('/')) {
    return FaultCode::kBadRequest;
  }
  const bool asterisk = target == "*";
  if (asterisk && head.method != "OPTIONS") return FaultCode::kBadRequest;
  if (asterisk && !authority && head.version != Version::kHttp10) return FaultCode::kBadRequest;
  if (!asterisk && !target.starts_with('/')) {
    if (FaultCode code = ReadAbsolute(head, target, authority); code != FaultCode::kNone) {
      return code;
    }
  }
  if (authority) {
    head.authority = authority->text;
    head.host = authority->host;
  }
  if (target == "*") {
    head.target = target;
    return FaultCode::kNone;
  }
  const auto normal = NormalizeTarget(head.headers.arena(), target);
  if (!normal) return FaultCode::kBadRequest;
  head.target = *normal;
  return FaultCode::kNone;
}

}  // namespace sluice::http
