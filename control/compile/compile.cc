#include "control/compile/compile.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/compile/attachment.h"
#include "control/compile/backends.h"
#include "control/compile/certificates.h"
#include "control/compile/classes.h"
#include "control/compile/conditions.h"
#include "control/compile/gateways.h"
#include "control/compile/grants.h"
#include "control/compile/http_routes.h"

namespace sluice::compile {
namespace {

using gateway_api::NamespacedName;
using gateway_api::ObjectSet;
using gateway_api::Problem;

// Routes of a kind that no listener serves attach nowhere, and are told so.
template <typename Route>
void RefuseRoutes(const ObjectSet& objects, const Attacher& attacher, Statuses& statuses) {
  static const std::vector<std::string> kNoHostnames;
  for (const auto& [name, route] : objects.All<Route>()) {
    const std::vector<std::string>* hostnames = &kNoHostnames;
    if constexpr (requires { route.hostnames; }) hostnames = &route.hostnames;
    auto parents = attacher.Attach({Route::kKind, route.meta, route.parent_refs, *hostnames});
    if (parents.empty()) continue;
    Condition accepted =
        RouteUnsupportedValue(absl::StrCat("the kind ", Route::kKind, " is not supported"));
    statuses.routes[{Route::kKind, name}] =
        ReportParents(parents, route.meta.generation, accepted, {});
  }
}

std::vector<const gateway_api::HttpRoute*> OldestFirst(const ObjectSet& objects) {
  std::vector<const gateway_api::HttpRoute*> routes;
  for (const auto& [name, route] : objects.All<gateway_api::HttpRoute>()) routes.push_back(&route);
  std::ranges::sort(routes, {}, [](const gateway_api::HttpRoute* route) {
    const gateway_api::ObjectMeta& meta = route->meta;
    return std::tie(meta.creation_time, meta.namespace_, meta.name);
  });
  return routes;
}

void CompileHttpRoutes(const ObjectSet& objects, const Attacher& attacher, const Grants& grants,
                       Compiled& out) {
  Backends backends(objects, grants);
  HttpRoutes routes(attacher, backends);
  for (const gateway_api::HttpRoute* route : OldestFirst(objects)) {
    if (auto status = routes.Add(*route)) {
      out.statuses.routes[{route->kKind, route->meta.key()}] = *std::move(status);
    }
  }
  routes.Emit(out.snapshot);
  backends.Emit(out.snapshot);
}

void EmitListeners(const std::vector<GatewayPlan>& gateways, const Certificates& certificates,
                   Compiled& out) {
  std::map<std::string, snapshot::Listener> listeners;
  std::set<CertificateUse> uses;
  for (const GatewayPlan& gateway : gateways) {
    std::set<std::string> addresses;
    for (const UsableAddress& usable : gateway.addresses.usable) addresses.insert(usable.address);
    for (const ListenerPlan& plan : gateway.listeners) {
      if (!plan.served()) continue;
      snapshot::Listener& listener = listeners[plan.id];
      listener.set_id(plan.id);
      listener.mutable_addresses()->Assign(addresses.begin(), addresses.end());
      listener.set_port(static_cast<uint32_t>(plan.spec->port));
      listener.set_protocol(plan.protocol);
      listener.set_hostname(plan.spec->hostname);
      for (const std::string& id : plan.certificate_ids) {
        listener.add_certificate_ids(id);
        uses.insert({id, certificates.SecretOf(id)});
      }
    }
  }
  for (auto& [id, listener] : listeners) *out.snapshot.add_listeners() = std::move(listener);
  out.certificates.assign(uses.begin(), uses.end());
}

// A VIP has the ports of its Gateway's listeners that are served; without any it is not announced.
void EmitVips(const std::vector<GatewayPlan>& gateways, const CompileOptions& options,
              Compiled& out) {
  std::map<std::string, snapshot::Vip> vips;
  for (const GatewayPlan& gateway : gateways) {
    std::set<int> ports;
    for (const ListenerPlan& listener : gateway.listeners) {
      if (listener.served()) ports.insert(listener.spec->port);
    }
    if (ports.empty()) continue;
    for (const UsableAddress& address : gateway.addresses.usable) {
      snapshot::Vip& vip = vips[address.address] = MakeVip(address, options);
      vip.add_gateways(ToString(gateway.object->meta.key()));
      for (int port : ports) {
        snapshot::Vip::Port* added = vip.add_ports();
        added->set_transport(snapshot::TRANSPORT_TCP);
        added->set_port(static_cast<uint32_t>(port));
      }
    }
  }
  for (auto& [address, vip] : vips) *out.snapshot.add_vips() = std::move(vip);
}

void ReportListenerSets(const ObjectSet& objects, const std::vector<GatewayPlan>& gateways,
                        Statuses& statuses) {
  std::set<NamespacedName> ours;
  for (const GatewayPlan& gateway : gateways) ours.insert(gateway.object->meta.key());
  for (const auto& [name, set] : objects.All<gateway_api::ListenerSet>()) {
    const std::string& space = set.parent_ref.namespace_;
    if (!ours.contains({space.empty() ? name.namespace_ : space, set.parent_ref.name})) continue;
    std::vector<Condition>& conditions = statuses.listener_sets[name].conditions;
    conditions = {ListenerSetNotSupported()};
    Stamp(conditions, set.meta.generation);
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

void Warn(const gateway_api::ObjectMeta& meta, std::string_view kind, std::string path,
          std::string message, Compiled& out) {
  out.warnings.push_back({Problem::Severity::kWarning, meta.origin,
                          absl::StrCat(kind, " ", ToString(meta.key())), std::move(path),
                          std::move(message)});
}

void WarnOfGateways(const ObjectSet& objects, const std::map<std::string, ClassPlan>& classes,
                    Compiled& out) {
  for (const auto& [name, gateway] : objects.All<gateway_api::Gateway>()) {
    if (!objects.Find<gateway_api::GatewayClass>({"", gateway.gateway_class_name})) {
      Warn(gateway.meta, gateway.kKind, "spec.gatewayClassName",
           absl::StrCat("there is no GatewayClass ", gateway.gateway_class_name), out);
    }
    bool ours = classes.contains(gateway.gateway_class_name);
    if (ours && gateway.tls && gateway.tls->backend_client_certificate_ref) {
      Warn(gateway.meta, gateway.kKind, "spec.tls.backend",
           "client certificates towards backends are not supported", out);
    }
  }
}

void WarnOfRoute(const ObjectSet& objects, const gateway_api::HttpRoute& route, Compiled& out) {
  for (size_t i = 0; i < route.rules.size(); ++i) {
    if (!route.rules[i].retry) continue;
    Warn(route.meta, route.kKind, absl::StrCat("spec.rules[", i, "].retry"),
         "is not supported and has no effect", out);
  }
  for (size_t i = 0; i < route.parent_refs.size(); ++i) {
    const gateway_api::ParentReference& ref = route.parent_refs[i];
    const std::string& space = ref.namespace_.empty() ? route.meta.namespace_ : ref.namespace_;
    bool gateway = ref.group == gateway_api::kGatewayGroup && ref.kind == "Gateway";
    if (!gateway || objects.Find<gateway_api::Gateway>({space, ref.name})) continue;
    Warn(route.meta, route.kKind, absl::StrCat("spec.parentRefs[", i, "]"),
         absl::StrCat("there is no Gateway ", space, "/", ref.name), out);
  }
}

void WarnOfSlices(const ObjectSet& objects, Compiled& out) {
  for (const auto& [name, slice] : objects.All<gateway_api::EndpointSlice>()) {
    if (slice.address_type != gateway_api::EndpointSlice::AddressType::kFqdn) continue;
    Warn(slice.meta, slice.kKind, "addressType",
         "FQDN is not supported; its endpoints are left out", out);
  }
}

// What works as the API says and yet may not be what the user meant.
void FindWarnings(const ObjectSet& objects, const std::map<std::string, ClassPlan>& classes,
                  Compiled& out) {
  WarnOfGateways(objects, classes, out);
  for (const auto& [name, route] : objects.All<gateway_api::HttpRoute>()) {
    WarnOfRoute(objects, route, out);
  }
  WarnOfSlices(objects, out);
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
  CompileHttpRoutes(objects, attacher, grants, out);
  RefuseRoutes<gateway_api::GrpcRoute>(objects, attacher, out.statuses);
  RefuseRoutes<gateway_api::TlsRoute>(objects, attacher, out.statuses);
  RefuseRoutes<gateway_api::TcpRoute>(objects, attacher, out.statuses);
  RefuseRoutes<gateway_api::UdpRoute>(objects, attacher, out.statuses);

  for (const GatewayPlan& plan : gateways) {
    out.statuses.gateways[plan.object->meta.key()] = ReportGateway(plan);
  }
  ReportListenerSets(objects, gateways, out.statuses);
  ReportPolicies(objects, gateways, out.statuses);
  FindWarnings(objects, classes, out);
  out.valid_until = certificates.valid_until();
  return out;
}

}  // namespace sluice::compile
