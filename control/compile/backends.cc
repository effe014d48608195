#include "control/compile/backends.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/compile/conditions.h"
#include "dataplane/snapshot/validate.h"

namespace sluice::compile {
namespace {

using gateway_api::BackendObjectReference;
using gateway_api::BackendTlsPolicy;
using gateway_api::NamespacedName;
using gateway_api::Service;
using gateway_api::ServicePort;

// HTTP/1.1 over TCP carries these (KEP-3726, GEP-1911).
bool IsServedProtocol(std::string_view app_protocol) {
  for (std::string_view served : {"", "http", "tcp", "kubernetes.io/ws"}) {
    if (app_protocol == served) return true;
  }
  return false;
}

const ServicePort* FindPort(const Service& service, int number) {
  for (const ServicePort& port : service.ports) {
    if (port.port == number && port.protocol == "TCP") return &port;
  }
  return nullptr;
}

}  // namespace

Backends::Backends(const gateway_api::ObjectSet& objects, const Grants& grants)
    : objects_(objects), grants_(grants), slices_(objects) {
  for (const auto& [name, policy] : objects.All<BackendTlsPolicy>()) {
    for (const BackendTlsPolicy::Target& target : policy.target_refs) {
      if (!target.object.group.empty() || target.object.kind != Service::kKind) continue;
      tls_targets_.emplace(NamespacedName{name.namespace_, target.object.name},
                           target.section_name);
    }
  }
}

bool Backends::WantsTls(const Service& service, const ServicePort& port) const {
  NamespacedName name = service.meta.key();
  return tls_targets_.contains({name, ""}) || tls_targets_.contains({name, port.name});
}

std::optional<Condition> Backends::CheckPort(const Service& service, const ServicePort* port,
                                             int number) const {
  std::string what = absl::StrCat("Service ", ToString(service.meta.key()));
  if (service.type == Service::Type::kExternalName) {
    return RouteInvalidKind(absl::StrCat(what, " is of type ExternalName, which is not supported"));
  }
  if (port == nullptr) return RouteBackendNotFound(absl::StrCat(what, " has no TCP port ", number));
  if (!IsServedProtocol(port->app_protocol)) {
    return RouteUnsupportedProtocol(absl::StrCat(what, " port ", number, ": the appProtocol ",
                                                 port->app_protocol, " is not supported"));
  }
  if (WantsTls(service, *port)) {
    return RouteUnsupportedProtocol(absl::StrCat(
        what, " port ", number, ": a BackendTLSPolicy wants TLS, which is not supported"));
  }
  return std::nullopt;
}

ResolvedBackend Backends::Resolve(const BackendObjectReference& ref, std::string_view kind,
                                  const std::string& route_namespace) {
  if (!ref.group.empty() || ref.kind != Service::kKind) {
    return {"", RouteInvalidKind(absl::StrCat("backendRef ", ref.name, ": the kind ", ref.group,
                                              "/", ref.kind, " is not supported"))};
  }
  NamespacedName name{ref.namespace_.empty() ? route_namespace : ref.namespace_, ref.name};
  if (!grants_.Permits({gateway_api::kGatewayGroup, std::string(kind), route_namespace, "",
                        Service::kKind, name.namespace_, name.name})) {
    return {"", RouteRefNotPermitted(absl::StrCat("Service ", ToString(name)))};
  }
  const Service* service = objects_.Find<Service>(name);
  if (service == nullptr) {
    return {"", RouteBackendNotFound(absl::StrCat("there is no Service ", ToString(name)))};
  }
  const ServicePort* port = FindPort(*service, ref.port);
  if (auto problem = CheckPort(*service, port, ref.port)) return {"", std::move(problem)};
  std::string id = absl::StrCat(ToString(name), ":", ref.port);
  if (clusters_.size() >= snapshot::kMaxElements && !clusters_.contains(id)) {
    return {"", RouteTooManyBackends()};
  }
  clusters_.try_emplace(id, Target{service, port});
  return {std::move(id), std::nullopt};
}

void Backends::Emit(snapshot::Snapshot& snapshot) const {
  std::set<std::string> used;
  for (const snapshot::Rule& rule : snapshot.rules()) {
    for (const snapshot::Backend& backend : rule.backends()) used.insert(backend.cluster_id());
  }
  for (const auto& [id, target] : clusters_) {
    if (!used.contains(id)) continue;
    snapshot.add_clusters()->set_id(id);
    snapshot::EndpointSet* endpoints = snapshot.add_endpoints();
    *endpoints =
        CompileEndpoints(*target.service, *target.port, slices_.Of(target.service->meta.key()));
    endpoints->set_cluster_id(id);
  }
}

}  // namespace sluice::compile
