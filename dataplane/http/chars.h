// Character classes of HTTP's grammars, as one table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::http {

enum CharClass : uint8_t {
  kTokenChar = 1,    // RFC 9110 5.6.2
  kPathChar = 2,     // of a path that needs no normalising but for '.', '/' and '%'
  kQueryChar = 4,    // of a query
  kHostChar = 8,     // of a DNS name, upper case and '_' included
  kUnreserved = 16,  // RFC 3986 2.3
  kFieldChar = 32,   // of a field value: no control but HTAB (RFC 9110 5.5)
};

constexpr std::array<uint8_t, 256> MakeCharClasses() {
  std::array<uint8_t, 256> classes = {};
  const auto add = [&](std::string_view chars, int bits) {
    for (char c : chars) classes[static_cast<uint8_t>(c)] |= static_cast<uint8_t>(bits);
  };
  constexpr std::string_view kAlphanumeric =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  add(kAlphanumeric, kTokenChar | kPathChar | kQueryChar | kHostChar | kUnreserved);
  add("-._", kTokenChar | kPathChar | kQueryChar | kHostChar | kUnreserved);
  add("~", kTokenChar | kPathChar | kQueryChar | kUnreserved);
  add("!$%&'*+", kTokenChar | kPathChar | kQueryChar);
  add("^`|", kTokenChar | kPathChar | kQueryChar);  // not RFC 3986, but what browsers send
  add("()/:;=@,", kPathChar | kQueryChar);
  add("\"<>[]{}", kPathChar | kQueryChar);  // the same
  add("\\?", kQueryChar);
  add("#", kTokenChar);
  for (int c = 0; c < 256; ++c) {
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) classes[c] |= kFieldChar;
  }
  return classes;
}

inline constexpr std::array<uint8_t, 256> kCharClasses = MakeCharClasses();

constexpr bool IsA(CharClass wanted, char c) {
  return (kCharClasses[static_cast<uint8_t>(c)] & wanted) != 0;
}

constexpr bool AllAre(CharClass wanted, std::string_view text) {
  uint8_t common = wanted;
  for (char c : text) common &= kCharClasses[static_cast<uint8_t>(c)];
  return common != 0;
}

constexpr char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

constexpr int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ToLower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Without spaces and tabs at both ends.
constexpr std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace sluice::http
