// Steps 5 and 6 joined: each HTTPRoute and GRPCRoute becomes rules, matches under the hostnames of
// the listeners that it attached to, and a status. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/compile/attachment.h"
#include "control/compile/rules.h"

namespace sluice::compile {

// Collects what routes add, and writes it out in the Snapshot's order. What a Snapshot can hold is
// bounded (snapshot/validate.h): a route that would go beyond is refused, so add the oldest first.
class Routes {
 public:
  explicit Routes(const Attacher& attacher) : attacher_(attacher) {}

  // Counts the route on its listeners. A route without a parent of ours has no status. `rules`, of
  // the route, must outlive Emit.
  std::optional<RouteStatus> Add(const RouteHead& route, const std::vector<RulePlan>& rules);

  void Emit(snapshot::Snapshot& snapshot);
  // That the rules of served routes name.
  const ClusterPlans& clusters() const { return clusters_; }

 private:
  using Place = std::pair<std::string, std::string>;  // listener id, hostname

  static std::set<Place> PlacesOf(const std::vector<ParentPlan>& parents);
  bool HasRoom(const std::vector<RulePlan>& rules, const std::set<Place>& places) const;
  void AddMatches(const RouteHead& route, const std::vector<RulePlan>& rules,
                  const std::set<Place>& places);

  const Attacher& attacher_;
  std::map<Place, std::vector<RankedMatch>> hosts_;
  std::map<std::string_view, const snapshot::Rule*> rules_;
  ClusterPlans clusters_;
  size_t matches_ = 0;
};

// The status of a route towards its parents; also of kinds that no listener serves.
RouteStatus ReportParents(const std::vector<ParentPlan>& parents, int64_t generation,
                          const Condition& accepted, const std::vector<Condition>& others);

}  // namespace sluice::compile
