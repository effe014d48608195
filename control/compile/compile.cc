#include "control/compile/compile.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/compile/attachment.h"
#include "control/compile/backends.h"
#include "control/compile/certificates.h"
#include "control/compile/classes.h"
#include "control/compile/conditions.h"
#include "control/compile/emit.h"
#include "control/compile/gateways.h"
#include "control/compile/grants.h"
#include "control/compile/listener_sets.h"
#include "control/compile/routes.h"
#include "control/compile/warnings.h"

namespace sluice::compile {
namespace {

using gateway_api::GrpcRoute;
using gateway_api::HttpRoute;
using gateway_api::ObjectSet;

template <typename Route>
RouteHead HeadOf(const Route& route) {
  static const std::vector<std::string> kNoHostnames;
  const std::vector<std::string>* hostnames = &kNoHostnames;
  if constexpr (requires { route.hostnames; }) hostnames = &route.hostnames;
  return {Route::kKind, route.meta, route.parent_refs, *hostnames};
}

// Routes of a kind that no listener serves attach nowhere, and are told so.
template <typename Route>
void RefuseRoutes(const ObjectSet& objects, const Attacher& attacher, Statuses& statuses) {
  for (const auto& [name, route] : objects.All<Route>()) {
    auto parents = attacher.Attach(HeadOf(route));
    if (parents.empty()) continue;
    Condition accepted =
        RouteUnsupportedValue(absl::StrCat("the kind ", Route::kKind, " is not supported"));
    statuses.routes[{Route::kKind, name}] =
        ReportParents(parents, route.meta.generation, accepted, {});
  }
}

// A route that is served, with what is made of it.
struct ServedRoute {
  RouteHead head;
  std::vector<RulePlan> rules;
};

template <typename Route>
void CompileAll(const ObjectSet& objects, const Backends& backends,
                std::vector<ServedRoute>& routes) {
  for (const auto& [name, route] : objects.All<Route>()) {
    routes.push_back({HeadOf(route), CompileRules(route, backends)});
  }
}

void CompileRoutes(const ObjectSet& objects, const Attacher& attacher, const Grants& grants,
                   Compiled& out) {
  const Backends backends(objects, grants);
  std::vector<ServedRoute> served;
  CompileAll<HttpRoute>(objects, backends, served);
  CompileAll<GrpcRoute>(objects, backends, served);
  std::vector<const ServedRoute*> oldest_first;
  for (const ServedRoute& route : served) oldest_first.push_back(&route);
  std::ranges::sort(oldest_first, {}, [](const ServedRoute* route) {
    const gateway_api::ObjectMeta& meta = route->head.meta;
    return std::tie(meta.creation_time, meta.namespace_, meta.name, route->head.kind);
  });
  Routes routes(attacher);
  for (const ServedRoute* route : oldest_first) {
    if (auto status = routes.Add(route->head, route->rules)) {
      out.statuses.routes[{std::string(route->head.kind), route->head.meta.key()}] =
          *std::move(status);
    }
  }
  routes.Emit(out.snapshot);
  backends.Emit(routes.clusters(), out.snapshot);
}

void ReportGateways(const std::vector<GatewayPlan>& gateways, Statuses& statuses) {
  for (const GatewayPlan& plan : gateways) {
    statuses.gateways[plan.object->meta.key()] = ReportGateway(plan);
    for (const ListenerSetPlan& set : plan.sets) {
      statuses.listener_sets[set.object->meta.key()] = ReportListenerSet(set);
    }
  }
}

void ReportPolicies(const ObjectSet& objects, const std::vector<GatewayPlan>& gateways,
                    Statuses& statuses) {
  for (const auto& [name, policy] : objects.All<gateway_api::BackendTlsPolicy>()) {
    for (const GatewayPlan& gateway : gateways) {
      ParentStatus& answer = statuses.backend_tls_policies[name].parents.emplace_back();
      answer.parent.namespace_ = gateway.object->meta.namespace_;
      answer.parent.name = gateway.object->meta.name;
      answer.conditions = {PolicyNotSupported()};
      Stamp(answer.conditions, policy.meta.generation);
    }
  }
}

}  // namespace

Compiled Compile(const ObjectSet& objects, const CompileOptions& options) {
  Compiled out;
  std::map<std::string, ClassPlan> classes = SelectClasses(objects);
  for (const auto& [name, plan] : classes) {
    out.statuses.gateway_classes[plan.object->meta.key()] = ReportClass(plan, options);
  }
  *out.snapshot.mutable_settings() = CompileSettings(classes);

  Grants grants(objects);
  Certificates certificates(objects, grants, options);
  std::vector<GatewayPlan> gateways =
      PlanGateways(objects, classes, options, certificates, out.allocations);
  EmitVips(gateways, options, out);
  EmitListeners(gateways, certificates, out);

  Attacher attacher(objects, gateways);
  CompileRoutes(objects, attacher, grants, out);
  RefuseRoutes<gateway_api::TlsRoute>(objects, attacher, out.statuses);
  RefuseRoutes<gateway_api::TcpRoute>(objects, attacher, out.statuses);
  RefuseRoutes<gateway_api::UdpRoute>(objects, attacher, out.statuses);

  ReportGateways(gateways, out.statuses);
  ReportPolicies(objects, gateways, out.statuses);
  out.warnings = FindWarnings(objects, classes);
  out.valid_until = certificates.valid_until();
  return out;
}

}  // namespace sluice::compile
