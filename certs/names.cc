#include "certs/names.h"

#include <algorithm>

namespace sluice::certs {

NameMatch MatchName(std::string_view pattern, std::string_view host) {
  if (host.empty()) return NameMatch::kNone;
  if (pattern == host) return host.starts_with('*') ? NameMatch::kNone : NameMatch::kExact;
  if (!pattern.starts_with("*.")) return NameMatch::kNone;
  const size_t dot = host.find('.');
  if (dot == 0 || dot == std::string_view::npos) return NameMatch::kNone;
  return host.substr(dot) == pattern.substr(1) ? NameMatch::kWildcard : NameMatch::kNone;
}

NameMatch MatchNames(std::span<const std::string> patterns, std::string_view host) {
  NameMatch best = NameMatch::kNone;
  for (const std::string& pattern : patterns) best = std::max(best, MatchName(pattern, host));
  return best;
}

}  // namespace sluice::certs
