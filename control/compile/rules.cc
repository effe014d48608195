#include "control/compile/rules.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "control/compile/filters.h"

namespace sluice::compile {
namespace {

using gateway_api::GrpcRoute;
using gateway_api::GrpcRouteRule;
using gateway_api::HttpBackendRef;
using gateway_api::HttpRoute;
using gateway_api::HttpRouteRule;

void Refuse(RulePlan& plan, const std::string& why) {
  if (plan.unsupported.empty()) plan.unsupported = why;
}

void Unresolve(RulePlan& plan, std::optional<Condition> problem) {
  if (!plan.unresolved) plan.unresolved = std::move(problem);
}

template <typename Match>
void AddMatch(const Match& spec, size_t index, RulePlan& plan) {
  absl::StatusOr<CompiledMatch> compiled = CompileMatch(spec);
  if (!compiled.ok()) return Refuse(plan, std::string(compiled.status().message()));
  compiled->match.set_rule_id(plan.rule.id());
  compiled->match.set_index(static_cast<uint32_t>(index));
  plan.matches.push_back(*std::move(compiled));
}

void CompileMatches(const HttpRouteRule& rule, RulePlan& plan) {
  for (size_t i = 0; i < rule.matches.size(); ++i) AddMatch(rule.matches[i], i, plan);
}

void CompileMatches(const GrpcRouteRule& rule, RulePlan& plan) {
  for (size_t i = 0; i < rule.matches.size(); ++i) AddMatch(rule.matches[i], i, plan);
  if (rule.matches.empty()) AddMatch(gateway_api::GrpcRouteMatch{}, 0, plan);
}

void TakeFilters(FilterPlan filters, google::protobuf::RepeatedPtrField<snapshot::Filter>& out,
                 RulePlan& plan) {
  if (!filters.unsupported.empty()) Refuse(plan, filters.unsupported);
  Unresolve(plan, std::move(filters.unresolved));
  for (snapshot::Filter& filter : filters.filters) *out.Add() = std::move(filter);
}

void CompileBackend(const HttpBackendRef& ref, const RouteOfBackend& route,
                    const Backends& backends, RulePlan& plan) {
  ResolvedBackend resolved = backends.Resolve(ref.backend.object, route);
  Unresolve(plan, std::move(resolved.problem));
  snapshot::Backend* backend = plan.rule.add_backends();
  backend->set_weight(static_cast<uint32_t>(ref.backend.weight));
  if (resolved.cluster) {
    backend->set_cluster_id(resolved.cluster->id);
    plan.clusters.push_back(*std::move(resolved.cluster));
  }
  TakeFilters(CompileFilters(ref.filters, FilterPlace::kBackend), *backend->mutable_filters(),
              plan);
}

int64_t Milliseconds(const std::optional<absl::Duration>& duration) {
  return duration ? absl::ToInt64Milliseconds(*duration) : 0;
}

void SetTimeouts(const HttpRouteRule& spec, snapshot::Rule& rule) {
  rule.set_request_timeout_ms(Milliseconds(spec.timeouts.request));
  rule.set_backend_timeout_ms(Milliseconds(spec.timeouts.backend_request));
}
void SetTimeouts(const GrpcRouteRule&, snapshot::Rule&) {}

template <typename Route>
RulePlan CompileRule(const Route& route, size_t index, const Backends& backends) {
  const auto& spec = route.rules[index];
  const std::string name = ToString(route.meta.key());
  RulePlan plan;
  plan.rule.set_id(absl::StrCat(Route::kKind, "/", name, "/", index));
  plan.rule.set_route(name);
  plan.rule.set_name(spec.name);
  plan.rule.set_grpc(std::is_same_v<Route, GrpcRoute>);
  SetTimeouts(spec, plan.rule);
  CompileMatches(spec, plan);
  TakeFilters(CompileFilters(spec.filters, FilterPlace::kRule), *plan.rule.mutable_filters(), plan);
  const RouteOfBackend user{Route::kKind, route.meta.namespace_, plan.rule.grpc()};
  for (const HttpBackendRef& ref : spec.backend_refs) CompileBackend(ref, user, backends, plan);
  if (!plan.unsupported.empty()) {
    plan.rule.clear_filters();
    plan.rule.clear_backends();  // no backends and no redirect: 500
    plan.clusters.clear();
  }
  return plan;
}

template <typename Route>
std::vector<RulePlan> CompileAll(const Route& route, const Backends& backends) {
  std::vector<RulePlan> plans;
  plans.reserve(route.rules.size());
  for (size_t i = 0; i < route.rules.size(); ++i) plans.push_back(CompileRule(route, i, backends));
  return plans;
}

}  // namespace

std::vector<RulePlan> CompileRules(const HttpRoute& route, const Backends& backends) {
  return CompileAll(route, backends);
}
std::vector<RulePlan> CompileRules(const GrpcRoute& route, const Backends& backends) {
  return CompileAll(route, backends);
}

}  // namespace sluice::compile
