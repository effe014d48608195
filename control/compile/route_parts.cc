#include "control/compile/route_parts.h"

#include <algorithm>
#include <string>
#include <utility>

#include "dataplane/snapshot/validate.h"

namespace sluice::compile {
namespace {

using gateway_api::NamespacedName;
using gateway_api::ObjectPtr;

// What is left of a Snapshot.
class Room {
 public:
  // What two routes share counts once if `exact`, else twice: quicker, and enough if there is room.
  explicit Room(bool exact) : exact_(exact) {}

  // Takes what the route needs; false: there is not enough, and nothing is taken.
  bool Take(const RoutePart& part) {
    if (part.places.empty()) return true;
    const size_t matches = part.matches * part.places.size();
    const size_t hosts = exact_ ? CountNewHosts(part) : part.places.size();
    const size_t clusters = exact_ ? CountNewClusters(part) : part.clusters;
    if (matches_ + matches > snapshot::kMaxMatches || hosts_ + hosts > snapshot::kMaxElements ||
        rules_ + part.rules.size() > snapshot::kMaxElements ||
        clusters_ + clusters > snapshot::kMaxElements) {
      return false;
    }
    matches_ += matches;
    hosts_ += hosts;
    rules_ += part.rules.size();
    clusters_ += clusters;
    if (exact_) Remember(part);
    return true;
  }

 private:
  size_t CountNewHosts(const RoutePart& part) const {
    return std::ranges::count_if(part.places,
                                 [&](const Place& p) { return !seen_places_.contains(p); });
  }
  size_t CountNewClusters(const RoutePart& part) const {
    size_t count = 0;
    for (const RulePlan& rule : part.rules) {
      count += std::ranges::count_if(
          rule.clusters, [&](const ClusterPlan& c) { return !seen_clusters_.contains(c.id); });
    }
    return count;
  }
  void Remember(const RoutePart& part) {
    seen_places_.insert(part.places.begin(), part.places.end());
    for (const RulePlan& rule : part.rules) {
      for (const ClusterPlan& cluster : rule.clusters) seen_clusters_.insert(cluster.id);
    }
  }

  const bool exact_;
  size_t matches_ = 0, hosts_ = 0, rules_ = 0, clusters_ = 0;
  std::set<Place> seen_places_;
  std::set<std::string_view> seen_clusters_;
};

snapshot::Host MakeHost(const Place& place, const std::set<const RoutePart*>& routes) {
  std::vector<RankedMatch> matches;
  for (const RoutePart* part : routes) {
    for (size_t i = 0; i < part->rules.size(); ++i) {
      for (const CompiledMatch& match : part->rules[i].matches) {
        matches.push_back({&match, &part->head.meta, static_cast<int>(i)});
      }
    }
  }
  std::ranges::sort(matches, Precedes);
  snapshot::Host host;
  host.set_listener_id(place.first);
  host.set_hostname(place.second);
  host.mutable_matches()->Reserve(static_cast<int>(matches.size()));
  for (const RankedMatch& ranked : matches) *host.add_matches() = ranked.compiled->match;
  return host;
}

bool NamesOneOf(const std::set<NamespacedName>& services, const RoutePart& part) {
  return !services.empty() &&
         std::ranges::any_of(part.services, [&](const NamespacedName& service) {
           return services.contains(service);
         });
}

ObjectKey KeyOf(const RoutePart& part) {
  return {std::string(part.head.kind), part.head.meta.key()};
}

}  // namespace

// A route that changed is another part.
template <typename Route>
void RouteParts::TakeRoutes(const gateway_api::ObjectSet& objects, Touched& fresh) {
  TakeChanges(
      objects.All<Route>(), std::get<Remembered<Route>>(remembered_),
      [&](const NamespacedName& name, const ObjectPtr<Route>& before, const ObjectPtr<Route>& now) {
        ObjectKey key{Route::kKind, name};
        if (before != nullptr) {
          TakeFromSnapshot(*parts_.at(key));
          parts_.erase(key);
          statuses_.erase(key);
        }
        if (now == nullptr) return;
        auto& part = parts_[std::move(key)] = std::make_unique<RoutePart>(now);
        fresh.insert(part.get());
      });
}

void RouteParts::Refill(const Context& context, Touched& touched) {
  const Touched fresh = touched;
  const bool only_fresh =
      context.services.empty() && !context.references_changed && !context.parents_changed;
  const auto refill = [&](RoutePart& part) {
    const bool is_new = fresh.contains(&part);
    const bool rules = is_new || context.references_changed || NamesOneOf(context.services, part);
    const bool parents = is_new || context.parents_changed;
    if (!rules && !parents) return;
    TakeFromSnapshot(part);
    if (rules) FillRules(context.backends, part);
    if (parents) FillParents(context.attacher, part);
    touched.insert(&part);
  };
  if (only_fresh) {
    for (RoutePart* part : fresh) refill(*part);
  } else {
    for (const auto& [key, part] : parts_) refill(*part);
  }
}

void RouteParts::Admit(Touched& touched) {
  Room room(/*exact=*/false);
  bool all = true;
  for (const auto& [key, part] : parts_) all = all && room.Take(*part);
  if (!all) return AdmitOldestFirst(touched);
  for (const auto& [key, part] : parts_) SetAdmitted(*part, true, touched);
}

void RouteParts::AdmitOldestFirst(Touched& touched) {
  std::vector<RoutePart*> oldest_first;
  for (const auto& [key, part] : parts_) oldest_first.push_back(part.get());
  std::ranges::sort(oldest_first, {}, [](const RoutePart* part) {
    const gateway_api::ObjectMeta& meta = part->head.meta;
    return std::tie(meta.creation_time, meta.namespace_, meta.name, part->head.kind);
  });
  Room room(/*exact=*/true);
  for (RoutePart* part : oldest_first) SetAdmitted(*part, room.Take(*part), touched);
}

void RouteParts::SetAdmitted(RoutePart& part, bool admitted, Touched& touched) {
  if (part.admitted == admitted) return;
  TakeFromSnapshot(part);
  part.admitted = admitted;
  touched.insert(&part);
}

void RouteParts::AddToSnapshot(RoutePart& part) {
  if (!part.emitted()) return;
  for (const RulePlan& plan : part.rules) {
    if (plan.matches.empty()) continue;
    rules_.emplace(plan.rule.id(), &plan.rule);
    for (const ClusterPlan& cluster : plan.clusters) clusters_.Use(cluster);
  }
  for (const Place& place : part.places) {
    HostPart& host = hosts_[place];
    host.routes.insert(&part);
    host.dirty = true;
  }
  part.in_snapshot = true;
}

void RouteParts::TakeFromSnapshot(RoutePart& part) {
  if (!std::exchange(part.in_snapshot, false)) return;
  for (const RulePlan& plan : part.rules) {
    if (plan.matches.empty()) continue;
    rules_.erase(plan.rule.id());
    for (const ClusterPlan& cluster : plan.clusters) clusters_.Drop(cluster.id);
  }
  for (const Place& place : part.places) {
    HostPart& host = hosts_.at(place);
    host.routes.erase(&part);
    host.dirty = true;
  }
}

void RouteParts::BuildHosts() {
  for (auto at = hosts_.begin(); at != hosts_.end();) {
    auto& [place, part] = *at;
    if (part.routes.empty()) {
      at = hosts_.erase(at);
      continue;
    }
    if (std::exchange(part.dirty, false)) part.host = MakeHost(place, part.routes);
    ++at;
  }
}

void RouteParts::Update(const gateway_api::ObjectSet& objects, const Context& context) {
  Touched touched;
  TakeRoutes<gateway_api::HttpRoute>(objects, touched);
  TakeRoutes<gateway_api::GrpcRoute>(objects, touched);
  TakeRoutes<gateway_api::TlsRoute>(objects, touched);
  TakeRoutes<gateway_api::TcpRoute>(objects, touched);
  TakeRoutes<gateway_api::UdpRoute>(objects, touched);
  Refill(context, touched);
  Admit(touched);
  for (RoutePart* part : touched) {
    AddToSnapshot(*part);
    FillStatus(*part);
    if (part->status) {
      statuses_[KeyOf(*part)] = *part->status;
    } else {
      statuses_.erase(KeyOf(*part));
    }
  }
  BuildHosts();
}

void RouteParts::CountOn(const std::vector<ListenerPlan*>& listeners) const {
  for (const auto& [key, part] : parts_) {
    if (!part->counted()) continue;
    for (size_t listener : part->listeners) ++listeners[listener]->attached_routes;
  }
}

void RouteParts::Emit(snapshot::Snapshot& snapshot) const {
  snapshot.mutable_hosts()->Reserve(static_cast<int>(hosts_.size()));
  for (const auto& [place, part] : hosts_) *snapshot.add_hosts() = part.host;
  snapshot.mutable_rules()->Reserve(static_cast<int>(rules_.size()));
  for (const auto& [id, rule] : rules_) *snapshot.add_rules() = *rule;
}

}  // namespace sluice::compile
