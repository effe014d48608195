#include "dataplane/snapshot/syntax.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"

namespace sluice::snapshot {
namespace {

constexpr size_t kMaxHostnameBytes = 253;
constexpr size_t kMaxLabelBytes = 63;

bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabelBytes && label.front() != '-' &&
         label.back() != '-' && std::ranges::all_of(label, [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_';
         });
}

// Prefix length bound of the family, or 0 if `text` is no canonical address.
int AddressBits(std::string_view text) {
  const std::string address(text);  // inet_pton wants a terminator
  for (const auto& [family, bits] : {std::pair{AF_INET, 32}, std::pair{AF_INET6, 128}}) {
    std::array<uint8_t, 16> binary;
    char canonical[INET6_ADDRSTRLEN];
    if (inet_pton(family, address.c_str(), binary.data()) == 1 &&
        inet_ntop(family, binary.data(), canonical, sizeof canonical) != nullptr) {
      return text == canonical ? bits : 0;
    }
  }
  return 0;
}

bool IsTokenChar(unsigned char c) {
  return absl::ascii_isalnum(c) || absl::StrContains("!#$%&'*+-.^_`|~", static_cast<char>(c));
}

bool IsPathChar(unsigned char c) {
  return absl::ascii_isalnum(c) || absl::StrContains("/-._~!$&'()*+,;=:@", static_cast<char>(c));
}

}  // namespace

bool IsHostname(std::string_view text) {
  if (text.empty() || text.size() > kMaxHostnameBytes) return false;
  while (true) {
    const size_t dot = text.find('.');
    if (!IsLabel(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool IsHostnamePattern(std::string_view text) {
  if (text.empty()) return true;
  return IsHostname(text.starts_with("*.") ? text.substr(2) : text);
}

bool IsCanonicalAddress(std::string_view text) { return AddressBits(text) != 0; }

bool IsCidr(std::string_view text) {
  const size_t slash = text.find('/');
  int length;
  return slash != std::string_view::npos && absl::SimpleAtoi(text.substr(slash + 1), &length) &&
         length >= 0 && length <= AddressBits(text.substr(0, slash)) &&
         IsCanonicalAddress(text.substr(0, slash));
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, IsTokenChar);
}

bool IsLowerToken(std::string_view text) {
  return IsToken(text) && std::ranges::none_of(text, absl::ascii_isupper);
}

bool IsHeaderValue(std::string_view text) {
  if (text != absl::StripAsciiWhitespace(text)) return false;
  return std::ranges::all_of(text,
                             [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });
}

bool IsPathText(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) ||
          !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
        return false;
      }
      i += 2;
    } else if (!IsPathChar(static_cast<unsigned char>(text[i]))) {
      return false;
    }
  }
  return true;
}

bool IsAbsolutePath(std::string_view text) { return text.starts_with('/') && IsPathText(text); }

bool IsModifiableHeader(std::string_view name) {
  static constexpr std::string_view kOurs[] = {"connection", "content-length",  "expect",
                                               "host",       "http2-settings",  "keep-alive",
                                               "te",         "trailer",         "transfer-encoding",
                                               "upgrade",    "proxy-connection"};
  return std::ranges::none_of(
      kOurs, [&](std::string_view ours) { return absl::EqualsIgnoreCase(ours, name); });
}

}  // namespace sluice::snapshot
