// Which nodes know what a status says. What nodes have in common is resource versions: a node
// covers a change if it has applied or refused everything of that kind up to its version
// (KEP-5504: versions of one kind may be compared as numbers). Pure values, no thread rule.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gateway-api/object_set.h"

namespace sluice::status {

// resourceVersions by kind.
using Versions = std::map<std::string, std::string>;

// Is `version` newer than `than`? What is no number is not.
bool IsNewer(std::string_view version, std::string_view than);

// Everything that is `needed` is in `applied`.
bool Covers(const Versions& applied, const Versions& needed);

struct NodeProgress {
  std::string node;
  Versions applied;
  bool counted = false;  // eligible, and heard of lately

  bool operator==(const NodeProgress&) const = default;
};

// The counted nodes that do not cover `needed`; none: it is covered.
std::vector<std::string> Lagging(const std::vector<NodeProgress>& nodes, const Versions& needed);

// What other nodes must have applied to know of all changes so far: by kind the version that the
// source had seen when an object of that kind changed last. (The source's versions alone are no
// measure: they also grow by what changes nothing, and at each node at another time.)
// EndpointSlices do not count: no status depends on them, and they change all the time.
class Needs {
 public:
  // `seen`: the source's versions now.
  const Versions& Update(const gateway_api::ObjectSet& objects, const Versions& seen);

 private:
  template <typename T>
  void UpdateKind(const gateway_api::ObjectSet& objects, const Versions& seen);

  std::map<std::string, gateway_api::ObjectMap<gateway_api::Gateway>::Version> maps_;  // by kind
  Versions needed_;
};

}  // namespace sluice::status
