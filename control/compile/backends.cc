#include "control/compile/backends.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/compile/conditions.h"

namespace sluice::compile {
namespace {

using gateway_api::BackendObjectReference;
using gateway_api::BackendTlsPolicy;
using gateway_api::NamespacedName;
using gateway_api::Service;
using gateway_api::ServicePort;

using snapshot::Cluster;

// What an appProtocol means for HTTP (KEP-3726, GEP-1911); nullopt: it is not served. WebSocket is
// HTTP/1.1 with an upgrade.
std::optional<Cluster::Protocol> ProtocolOf(std::string_view app_protocol) {
  for (std::string_view http1 : {"", "http", "tcp", "kubernetes.io/ws"}) {
    if (app_protocol == http1) return Cluster::PROTOCOL_HTTP1;
  }
  for (std::string_view h2c : {"kubernetes.io/h2c", "grpc"}) {
    if (app_protocol == h2c) return Cluster::PROTOCOL_H2C;
  }
  return std::nullopt;
}

std::string IdOf(const NamespacedName& service, int port, Cluster::Protocol protocol) {
  return absl::StrCat(ToString(service), ":", port,
                      protocol == Cluster::PROTOCOL_H2C ? "/h2c" : "");
}

}  // namespace

const ServicePort* FindPort(const Service& service, int number) {
  for (const ServicePort& port : service.ports) {
    if (port.port == number && port.protocol == "TCP") return &port;
  }
  return nullptr;
}

Backends::Backends(const gateway_api::ObjectSet& objects, const Grants& grants)
    : objects_(objects), grants_(grants) {
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
                                             int number, bool grpc) const {
  std::string what = absl::StrCat("Service ", ToString(service.meta.key()));
  if (service.type == Service::Type::kExternalName) {
    return RouteInvalidKind(absl::StrCat(what, " is of type ExternalName, which is not supported"));
  }
  if (port == nullptr) return RouteBackendNotFound(absl::StrCat(what, " has no TCP port ", number));
  if (!ProtocolOf(port->app_protocol)) {
    return RouteUnsupportedProtocol(absl::StrCat(what, " port ", number, ": the appProtocol ",
                                                 port->app_protocol, " is not supported"));
  }
  if (grpc && port->app_protocol == "kubernetes.io/ws") {
    return RouteUnsupportedProtocol(absl::StrCat(what, " port ", number, ": the appProtocol ",
                                                 port->app_protocol, " carries no gRPC"));
  }
  if (WantsTls(service, *port)) {
    return RouteUnsupportedProtocol(absl::StrCat(
        what, " port ", number, ": a BackendTLSPolicy wants TLS, which is not supported"));
  }
  return std::nullopt;
}

ResolvedBackend Backends::Resolve(const BackendObjectReference& ref,
                                  const RouteOfBackend& route) const {
  if (!ref.group.empty() || ref.kind != Service::kKind) {
    return {.problem =
                RouteInvalidKind(absl::StrCat("backendRef ", ref.name, ": the kind ", ref.group,
                                              "/", ref.kind, " is not supported"))};
  }
  NamespacedName name{ref.namespace_.empty() ? route.namespace_ : ref.namespace_, ref.name};
  if (!grants_.Permits({gateway_api::kGatewayGroup, std::string(route.kind), route.namespace_, "",
                        Service::kKind, name.namespace_, name.name})) {
    return {.problem = RouteRefNotPermitted(absl::StrCat("Service ", ToString(name)))};
  }
  const Service* service = objects_.Find<Service>(name);
  if (service == nullptr) {
    return {.problem = RouteBackendNotFound(absl::StrCat("there is no Service ", ToString(name)))};
  }
  const ServicePort* port = FindPort(*service, ref.port);
  if (auto problem = CheckPort(*service, port, ref.port, route.grpc)) {
    return {.problem = std::move(problem)};
  }
  const auto protocol = route.grpc ? Cluster::PROTOCOL_H2C : *ProtocolOf(port->app_protocol);
  std::string id = IdOf(name, ref.port, protocol);
  return {.cluster = ClusterPlan{std::move(id), std::move(name), ref.port, protocol}};
}

}  // namespace sluice::compile
