#include "control/compile/hostnames.h"

#include <algorithm>

namespace sluice::compile {

bool Covers(std::string_view outer, std::string_view inner) {
  if (outer.empty() || outer == inner) return true;
  if (!outer.starts_with("*.")) return false;
  std::string_view suffix = outer.substr(1);  // ".b"
  return inner.size() > suffix.size() && inner.ends_with(suffix);
}

std::vector<std::string> Intersect(const std::string& listener,
                                   const std::vector<std::string>& route) {
  if (route.empty()) return {listener};
  std::vector<std::string> common;
  for (const std::string& hostname : route) {
    if (Covers(listener, hostname)) {
      common.push_back(hostname);
    } else if (Covers(hostname, listener)) {
      common.push_back(listener);
    }
  }
  std::ranges::sort(common);
  common.erase(std::ranges::unique(common).begin(), common.end());
  return common;
}

}  // namespace sluice::compile
