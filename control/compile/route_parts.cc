#include "control/compile/route_parts.h"

#include <algorithm>
#include <string>
#include <utility>

#include "dataplane/snapshot/validate.h"

namespace sluice::compile {
namespace {

using gateway_api::NamespacedName;
using gateway_api::ObjectPtr;

bool Fits(const Needs& needs) {
  return needs.matches <= snapshot::kMaxMatches && needs.hosts <= snapshot::kMaxElements &&
         needs.rules <= snapshot::kMaxElements && needs.clusters <= snapshot::kMaxElements;
}

Needs Sum(const Needs& a, const Needs& b) {
  return {a.matches + b.matches, a.hosts + b.hosts, a.rules + b.rules, a.clusters + b.clusters};
}

Needs Difference(const Needs& a, const Needs& b) {
  return {a.matches - b.matches, a.hosts - b.hosts, a.rules - b.rules, a.clusters - b.clusters};
}

// What is taken of a Snapshot. What routes share counts once.
class Room {
 public:
  // Takes what the route needs; false: there is not enough, and nothing is taken.
  bool Take(const RoutePart& part) {
    Needs more = part.needs;
    more.hosts = CountNewHosts(part);
    more.clusters = CountNewClusters(part);
    if (!Fits(Sum(taken_, more))) return false;
    taken_ = Sum(taken_, more);
    places_.insert(part.places.begin(), part.places.end());
    for (const RulePlan& rule : part.rules) {
      for (const ClusterPlan& cluster : rule.clusters) clusters_.insert(cluster.id);
    }
    return true;
  }

 private:
  size_t CountNewHosts(const RoutePart& part) const {
    return std::ranges::count_if(part.places, [&](const Place& p) { return !places_.contains(p); });
  }
  size_t CountNewClusters(const RoutePart& part) const {
    size_t count = 0;
    for (const RulePlan& rule : part.rules) {
      count += std::ranges::count_if(
          rule.clusters, [&](const ClusterPlan& c) { return !clusters_.contains(c.id); });
    }
    return count;
  }

  Needs taken_;
  std::set<Place> places_;
  std::set<std::string_view> clusters_;
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

ObjectKey KeyOf(const RoutePart& part) {
  return {std::string(part.head.kind), part.head.meta.key()};
}

}  // namespace

void RouteParts::AddPart(AnyRoute route) {
  auto owned = std::make_unique<RoutePart>(std::move(route));
  RoutePart& part = *owned;
  parts_[KeyOf(part)] = std::move(owned);
  for (const NamespacedName& service : part.services) users_[service].insert(&part);
  touched_.insert(&part);
}

void RouteParts::RemovePart(const ObjectKey& key) {
  auto found = parts_.find(key);
  RoutePart& part = *found->second;
  TakeOut(part);
  needs_ = Difference(needs_, part.needs);
  for (const NamespacedName& service : part.services) {
    auto users = users_.find(service);
    if (users == users_.end()) continue;  // it is named twice
    users->second.erase(&part);
    if (users->second.empty()) users_.erase(users);
  }
  statuses_.erase(key);
  parts_.erase(found);
}

// A route that changed is another part.
template <typename Route>
void RouteParts::TakeRoutes(const gateway_api::ObjectSet& objects) {
  TakeChanges(objects.All<Route>(), std::get<Remembered<Route>>(remembered_),
              [this](const NamespacedName& name, const ObjectPtr<Route>& before,
                     const ObjectPtr<Route>& now) {
                if (before != nullptr) RemovePart({Route::kKind, name});
                if (now != nullptr) AddPart(now);
              });
}

void RouteParts::RefillRules(const Context& context, RoutePart& part) {
  TakeOut(part);
  FillRules(context.backends, part);
  touched_.insert(&part);
}

void RouteParts::RefillParents(const Context& context, RoutePart& part) {
  TakeOut(part);
  FillParents(context.attacher, part);
  touched_.insert(&part);
}

void RouteParts::Refill(const Context& context) {
  const Touched fresh = touched_;
  for (RoutePart* part : fresh) {
    FillRules(context.backends, *part);
    FillParents(context.attacher, *part);
  }
  const auto is_old = [&](RoutePart* part) { return !fresh.contains(part); };
  if (context.references_changed) {
    for (const auto& [key, part] : parts_) {
      if (is_old(part.get())) RefillRules(context, *part);
    }
  }
  for (const NamespacedName& service : context.services) {
    auto users = users_.find(service);
    if (users == users_.end() || context.references_changed) continue;
    for (RoutePart* part : users->second) {
      if (is_old(part)) RefillRules(context, *part);
    }
  }
  if (context.parents_changed) {
    for (const auto& [key, part] : parts_) {
      if (is_old(part.get())) RefillParents(context, *part);
    }
  }
  for (RoutePart* part : touched_) {
    needs_ = Difference(needs_, part->needs);
    FillNeeds(*part);
    needs_ = Sum(needs_, part->needs);
  }
}

void RouteParts::Admit() {
  if (!Fits(needs_)) return AdmitOldestFirst();
  if (all_admitted_) {
    for (RoutePart* part : touched_) part->admitted = true;
  } else {
    for (const auto& [key, part] : parts_) SetAdmitted(*part, true);
  }
  all_admitted_ = true;
}

void RouteParts::AdmitOldestFirst() {
  std::vector<RoutePart*> oldest_first;
  for (const auto& [key, part] : parts_) oldest_first.push_back(part.get());
  std::ranges::sort(oldest_first, {}, [](const RoutePart* part) {
    const gateway_api::ObjectMeta& meta = part->head.meta;
    return std::tie(meta.creation_time, meta.namespace_, meta.name, part->head.kind);
  });
  Room room;
  for (RoutePart* part : oldest_first) SetAdmitted(*part, room.Take(*part));
  all_admitted_ = false;
}

void RouteParts::SetAdmitted(RoutePart& part, bool admitted) {
  if (part.admitted == admitted) return;
  TakeOut(part);
  part.admitted = admitted;
  touched_.insert(&part);
}

void RouteParts::PutInPlace(RoutePart& part) {
  part.in_place = true;
  if (part.counted()) {
    for (size_t listener : part.listeners) ++counts_[listener];
  }
  if (!part.emitted()) return;
  for (const RulePlan& plan : part.rules) {
    if (plan.matches.empty()) continue;
    rules_.emplace(plan.rule.id(), &plan.rule);
    for (const ClusterPlan& cluster : plan.clusters) clusters_.Use(cluster);
  }
  for (const Place& place : part.places) {
    hosts_[place].routes.insert(&part);
    dirty_hosts_.insert(place);
  }
}

void RouteParts::TakeOut(RoutePart& part) {
  if (!std::exchange(part.in_place, false)) return;
  if (part.counted()) {
    for (size_t listener : part.listeners) --counts_[listener];
  }
  if (!part.emitted()) return;
  for (const RulePlan& plan : part.rules) {
    if (plan.matches.empty()) continue;
    rules_.erase(plan.rule.id());
    for (const ClusterPlan& cluster : plan.clusters) clusters_.Drop(cluster.id);
  }
  for (const Place& place : part.places) {
    hosts_.at(place).routes.erase(&part);
    dirty_hosts_.insert(place);
  }
}

void RouteParts::BuildHosts() {
  for (const Place& place : dirty_hosts_) {
    auto host = hosts_.find(place);
    if (host->second.routes.empty()) {
      hosts_.erase(host);
    } else {
      host->second.host = MakeHost(place, host->second.routes);
    }
  }
  dirty_hosts_.clear();
}

void RouteParts::Update(const gateway_api::ObjectSet& objects, const Context& context) {
  TakeRoutes<gateway_api::HttpRoute>(objects);
  TakeRoutes<gateway_api::GrpcRoute>(objects);
  TakeRoutes<gateway_api::TlsRoute>(objects);
  TakeRoutes<gateway_api::TcpRoute>(objects);
  TakeRoutes<gateway_api::UdpRoute>(objects);
  Refill(context);
  Admit();
  counts_.resize(std::max(counts_.size(), context.attacher.listeners().size()));
  for (RoutePart* part : touched_) {
    PutInPlace(*part);
    FillStatus(*part);
    if (part->status) {
      statuses_[KeyOf(*part)] = *part->status;
    } else {
      statuses_.erase(KeyOf(*part));
    }
  }
  touched_.clear();
  BuildHosts();
}

void RouteParts::CountOn(const std::vector<ListenerPlan*>& listeners) const {
  for (size_t i = 0; i < listeners.size(); ++i) listeners[i]->attached_routes = counts_[i];
}

void RouteParts::Emit(snapshot::Snapshot& snapshot) const {
  snapshot.mutable_hosts()->Reserve(static_cast<int>(hosts_.size()));
  for (const auto& [place, part] : hosts_) *snapshot.add_hosts() = part.host;
  snapshot.mutable_rules()->Reserve(static_cast<int>(rules_.size()));
  for (const auto& [id, rule] : rules_) *snapshot.add_rules() = *rule;
}

}  // namespace sluice::compile
