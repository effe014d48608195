#include "dataplane/filter/paths.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace sluice::filter {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

bool IsUriByte(unsigned char c) {
  return absl::ascii_isalnum(c) ||
         absl::StrContains("-._~:/?[]@!$&'()*+,;=%", static_cast<char>(c));
}

// The rule behind the API's table of examples: what follows the prefix stays, and exactly one slash
// stands between it and the replacement.
std::string_view ReplacePrefix(std::string_view path, std::string_view prefix,
                               std::string_view replacement, core::Arena& arena) {
  if (path == prefix) return replacement.empty() ? "/" : replacement;
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (!path.starts_with(prefix)) return path;
  const std::string_view rest = path.substr(prefix.size());
  if (rest.empty()) return replacement.empty() ? "/" : replacement;
  if (!rest.starts_with('/')) return path;
  if (replacement.ends_with('/')) replacement.remove_suffix(1);
  return arena.Concat({replacement, rest});
}

}  // namespace

std::string_view ModifyPath(const snapshot::PathModifier& modifier, std::string_view path,
                            std::string_view matched_prefix, core::Arena& arena) {
  switch (modifier.type()) {
    case snapshot::PathModifier::TYPE_FULL:
      return modifier.value().empty() ? "/" : std::string_view(modifier.value());
    case snapshot::PathModifier::TYPE_PREFIX:
      if (matched_prefix.empty()) return path;
      return ReplacePrefix(path, matched_prefix, modifier.value(), arena);
    default:
      return path;
  }
}

std::string_view JoinTarget(std::string_view path, std::string_view target, core::Arena& arena) {
  const size_t query = target.find('?');
  if (query == std::string_view::npos) return path;
  return arena.Concat({path, target.substr(query)});
}

std::string_view EscapeUri(std::string_view text, core::Arena& arena) {
  const size_t bad = text.size() - static_cast<size_t>(std::ranges::count_if(text, IsUriByte));
  if (bad == 0) return text;
  char* const out = static_cast<char*>(arena.Allocate(text.size() + 2 * bad));
  char* next = out;
  for (const unsigned char c : text) {
    if (IsUriByte(c)) {
      *next++ = static_cast<char>(c);
    } else {
      *next++ = '%';
      *next++ = kHex[c >> 4];
      *next++ = kHex[c & 15];
    }
  }
  return {out, static_cast<size_t>(next - out)};
}

}  // namespace sluice::filter
