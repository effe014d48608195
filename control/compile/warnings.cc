#include "control/compile/warnings.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::compile {
namespace {

using gateway_api::Gateway;
using gateway_api::ListenerSet;
using gateway_api::NamespacedName;
using gateway_api::ObjectSet;
using gateway_api::ParentReference;
using gateway_api::Problem;
using Problems = std::vector<Problem>;

void Warn(const gateway_api::ObjectMeta& meta, std::string_view kind, std::string path,
          std::string message, Problems& out) {
  out.push_back({Problem::Severity::kWarning, meta.origin,
                 absl::StrCat(kind, " ", ToString(meta.key())), std::move(path),
                 std::move(message)});
}

void WarnOfGateways(const ObjectSet& objects, const std::map<std::string, ClassPlan>& classes,
                    Problems& out) {
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

// Names of parents that are not there: nobody answers for those.
void WarnOfParents(const ObjectSet& objects, const gateway_api::ObjectMeta& meta,
                   std::string_view kind, const std::vector<ParentReference>& refs, Problems& out) {
  for (size_t i = 0; i < refs.size(); ++i) {
    const ParentReference& ref = refs[i];
    if (ref.group != gateway_api::kGatewayGroup) continue;
    const NamespacedName name{ref.namespace_.empty() ? meta.namespace_ : ref.namespace_, ref.name};
    const bool there = ref.kind == ListenerSet::kKind ? objects.Find<ListenerSet>(name) != nullptr
                                                      : objects.Find<Gateway>(name) != nullptr;
    if (there || (ref.kind != ListenerSet::kKind && ref.kind != Gateway::kKind)) continue;
    Warn(meta, kind, absl::StrCat("spec.parentRefs[", i, "]"),
         absl::StrCat("there is no ", ref.kind, " ", ToString(name)), out);
  }
}

void WarnOfRoute(const ObjectSet& objects, const gateway_api::HttpRoute& route, Problems& out) {
  for (size_t i = 0; i < route.rules.size(); ++i) {
    if (!route.rules[i].retry) continue;
    Warn(route.meta, route.kKind, absl::StrCat("spec.rules[", i, "].retry"),
         "is not supported and has no effect", out);
  }
  WarnOfParents(objects, route.meta, route.kKind, route.parent_refs, out);
}

void WarnOfListenerSet(const ObjectSet& objects, const ListenerSet& set, Problems& out) {
  const ParentReference& ref = set.parent_ref;
  if (ref.group != gateway_api::kGatewayGroup || ref.kind != Gateway::kKind) {
    return Warn(set.meta, set.kKind, "spec.parentRef", "must be a Gateway", out);
  }
  const NamespacedName name{ref.namespace_.empty() ? set.meta.namespace_ : ref.namespace_,
                            ref.name};
  if (objects.Find<Gateway>(name) != nullptr) return;
  Warn(set.meta, set.kKind, "spec.parentRef", absl::StrCat("there is no Gateway ", ToString(name)),
       out);
}

void WarnOfSlices(const ObjectSet& objects, Problems& out) {
  for (const auto& [name, slice] : objects.All<gateway_api::EndpointSlice>()) {
    if (slice.address_type != gateway_api::EndpointSlice::AddressType::kFqdn) continue;
    Warn(slice.meta, slice.kKind, "addressType",
         "FQDN is not supported; its endpoints are left out", out);
  }
}

}  // namespace

Problems FindWarnings(const ObjectSet& objects, const std::map<std::string, ClassPlan>& classes) {
  Problems out;
  WarnOfGateways(objects, classes, out);
  for (const auto& [name, route] : objects.All<gateway_api::HttpRoute>()) {
    WarnOfRoute(objects, route, out);
  }
  for (const auto& [name, route] : objects.All<gateway_api::GrpcRoute>()) {
    WarnOfParents(objects, route.meta, route.kKind, route.parent_refs, out);
  }
  for (const auto& [name, set] : objects.All<ListenerSet>()) WarnOfListenerSet(objects, set, out);
  WarnOfSlices(objects, out);
  return out;
}

}  // namespace sluice::compile
