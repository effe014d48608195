// The matches of one host by path: those that a path can fit, found by one binary search and a walk
// up the chain of shorter paths, however many matches there are. Immutable; any thread.
//
// The answer is the lowest index that fits, so it equals a scan of the matches in order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::route {

class PathIndex {
 public:
  // Borrows the text of `host`.
  explicit PathIndex(const snapshot::Host& host);

  // The first match (as an index into host.matches) whose path fits and for which `fits(index)`
  // says yes. `fits` decides about everything but plain paths: regular expressions too.
  template <typename Predicate>
  std::optional<uint32_t> FindFirst(std::string_view path, Predicate fits) const {
    uint32_t best = kNone;
    const auto try_all = [&](Range range) {
      for (const uint32_t index : Candidates(range)) {
        if (index >= best) return;  // they ascend
        if (fits(index)) {
          best = index;
          return;
        }
      }
    };
    for (uint32_t i = DeepestNode(path); i != kNone; i = nodes_[i].parent) {
      const Node& node = nodes_[i];
      if (!path.starts_with(node.path)) continue;
      if (node.path.size() == path.size()) try_all(node.exact);
      if (node.path.size() == path.size() || path[node.path.size()] == '/') try_all(node.prefix);
    }
    try_all(regex_);
    return best == kNone ? std::nullopt : std::optional(best);
  }

 private:
  static constexpr uint32_t kNone = ~0u;

  struct Range {  // of candidates_, ascending
    uint32_t begin = 0;
    uint32_t end = 0;
  };
  // A path that some match names. The prefix "/" is "", so that a prefix always ends at a slash.
  struct Node {
    std::string_view path;
    uint32_t parent = kNone;  // the longest other node's path that this one begins with
    Range exact, prefix;
  };

  // The last node whose path is not greater than `path`: if any node's path begins `path`, it is
  // this one or above it.
  uint32_t DeepestNode(std::string_view path) const;
  std::span<const uint32_t> Candidates(Range range) const {
    return std::span(candidates_).subspan(range.begin, range.end - range.begin);
  }
  void LinkParents();

  std::vector<Node> nodes_;  // sorted by path
  std::vector<uint32_t> candidates_;
  Range regex_;
};

}  // namespace sluice::route
