// Steps 5 and 6 for HTTPRoutes: each becomes rules, matches under the hostnames of the listeners
// that it attached to, and a status. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/compile/attachment.h"
#include "control/compile/backends.h"
#include "control/compile/compile.h"
#include "control/compile/matches.h"

namespace sluice::compile {

struct RulePlan {
  snapshot::Rule rule;
  std::vector<snapshot::Match> matches;
  std::string unsupported;              // "": served; else why its requests are answered 500
  std::optional<Condition> unresolved;  // the first reference that failed
};

RulePlan CompileRule(const gateway_api::HttpRoute& route, int index, Backends& backends);

// Collects what routes add, and writes it out in the Snapshot's order. What a Snapshot can hold is
// bounded (snapshot/validate.h): a route that would go beyond is refused, so add the oldest first.
class HttpRoutes {
 public:
  HttpRoutes(const Attacher& attacher, Backends& backends)
      : attacher_(attacher), backends_(backends) {}

  // Counts the route on its listeners. A route without a parent of ours has no status.
  std::optional<RouteStatus> Add(const gateway_api::HttpRoute& route);

  void Emit(snapshot::Snapshot& snapshot);

 private:
  using Place = std::pair<std::string, std::string>;  // listener id, hostname

  static std::set<Place> PlacesOf(const std::vector<ParentPlan>& parents);
  bool HasRoom(const std::vector<RulePlan>& rules, const std::set<Place>& places) const;
  void AddMatches(const gateway_api::HttpRoute& route, const std::vector<RulePlan>& rules,
                  const std::set<Place>& places);

  const Attacher& attacher_;
  Backends& backends_;
  std::map<Place, std::vector<RankedMatch>> hosts_;
  std::map<std::string, snapshot::Rule> rules_;
  size_t matches_ = 0;
};

// The status of a route towards its parents; also of kinds that no listener serves.
RouteStatus ReportParents(const std::vector<ParentPlan>& parents, int64_t generation,
                          const Condition& accepted, const std::vector<Condition>& others);

}  // namespace sluice::compile
