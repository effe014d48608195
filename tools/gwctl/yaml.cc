#include "tools/gwctl/yaml.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sluice::gwctl {
namespace {

std::string Quoted(const std::string& text) {
  return Document(text).dump(-1, ' ', false, Document::error_handler_t::replace);
}

// Words that YAML 1.1 or 1.2 reads as null, a boolean or a number.
bool IsWord(std::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  for (std::string_view word : {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}) {
    if (lower == word) return true;
  }
  double number;
  return absl::SimpleAtod(text, &number) || absl::ascii_isdigit(text.front()) ||
         text.front() == '.' || text.front() == '+';
}

// What never needs quotes; all else gets them.
bool IsPlain(std::string_view text) {
  if (text.empty() || IsWord(text)) return false;
  const bool safe_start = absl::ascii_isalpha(text.front()) || text.front() == '/';
  const bool safe = std::ranges::all_of(text, [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains(" -_./=+,;()'@%<>~", static_cast<char>(c));
  });
  return safe_start && safe && text.back() != ' ' && !absl::StrContains(text, " #");
}

std::string Scalar(const Document& value) {
  if (!value.is_string()) return value.dump();
  const auto& text = value.get_ref<const std::string&>();
  return IsPlain(text) ? text : Quoted(text);
}

bool IsBlock(const Document& value) { return value.is_structured() && !value.empty(); }

std::string Key(const std::string& key) { return IsPlain(key) ? key : Quoted(key); }

void Append(const Document& value, const std::string& indent, std::string& out);

// `first`: what stands before the first key, when the map is a list's item.
void AppendMap(const Document& map, const std::string& indent, std::string first,
               std::string& out) {
  for (const auto& [key, value] : map.items()) {
    absl::StrAppend(&out, first, Key(key), ":");
    first = indent;
    if (!IsBlock(value)) {
      absl::StrAppend(&out, " ", Scalar(value), "\n");
      continue;
    }
    out += '\n';
    Append(value, value.is_array() ? indent : indent + "  ", out);
  }
}

void AppendList(const Document& list, const std::string& indent, std::string& out) {
  for (const Document& item : list) {
    if (item.is_object() && !item.empty()) {
      AppendMap(item, indent + "  ", indent + "- ", out);
    } else if (IsBlock(item)) {
      absl::StrAppend(&out, indent, "-\n");
      Append(item, indent + "  ", out);
    } else {
      absl::StrAppend(&out, indent, "- ", Scalar(item), "\n");
    }
  }
}

void Append(const Document& value, const std::string& indent, std::string& out) {
  if (value.is_array()) return AppendList(value, indent, out);
  AppendMap(value, indent, indent, out);
}

}  // namespace

std::string ToYaml(const Document& document) {
  if (!IsBlock(document)) return Scalar(document) + "\n";
  std::string out;
  Append(document, "", out);
  return out;
}

std::string ToJson(const Document& document) {
  return document.dump(2, ' ', false, Document::error_handler_t::replace) + "\n";
}

}  // namespace sluice::gwctl
