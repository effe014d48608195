// The API's rules for single values: lengths, patterns, ranges, counts, choices. Each rule is data;
// Violation(rule, value) says what is wrong, or "". A rule that does not apply to a type of value
// (a text's pattern to a list: it is meant for the items) holds.
// The patterns are those of the CRDs of Gateway API v1.6 and of Kubernetes; the functions that test
// them run in linear time.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway-api/metadata.h"

namespace sluice::gateway_api {

struct Text {
  size_t min = 0;
  size_t max = SIZE_MAX;
  bool (*matches)(std::string_view) = nullptr;
  const char* expected = "";
};

struct Range {
  int64_t min = INT64_MIN;
  int64_t max = INT64_MAX;
};

struct Count {
  size_t min = 0;
  size_t max = SIZE_MAX;
};

struct OneOf {
  std::initializer_list<std::string_view> words;
};

struct OneOfNumbers {
  std::initializer_list<int> numbers;
};

// No two items of a list of texts are the same.
struct Distinct {};

// No two items of a list have the same value of `member`.
template <typename T>
struct UniqueBy {
  std::string T::* member;
  const char* name;
};

bool IsLabelName(std::string_view text);  // RFC 1123 label: a namespace, a service port's name
bool IsSubdomain(std::string_view text);  // RFC 1123 subdomain, without a length
bool IsHostname(std::string_view text);   // a subdomain, "*." before it allowed
bool IsGroup(std::string_view text);      // a subdomain or ""
bool IsKind(std::string_view text);
bool IsToken(std::string_view text);          // RFC 9110 5.6.2
bool IsQualifiedName(std::string_view text);  // a label's key
bool IsLabelValue(std::string_view text);
bool IsControllerName(std::string_view text);  // "domain/path"
bool IsProtocol(std::string_view text);
bool IsUrlPath(std::string_view text);  // RFC 3986 path characters and %XX
bool IsCorsOrigin(std::string_view text);
bool IsGrpcService(std::string_view text);  // "package.Service"; a dot before it is allowed
bool IsGrpcMethod(std::string_view text);
bool IsIpAddress(std::string_view text);

inline constexpr Text kObjectName{1, 253, nullptr, ""};
inline constexpr Text kMetadataName{1, 253, IsSubdomain, "lower-case letters, digits, '-', '.'"};
inline constexpr Text kNamespace{1, 63, IsLabelName, "lower-case letters, digits, '-'"};
inline constexpr Text kSectionName{1, 253, IsSubdomain, "lower-case letters, digits, '-', '.'"};
inline constexpr Text kHostname{1, 253, IsHostname,
                                "a lower-case DNS name, '*.' before it allowed"};
inline constexpr Text kPreciseHostname{1, 253, IsSubdomain, "a lower-case DNS name"};
inline constexpr Text kGroup{0, 253, IsGroup, "a lower-case DNS name, or empty"};
inline constexpr Text kKind{1, 63, IsKind, "letters, digits, '-'"};
inline constexpr Text kHeaderName{1, 256, IsToken, "a header name"};
inline constexpr Text kAnnotationKey{1, 253, IsQualifiedName,
                                     "an optional DNS name and '/', a name"};
inline constexpr Text kLabelValue{0, 63, IsLabelValue, "letters, digits, '-', '_', '.'"};
inline constexpr Range kPort{1, 65535};

std::string Violation(const Text& rule, const std::string& value);
std::string Violation(const Range& rule, int64_t value);
std::string Violation(const OneOf& rule, const std::string& value);
std::string Violation(const OneOfNumbers& rule, int value);
std::string CountViolation(const Count& rule, size_t count);

template <typename Rule, typename Value>
std::string Violation(const Rule&, const Value&) {
  return "";
}
inline std::string Violation(const Range& rule, int value) {
  return Violation(rule, static_cast<int64_t>(value));
}
template <typename T>
std::string Violation(const Count& rule, const std::vector<T>& list) {
  return CountViolation(rule, list.size());
}
inline std::string Violation(const Count& rule, const StringMap& map) {
  return CountViolation(rule, map.size());
}
std::string Violation(const Distinct& rule, const std::vector<std::string>& list);
template <typename T>
std::string Violation(const UniqueBy<T>& rule, const std::vector<T>& list) {
  std::map<std::string_view, int> seen;
  for (const T& item : list) {
    if (++seen[item.*rule.member] == 2) {
      return std::string("two items have the ") + rule.name + " '" + item.*rule.member + "'";
    }
  }
  return "";
}

}  // namespace sluice::gateway_api
