#include "control/compile/http_routes.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/compile/conditions.h"
#include "control/compile/filters.h"
#include "dataplane/snapshot/validate.h"

namespace sluice::compile {
namespace {

using gateway_api::HttpBackendRef;
using gateway_api::HttpRoute;
using gateway_api::HttpRouteRule;

void Refuse(RulePlan& plan, const std::string& why) {
  if (plan.unsupported.empty()) plan.unsupported = why;
}

void Unresolve(RulePlan& plan, std::optional<Condition> problem) {
  if (!plan.unresolved) plan.unresolved = std::move(problem);
}

void CompileMatches(const HttpRouteRule& rule, RulePlan& plan) {
  for (size_t i = 0; i < rule.matches.size(); ++i) {
    absl::StatusOr<snapshot::Match> match = CompileMatch(rule.matches[i]);
    if (!match.ok()) {
      Refuse(plan, std::string(match.status().message()));
      continue;
    }
    match->set_rule_id(plan.rule.id());
    match->set_index(static_cast<uint32_t>(i));
    plan.matches.push_back(*std::move(match));
  }
}

void TakeFilters(FilterPlan filters, google::protobuf::RepeatedPtrField<snapshot::Filter>& out,
                 RulePlan& plan) {
  if (!filters.unsupported.empty()) Refuse(plan, filters.unsupported);
  Unresolve(plan, std::move(filters.unresolved));
  for (snapshot::Filter& filter : filters.filters) *out.Add() = std::move(filter);
}

void CompileBackend(const HttpBackendRef& ref, const HttpRoute& route, Backends& backends,
                    RulePlan& plan) {
  ResolvedBackend resolved =
      backends.Resolve(ref.backend.object, HttpRoute::kKind, route.meta.namespace_);
  Unresolve(plan, std::move(resolved.problem));
  snapshot::Backend* backend = plan.rule.add_backends();
  backend->set_weight(static_cast<uint32_t>(ref.backend.weight));
  backend->set_cluster_id(resolved.cluster_id);
  TakeFilters(CompileFilters(ref.filters, FilterPlace::kBackend), *backend->mutable_filters(),
              plan);
}

int64_t Milliseconds(const std::optional<absl::Duration>& duration) {
  return duration ? absl::ToInt64Milliseconds(*duration) : 0;
}

// "rule 1 (RequestMirror ...), rule 3 (...)".
std::string DescribeUnsupported(const std::vector<RulePlan>& rules) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].unsupported.empty()) continue;
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

RulePlan CompileRule(const HttpRoute& route, int index, Backends& backends) {
  const HttpRouteRule& spec = route.rules[index];
  RulePlan plan;
  std::string name = ToString(route.meta.key());
  plan.rule.set_id(absl::StrCat(HttpRoute::kKind, "/", name, "/", index));
  plan.rule.set_route(name);
  plan.rule.set_name(spec.name);
  plan.rule.set_request_timeout_ms(Milliseconds(spec.timeouts.request));
  plan.rule.set_backend_timeout_ms(Milliseconds(spec.timeouts.backend_request));
  CompileMatches(spec, plan);
  TakeFilters(CompileFilters(spec.filters, FilterPlace::kRule), *plan.rule.mutable_filters(), plan);
  for (const HttpBackendRef& ref : spec.backend_refs) CompileBackend(ref, route, backends, plan);
  if (!plan.unsupported.empty()) {
    plan.rule.clear_filters();
    plan.rule.clear_backends();  // no backends and no redirect: 500
  }
  return plan;
}

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

std::optional<RouteStatus> HttpRoutes::Add(const HttpRoute& route) {
  std::vector<ParentPlan> parents =
      attacher_.Attach({HttpRoute::kKind, route.meta, route.parent_refs, route.hostnames});
  if (parents.empty()) return std::nullopt;

  std::vector<RulePlan> rules;
  for (size_t i = 0; i < route.rules.size(); ++i) {
    rules.push_back(CompileRule(route, static_cast<int>(i), backends_));
  }
  std::set<Place> places = PlacesOf(parents);
  const bool has_room = HasRoom(rules, places);
  if (has_room) AddMatches(route, rules, places);

  auto served = [](const RulePlan& rule) { return rule.unsupported.empty(); };
  Condition accepted = RouteAccepted();
  std::vector<Condition> others = {Resolved(rules)};
  if (!has_room) {
    accepted = RouteBeyondLimits();
  } else if (std::ranges::none_of(rules, served)) {
    accepted = RouteUnsupportedValue(DescribeUnsupported(rules));
  } else {
    Count(parents);
    if (!std::ranges::all_of(rules, served)) {
      others.push_back(RoutePartiallyInvalid(DescribeUnsupported(rules)));
    }
  }
  return ReportParents(parents, route.meta.generation, accepted, others);
}

// Where the route's matches go: each listener that is served, under each common hostname.
std::set<HttpRoutes::Place> HttpRoutes::PlacesOf(const std::vector<ParentPlan>& parents) {
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

bool HttpRoutes::HasRoom(const std::vector<RulePlan>& rules, const std::set<Place>& places) const {
  size_t matches = 0;
  for (const RulePlan& rule : rules) matches += rule.matches.size();
  return matches_ + matches * places.size() <= snapshot::kMaxMatches &&
         hosts_.size() + places.size() <= snapshot::kMaxElements &&
         rules_.size() + rules.size() <= snapshot::kMaxElements;
}

void HttpRoutes::AddMatches(const HttpRoute& route, const std::vector<RulePlan>& rules,
                            const std::set<Place>& places) {
  if (places.empty()) return;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].matches.empty()) continue;
    rules_.emplace(rules[i].rule.id(), rules[i].rule);
    matches_ += rules[i].matches.size() * places.size();
    for (const Place& place : places) {
      std::vector<RankedMatch>& host = hosts_[place];
      for (const snapshot::Match& match : rules[i].matches) {
        host.push_back({match, &route.meta, static_cast<int>(i)});
      }
    }
  }
}

void HttpRoutes::Emit(snapshot::Snapshot& snapshot) {
  for (auto& [place, matches] : hosts_) {
    std::ranges::sort(matches, Precedes);
    snapshot::Host* host = snapshot.add_hosts();
    host->set_listener_id(place.first);
    host->set_hostname(place.second);
    for (RankedMatch& ranked : matches) *host->add_matches() = std::move(ranked.match);
  }
  for (auto& [id, rule] : rules_) *snapshot.add_rules() = std::move(rule);
}

}  // namespace sluice::compile
