#include "control/kube/json_scan.h"

#include <cstddef>

namespace sluice::kube {
namespace {

constexpr size_t kNone = std::string_view::npos;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() && IsSpace(text[at])) ++at;
  return at;
}

// `at` stands on the opening quote; the place behind the closing one.
size_t SkipString(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return kNone;
}

// `at` stands on the opening bracket.
size_t SkipNested(std::string_view text, size_t at) {
  size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = SkipString(text, at);
      if (at == kNone) return kNone;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
    ++at;
  }
  return kNone;
}

size_t SkipScalar(std::string_view text, size_t at) {
  const size_t start = at;
  while (at < text.size() && !IsSpace(text[at]) && text[at] != ',' && text[at] != '}' &&
         text[at] != ']' && text[at] != ':' && text[at] != '"') {
    ++at;
  }
  return at == start ? kNone : at;
}

size_t SkipValue(std::string_view text, size_t at) {
  if (at >= text.size()) return kNone;
  if (text[at] == '"') return SkipString(text, at);
  if (text[at] == '{' || text[at] == '[') return SkipNested(text, at);
  return SkipScalar(text, at);
}

// Walks over the comma-separated elements between `open` and `close`; `element` takes the place of
// one's first byte and gives the place behind it. Nothing but space may follow.
bool Walk(std::string_view text, char open, char close, absl::FunctionRef<size_t(size_t)> element) {
  size_t at = SkipSpace(text, 0);
  if (at >= text.size() || text[at] != open) return false;
  at = SkipSpace(text, at + 1);
  if (at < text.size() && text[at] == close) return SkipSpace(text, at + 1) == text.size();
  while (at < text.size()) {
    at = element(at);
    if (at == kNone) return false;
    at = SkipSpace(text, at);
    if (at >= text.size()) return false;
    if (text[at] == close) return SkipSpace(text, at + 1) == text.size();
    if (text[at] != ',') return false;
    at = SkipSpace(text, at + 1);
  }
  return false;
}

}  // namespace

bool ForEachField(std::string_view object,
                  absl::FunctionRef<void(std::string_view key, std::string_view value)> field) {
  return Walk(object, '{', '}', [&](size_t at) {
    if (object[at] != '"') return kNone;
    const size_t key_end = SkipString(object, at);
    if (key_end == kNone) return kNone;
    const size_t colon = SkipSpace(object, key_end);
    if (colon >= object.size() || object[colon] != ':') return kNone;
    const size_t start = SkipSpace(object, colon + 1);
    const size_t end = SkipValue(object, start);
    if (end != kNone) {
      field(object.substr(at + 1, key_end - at - 2), object.substr(start, end - start));
    }
    return end;
  });
}

bool ForEachItem(std::string_view list, absl::FunctionRef<void(std::string_view value)> item) {
  return Walk(list, '[', ']', [&](size_t at) {
    const size_t end = SkipValue(list, at);
    if (end != kNone) item(list.substr(at, end - at));
    return end;
  });
}

std::optional<std::string_view> PlainText(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  if (!quoted || value.find('\\') != value.npos) return std::nullopt;
  return value.substr(1, value.size() - 2);
}

}  // namespace sluice::kube
