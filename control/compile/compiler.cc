#include "control/compile/compiler.h"

#include <map>
#include <set>
#include <utility>

#include "control/compile/attachment.h"
#include "control/compile/backends.h"
#include "control/compile/certificates.h"
#include "control/compile/changes.h"
#include "control/compile/classes.h"
#include "control/compile/cluster_parts.h"
#include "control/compile/conditions.h"
#include "control/compile/emit.h"
#include "control/compile/gateways.h"
#include "control/compile/grants.h"
#include "control/compile/listener_sets.h"
#include "control/compile/route_parts.h"
#include "control/compile/warnings.h"

namespace sluice::compile {
namespace {

using gateway_api::ObjectSet;

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

template <typename T>
bool Changed(const ObjectSet& objects, Remembered<T>& before) {
  return TakeChanges(objects.All<T>(), before, [](const auto&, const auto&, const auto&) {});
}

}  // namespace

struct Compiler::Memory {
  Remembered<gateway_api::Service> services;
  Remembered<gateway_api::ReferenceGrant> grants;
  Remembered<gateway_api::BackendTlsPolicy> policies;
  Remembered<gateway_api::Namespace> namespaces;
  ParentShapes parents;
  ClusterParts clusters;
  RouteParts routes{clusters};

  std::set<gateway_api::NamespacedName> TakeServices(const ObjectSet& objects) {
    std::set<gateway_api::NamespacedName> changed;
    TakeChanges(objects.All<gateway_api::Service>(), services,
                [&](const gateway_api::NamespacedName& name, const auto&, const auto&) {
                  changed.insert(name);
                });
    return changed;
  }
  bool TakeReferences(const ObjectSet& objects) {
    const bool grants_changed = Changed(objects, grants);
    return Changed(objects, policies) || grants_changed;
  }
  bool TakeParents(const ObjectSet& objects, ParentShapes now) {
    const bool same = now == parents;
    parents = std::move(now);
    return Changed(objects, namespaces) || !same;
  }
};

Compiler::Compiler() : memory_(std::make_unique<Memory>()) {}
Compiler::~Compiler() = default;

Compiled Compiler::Compile(const ObjectSet& objects, const CompileOptions& options) {
  Compiled out;
  std::map<std::string, ClassPlan> classes = SelectClasses(objects);
  for (const auto& [name, plan] : classes) {
    out.statuses.gateway_classes[plan.object->meta.key()] = ReportClass(plan, options);
  }
  *out.snapshot.mutable_settings() = CompileSettings(classes);

  const Grants grants(objects);
  Certificates certificates(objects, grants, options);
  std::vector<GatewayPlan> gateways =
      PlanGateways(objects, classes, options, certificates, out.allocations);
  EmitVips(gateways, options, out);
  EmitListeners(gateways, certificates, out);

  const Attacher attacher(objects, gateways);
  const Backends backends(objects, grants);
  const std::set<gateway_api::NamespacedName> services = memory_->TakeServices(objects);
  memory_->routes.Update(objects,
                         {.backends = backends,
                          .attacher = attacher,
                          .services = services,
                          .references_changed = memory_->TakeReferences(objects),
                          .parents_changed = memory_->TakeParents(objects, ShapesOf(gateways))});
  memory_->clusters.Update(objects, services);
  memory_->routes.CountOn(attacher.listeners());
  memory_->routes.Emit(out.snapshot);
  memory_->clusters.Emit(out.snapshot);

  out.statuses.routes = memory_->routes.statuses();
  ReportGateways(gateways, out.statuses);
  ReportPolicies(objects, gateways, out.statuses);
  out.warnings = FindWarnings(objects, classes);
  out.valid_until = certificates.valid_until();
  return out;
}

Compiled Compile(const ObjectSet& objects, const CompileOptions& options) {
  return Compiler().Compile(objects, options);
}

}  // namespace sluice::compile
