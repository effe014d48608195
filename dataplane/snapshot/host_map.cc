#include "dataplane/snapshot/host_map.h"

#include <algorithm>

namespace sluice::snapshot {

bool HostMap::Add(std::string_view pattern, uint32_t value) {
  if (pattern.empty()) {
    if (any_) return false;
    any_ = value;
    return true;
  }
  if (!pattern.starts_with("*.")) return exact_.try_emplace(pattern, value).second;
  pattern.remove_prefix(2);
  const uint32_t labels = 1 + static_cast<uint32_t>(std::ranges::count(pattern, '.'));
  deepest_wildcard_ = std::max(deepest_wildcard_, labels);
  return wildcards_.try_emplace(pattern, value).second;
}

std::optional<uint32_t> HostMap::Find(std::string_view host) const {
  if (const auto found = exact_.find(host); found != exact_.end()) return found->second;
  if (const std::optional<uint32_t> found = FindWildcard(host)) return found;
  return any_;
}

// From the last label inwards, so that the number of steps is ours and not the client's.
std::optional<uint32_t> HostMap::FindWildcard(std::string_view host) const {
  std::optional<uint32_t> best;
  size_t dot = host.size();
  for (uint32_t labels = 1; labels <= deepest_wildcard_ && dot != 0; ++labels) {
    dot = host.rfind('.', dot - 1);
    if (dot == std::string_view::npos || dot == 0) break;  // no label is left for the wildcard
    const auto found = wildcards_.find(host.substr(dot + 1));
    if (found != wildcards_.end()) best = found->second;
  }
  return best;
}

}  // namespace sluice::snapshot
