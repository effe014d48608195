#include "dataplane/route/path_index.h"

#include <map>

namespace sluice::route {

using snapshot::Match;

PathIndex::PathIndex(const snapshot::Host& host) {
  struct Lists {
    std::vector<uint32_t> exact, prefix;
  };
  std::map<std::string_view, Lists> by_path;
  std::vector<uint32_t> regex;
  for (int i = 0; i < host.matches_size(); ++i) {
    const Match& match = host.matches(i);
    const std::string_view path = match.path();
    const uint32_t index = static_cast<uint32_t>(i);
    if (match.path_type() == Match::PATH_TYPE_REGEX) {
      regex.push_back(index);
    } else if (match.path_type() == Match::PATH_TYPE_EXACT) {
      by_path[path].exact.push_back(index);
    } else {
      by_path[path == "/" ? "" : path].prefix.push_back(index);
    }
  }

  candidates_.reserve(static_cast<size_t>(host.matches_size()));
  const auto append = [this](const std::vector<uint32_t>& list) {
    const uint32_t begin = static_cast<uint32_t>(candidates_.size());
    candidates_.insert(candidates_.end(), list.begin(), list.end());
    return Range{begin, static_cast<uint32_t>(candidates_.size())};
  };
  nodes_.reserve(by_path.size());
  for (const auto& [path, lists] : by_path) {
    nodes_.push_back({.path = path, .exact = append(lists.exact), .prefix = append(lists.prefix)});
  }
  regex_ = append(regex);
  LinkParents();
}

void PathIndex::LinkParents() {
  for (uint32_t i = 1; i < nodes_.size(); ++i) {
    uint32_t parent = i - 1;
    while (parent != kNone && !nodes_[i].path.starts_with(nodes_[parent].path)) {
      parent = nodes_[parent].parent;
    }
    nodes_[i].parent = parent;
  }
}

uint32_t PathIndex::DeepestNode(std::string_view path) const {
  const auto after = std::ranges::upper_bound(nodes_, path, {}, &Node::path);
  return after == nodes_.begin() ? kNone : static_cast<uint32_t>(after - nodes_.begin() - 1);
}

}  // namespace sluice::route
