#include "control/compile/routes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/compile/conditions.h"
#include "dataplane/snapshot/validate.h"

namespace sluice::compile {
namespace {

bool IsServed(const RulePlan& rule) { return rule.unsupported.empty(); }

// "rule 1 (RequestMirror ...), rule 3 (...)".
std::string DescribeUnsupported(const std::vector<RulePlan>& rules) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (IsServed(rules[i])) continue;
    parts.push_back(absl::StrCat("rule ", i, " (", rules[i].unsupported, ")"));
  }
  return absl::StrJoin(parts, ", ");
}

Condition Resolved(const std::vector<RulePlan>& rules) {
  for (const RulePlan& rule : rules) {
    if (rule.unresolved) return *rule.unresolved;
  }
  return RouteResolvedRefs();
}

// A route counts once on a listener, however many of its parentRefs lead there.
void Count(const std::vector<ParentPlan>& parents) {
  std::set<ListenerPlan*> listeners;
  for (const ParentPlan& parent : parents) {
    for (const Attachment& attachment : parent.attachments) listeners.insert(attachment.listener);
  }
  for (ListenerPlan* listener : listeners) ++listener->attached_routes;
}

}  // namespace

RouteStatus ReportParents(const std::vector<ParentPlan>& parents, int64_t generation,
                          const Condition& accepted, const std::vector<Condition>& others) {
  RouteStatus status;
  for (const ParentPlan& parent : parents) {
    ParentStatus& answer = status.parents.emplace_back();
    answer.parent = *parent.ref;
    answer.conditions.push_back(parent.refused.value_or(accepted));
    for (const Condition& other : others) {
      bool partial = other.type == "PartiallyInvalid";
      if (!partial || !parent.refused) answer.conditions.push_back(other);
    }
    Stamp(answer.conditions, generation);
  }
  return status;
}

std::optional<RouteStatus> Routes::Add(const RouteHead& route, const std::vector<RulePlan>& rules) {
  std::vector<ParentPlan> parents = attacher_.Attach(route);
  if (parents.empty()) return std::nullopt;

  std::set<Place> places = PlacesOf(parents);
  const bool has_room = HasRoom(rules, places);
  if (has_room) AddMatches(route, rules, places);

  Condition accepted = RouteAccepted();
  std::vector<Condition> others = {Resolved(rules)};
  if (!has_room) {
    accepted = RouteBeyondLimits();
  } else if (!rules.empty() && std::ranges::none_of(rules, IsServed)) {
    accepted = RouteUnsupportedValue(DescribeUnsupported(rules));
  } else {
    Count(parents);
    if (!std::ranges::all_of(rules, IsServed)) {
      others.push_back(RoutePartiallyInvalid(DescribeUnsupported(rules)));
    }
  }
  return ReportParents(parents, route.meta.generation, accepted, others);
}

// Where the route's matches go: each listener that is served, under each common hostname.
std::set<Routes::Place> Routes::PlacesOf(const std::vector<ParentPlan>& parents) {
  std::set<Place> places;
  for (const ParentPlan& parent : parents) {
    for (const Attachment& attachment : parent.attachments) {
      if (!attachment.listener->served()) continue;
      for (const std::string& hostname : attachment.hostnames) {
        places.emplace(attachment.listener->id, hostname);
      }
    }
  }
  return places;
}

bool Routes::HasRoom(const std::vector<RulePlan>& rules, const std::set<Place>& places) const {
  size_t matches = 0, clusters = 0;
  for (const RulePlan& rule : rules) {
    matches += rule.matches.size();
    for (const ClusterPlan& cluster : rule.clusters) clusters += !clusters_.contains(cluster.id);
  }
  return matches_ + matches * places.size() <= snapshot::kMaxMatches &&
         hosts_.size() + places.size() <= snapshot::kMaxElements &&
         rules_.size() + rules.size() <= snapshot::kMaxElements &&
         clusters_.size() + clusters <= snapshot::kMaxElements;
}

void Routes::AddMatches(const RouteHead& route, const std::vector<RulePlan>& rules,
                        const std::set<Place>& places) {
  if (places.empty()) return;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].matches.empty()) continue;
    rules_.emplace(rules[i].rule.id(), &rules[i].rule);
    matches_ += rules[i].matches.size() * places.size();
    for (const ClusterPlan& cluster : rules[i].clusters) clusters_.emplace(cluster.id, &cluster);
    for (const Place& place : places) {
      std::vector<RankedMatch>& host = hosts_[place];
      for (const CompiledMatch& match : rules[i].matches) {
        host.push_back({&match, &route.meta, static_cast<int>(i)});
      }
    }
  }
}

void Routes::Emit(snapshot::Snapshot& snapshot) {
  for (auto& [place, matches] : hosts_) {
    std::ranges::sort(matches, Precedes);
    snapshot::Host* host = snapshot.add_hosts();
    host->set_listener_id(place.first);
    host->set_hostname(place.second);
    for (const RankedMatch& ranked : matches) *host->add_matches() = ranked.compiled->match;
  }
  for (const auto& [id, rule] : rules_) *snapshot.add_rules() = *rule;
}

}  // namespace sluice::compile
