#include "tools/gwctl/relations.h"

#include "absl/strings/str_cat.h"
#include "control/compile/conditions.h"

namespace sluice::gwctl {
namespace {

using compile::ObjectKey;
using gateway_api::BackendObjectReference;
using gateway_api::NamespacedName;

class ServiceUses {
 public:
  ServiceUses(ObjectKey route, Relations& relations)
      : route_(std::move(route)), relations_(relations) {}

  void Add(const BackendObjectReference& ref) {
    if (!ref.group.empty() || ref.kind != gateway_api::Service::kKind) return;
    relations_.routes_of_service[Target(ref.namespace_, ref.name, route_.name.namespace_)].insert(
        route_);
  }
  void Add(const std::vector<gateway_api::RouteFilter>& filters) {
    for (const auto& filter : filters) {
      if (filter.request_mirror) Add(filter.request_mirror->backend_ref);
    }
  }
  void Add(const gateway_api::HttpBackendRef& ref) {
    Add(ref.backend.object);
    Add(ref.filters);
  }
  void Add(const gateway_api::BackendRef& ref) { Add(ref.object); }

 private:
  ObjectKey route_;
  Relations& relations_;
};

template <typename Route>
void AddBackends(const view::View& view, Relations& relations) {
  for (const auto& [name, route] : view.objects.All<Route>()) {
    ServiceUses uses({Route::kKind, name}, relations);
    for (const auto& rule : route.rules) {
      if constexpr (requires { rule.filters; }) uses.Add(rule.filters);
      for (const auto& ref : rule.backend_refs) uses.Add(ref);
    }
  }
}

void AddParents(const view::View& view, Relations& relations) {
  for (const auto& [key, status] : view.statuses.routes) {
    for (const compile::ParentStatus& parent : status.parents) {
      const gateway_api::ParentReference& ref = parent.parent;
      const compile::Condition* accepted = compile::FindCondition(parent.conditions, "Accepted");
      if (ref.kind != "Gateway" || accepted == nullptr || !accepted->status) continue;
      relations.routes_of_gateway[Target(ref.namespace_, ref.name, key.name.namespace_)].insert(
          key);
    }
  }
}

void AddGateways(const view::View& view, Relations& relations) {
  for (const auto& [name, gateway] : view.objects.All<gateway_api::Gateway>()) {
    relations.gateways_of_class[gateway.gateway_class_name].insert(name);
    for (const gateway_api::Listener& listener : gateway.listeners) {
      if (!listener.tls) continue;
      for (const auto& ref : listener.tls->certificate_refs) {
        relations.listeners_of_secret[Target(ref.namespace_, ref.name, name.namespace_)].insert(
            absl::StrCat(ToString(name), "/", listener.name));
      }
    }
  }
}

}  // namespace

Relations::Relations(const view::View& view) {
  AddGateways(view, *this);
  AddParents(view, *this);
  AddBackends<gateway_api::HttpRoute>(view, *this);
  AddBackends<gateway_api::GrpcRoute>(view, *this);
  AddBackends<gateway_api::TlsRoute>(view, *this);
  AddBackends<gateway_api::TcpRoute>(view, *this);
  AddBackends<gateway_api::UdpRoute>(view, *this);
}

std::string ToString(const ObjectKey& key) {
  return absl::StrCat(key.kind, "/", ToString(key.name));
}

NamespacedName Target(const std::string& ref_namespace, const std::string& name,
                      const std::string& own) {
  return {ref_namespace.empty() ? own : ref_namespace, name};
}

}  // namespace sluice::gwctl
