#include "dataplane/route/conditions.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "dataplane/snapshot/regex.h"

namespace sluice::route {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Takes one decoded byte off the front of `text`. A '%' that begins no escape stands for itself.
char TakeDecoded(std::string_view& text) {
  const char c = text.front();
  if (c == '%' && text.size() >= 3 && HexValue(text[1]) >= 0 && HexValue(text[2]) >= 0) {
    const int byte = HexValue(text[1]) * 16 + HexValue(text[2]);
    text.remove_prefix(3);
    return static_cast<char>(byte);
  }
  text.remove_prefix(1);
  return c == '+' ? ' ' : c;
}

bool DecodesTo(std::string_view encoded, std::string_view text) {
  while (!encoded.empty() && !text.empty()) {
    if (TakeDecoded(encoded) != text.front()) return false;
    text.remove_prefix(1);
  }
  return encoded.empty() && text.empty();
}

std::string_view Decoded(std::string_view encoded, core::Arena& arena) {
  if (encoded.find_first_of("%+") == std::string_view::npos) return encoded;
  char* const out = static_cast<char*>(arena.Allocate(encoded.size()));
  size_t size = 0;
  while (!encoded.empty()) out[size++] = TakeDecoded(encoded);
  return {out, size};
}

}  // namespace

absl::StatusOr<const RE2*> RegexSet::Get(const std::string& pattern) {
  std::unique_ptr<const RE2>& slot = by_pattern_[pattern];
  if (slot == nullptr) {
    absl::StatusOr<std::unique_ptr<const RE2>> regex = snapshot::CompileRegex(pattern);
    if (!regex.ok()) return regex.status();
    slot = *std::move(regex);
  }
  return slot.get();
}

absl::StatusOr<Conditions> Conditions::Make(const snapshot::Match& match, RegexSet& regexes) {
  Conditions conditions;
  conditions.grpc_ = match.grpc();
  conditions.method_ = match.method();
  if (match.path_type() == snapshot::Match::PATH_TYPE_REGEX) {
    absl::StatusOr<const RE2*> regex = regexes.Get(match.path());
    if (!regex.ok()) return regex.status();
    conditions.path_ = *regex;
  }
  absl::StatusOr<Values> headers = MakeValues(match.headers(), regexes);
  if (!headers.ok()) return headers.status();
  absl::StatusOr<Values> query = MakeValues(match.query(), regexes);
  if (!query.ok()) return query.status();
  conditions.headers_ = *std::move(headers);
  conditions.query_ = *std::move(query);
  return conditions;
}

absl::StatusOr<Conditions::Values> Conditions::MakeValues(
    const google::protobuf::RepeatedPtrField<snapshot::ValueMatch>& matches, RegexSet& regexes) {
  Values values;
  values.reserve(static_cast<size_t>(matches.size()));
  for (const snapshot::ValueMatch& match : matches) {
    const RE2* compiled = nullptr;
    if (match.regex()) {
      absl::StatusOr<const RE2*> regex = regexes.Get(match.value());
      if (!regex.ok()) return regex.status();
      compiled = *regex;
    }
    values.push_back({&match, compiled});
  }
  return values;
}

bool Conditions::Hold(const http::RequestHead& head) const {
  if (grpc_ && !IsGrpc(head)) return false;
  if (!method_.empty() && method_ != head.method) return false;
  for (const Value& value : headers_) {
    if (!Holds(value, HeaderValue(head, value.match->name()))) return false;
  }
  for (const Value& value : query_) {
    if (!Holds(value, QueryValue(head, value.match->name()))) return false;
  }
  return path_ == nullptr || RE2::FullMatch(head.path(), *path_);
}

bool Conditions::Holds(const Value& value, std::optional<std::string_view> text) {
  if (!text) return false;
  return value.regex != nullptr ? RE2::FullMatch(*text, *value.regex)
                                : *text == value.match->value();
}

bool IsGrpc(const http::RequestHead& head) {
  constexpr std::string_view kType = "application/grpc";
  const std::string_view type = HeaderValue(head, "content-type").value_or("");
  if (!absl::StartsWithIgnoreCase(type, kType)) return false;
  return type.size() == kType.size() || type[kType.size()] == '+' || type[kType.size()] == ';';
}

std::optional<std::string_view> HeaderValue(const http::RequestHead& head, std::string_view name) {
  if (name == "host") return head.authority;  // it is no longer among the headers
  std::optional<std::string_view> value;
  for (const http::Header& header : head.headers) {
    if (header.name != name) continue;
    value = value ? head.headers.arena().Concat({*value, ", ", header.value}) : header.value;
  }
  return value;
}

std::optional<std::string_view> QueryValue(const http::RequestHead& head, std::string_view name) {
  std::string_view query = head.query();
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    if (!DecodesTo(pair.substr(0, equals), name)) continue;
    if (equals == std::string_view::npos) return "";
    return Decoded(pair.substr(equals + 1), head.headers.arena());
  }
  return std::nullopt;
}

}  // namespace sluice::route
