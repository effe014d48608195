#include "control/compile/warnings.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::compile {
namespace {

using gateway_api::ObjectSet;
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

void WarnOfRoute(const ObjectSet& objects, const gateway_api::HttpRoute& route, Problems& out) {
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
  WarnOfSlices(objects, out);
  return out;
}

}  // namespace sluice::compile
