#include "gateway-api/rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace sluice::gateway_api {
namespace {

bool IsLowerAlnum(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

// [a-z0-9]([-a-z0-9]*[a-z0-9])?
bool IsLabelChars(std::string_view text) {
  return !text.empty() && IsLowerAlnum(text.front()) && IsLowerAlnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return IsLowerAlnum(c) || c == '-'; });
}

bool AllIn(std::string_view text, std::string_view extra) {
  return std::ranges::all_of(text, [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || extra.find(c) != extra.npos;
  });
}

bool IsAlnum(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

}  // namespace

bool IsLabelName(std::string_view text) { return IsLabelChars(text); }

bool IsSubdomain(std::string_view text) {
  std::vector<std::string_view> labels = absl::StrSplit(text, '.');
  return std::ranges::all_of(labels, IsLabelChars);
}

bool IsHostname(std::string_view text) {
  if (text.starts_with("*.")) text.remove_prefix(2);
  return IsSubdomain(text);
}

bool IsGroup(std::string_view text) { return text.empty() || IsSubdomain(text); }

bool IsKind(std::string_view text) {
  return !text.empty() && absl::ascii_isalpha(static_cast<unsigned char>(text.front())) &&
         IsAlnum(text.back()) && AllIn(text, "-");
}

bool IsToken(std::string_view text) { return !text.empty() && AllIn(text, "!#$%&'*+-.^_`|~"); }

bool IsQualifiedName(std::string_view text) {
  size_t slash = text.find('/');
  std::string_view name = text;
  if (slash != text.npos) {
    if (slash > 252 || !IsSubdomain(text.substr(0, slash))) return false;
    name.remove_prefix(slash + 1);
  }
  return !name.empty() && name.size() <= 63 && IsAlnum(name.front()) && IsAlnum(name.back()) &&
         AllIn(name, "-_.");
}

bool IsLabelValue(std::string_view text) {
  if (text.empty()) return true;
  return IsAlnum(text.front()) && IsAlnum(text.back()) && AllIn(text, "-_.");
}

bool IsControllerName(std::string_view text) {
  size_t slash = text.find('/');
  if (slash == text.npos || slash + 1 == text.size()) return false;
  return IsSubdomain(text.substr(0, slash)) && AllIn(text.substr(slash + 1), "/-._~%!$&'()*+,;=:");
}

bool IsProtocol(std::string_view text) {
  size_t slash = text.find('/');
  if (slash != text.npos) {
    std::string_view name = text.substr(slash + 1);
    return IsSubdomain(text.substr(0, slash)) && !name.empty() && AllIn(name, "");
  }
  return !text.empty() && IsAlnum(text.front()) && IsAlnum(text.back()) && AllIn(text, "-");
}

bool IsUrlPath(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (!AllIn(text.substr(i, 1), "-/._~!$&'()*+,;=:@")) return false;
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      return false;
    }
    i += 2;
  }
  return !text.empty();
}

bool IsGrpcMethod(std::string_view text) {
  return !text.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(text.front())) &&
         AllIn(text, "_");
}

bool IsGrpcService(std::string_view text) {
  if (text.starts_with('.')) text.remove_prefix(1);
  std::vector<std::string_view> parts = absl::StrSplit(text, '.');
  return std::ranges::all_of(parts, IsGrpcMethod);
}

bool IsCorsOrigin(std::string_view text) {
  if (text == "*") return true;
  if (text.starts_with("https://")) {
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return false;
  }
  if (size_t colon = text.find(':'); colon != text.npos) {
    std::string_view port = text.substr(colon + 1);
    if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, absl::ascii_isdigit)) {
      return false;
    }
    text = text.substr(0, colon);
  }
  if (text == "*") return true;
  if (text.starts_with("*.")) text.remove_prefix(2);
  std::vector<std::string_view> labels = absl::StrSplit(text, '.');
  return std::ranges::all_of(
      labels, [](std::string_view label) { return !label.empty() && AllIn(label, "-"); });
}

bool IsIpAddress(std::string_view text) {
  unsigned char bytes[16];
  std::string copy(text);
  return inet_pton(AF_INET, copy.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, copy.c_str(), bytes) == 1;
}

std::string Violation(const Text& rule, const std::string& value) {
  if (value.size() < rule.min) return rule.min == 1 ? "must not be empty" : "is too short";
  if (value.size() > rule.max) {
    return absl::StrCat("is longer than ", rule.max, " characters (", value.size(), ")");
  }
  if (rule.matches != nullptr && !rule.matches(value)) {
    return absl::StrCat("'", value.substr(0, 80), "' is not valid: expected ", rule.expected);
  }
  return "";
}

std::string Violation(const Range& rule, int64_t value) {
  if (value >= rule.min && value <= rule.max) return "";
  if (rule.max == INT64_MAX) return absl::StrCat(value, " is less than ", rule.min);
  return absl::StrCat(value, " is not in ", rule.min, "-", rule.max);
}

std::string Violation(const OneOf& rule, const std::string& value) {
  if (std::ranges::find(rule.words, value) != rule.words.end()) return "";
  return absl::StrCat("'", value.substr(0, 80), "' is none of ", absl::StrJoin(rule.words, ", "));
}

std::string Violation(const OneOfNumbers& rule, int value) {
  if (std::ranges::find(rule.numbers, value) != rule.numbers.end()) return "";
  return absl::StrCat(value, " is none of ", absl::StrJoin(rule.numbers, ", "));
}

std::string Violation(const Distinct&, const std::vector<std::string>& list) {
  std::set<std::string_view> seen;
  for (const std::string& item : list) {
    if (!seen.insert(item).second) return absl::StrCat("'", item.substr(0, 80), "' is given twice");
  }
  return "";
}

std::string CountViolation(const Count& rule, size_t count) {
  if (count < rule.min) {
    return rule.min == 1 ? "must not be empty"
                         : absl::StrCat("has fewer than ", rule.min, " items");
  }
  if (count > rule.max) {
    return absl::StrCat("has more than ", rule.max, " items (", count, ")");
  }
  return "";
}

}  // namespace sluice::gateway_api
