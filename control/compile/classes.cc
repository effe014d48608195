#include "control/compile/classes.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/compile/conditions.h"

namespace sluice::compile {
namespace {

using gateway_api::GatewayClass;
using gateway_api::GatewayParameters;

// Sorted as the suite and the API want them; a feature is here when the data plane serves it.
constexpr const char* kFeatures[] = {
    "GRPCRoute",
    "GRPCRouteNamedRouteRule",
    "Gateway",
    "GatewayAddressEmpty",
    "GatewayHTTPListenerIsolation",
    "GatewayHTTPSListenerDetectMisdirectedRequests",
    "GatewayInfrastructure",
    "GatewayPort8080",
    "GatewayStaticAddresses",
    "HTTPRoute",
    "HTTPRoute303RedirectStatusCode",
    "HTTPRoute307RedirectStatusCode",
    "HTTPRoute308RedirectStatusCode",
    "HTTPRouteBackendProtocolH2C",
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteBackendRequestHeaderModification",
    "HTTPRouteBackendTimeout",
    "HTTPRouteDestinationPortMatching",
    "HTTPRouteHostRewrite",
    "HTTPRouteMethodMatching",
    "HTTPRouteNamedRouteRule",
    "HTTPRouteParentRefPort",
    "HTTPRoutePathRedirect",
    "HTTPRoutePathRewrite",
    "HTTPRoutePortRedirect",
    "HTTPRouteQueryParamMatching",
    "HTTPRouteRequestTimeout",
    "HTTPRouteResponseHeaderModification",
    "HTTPRouteSchemeRedirect",
    "ListenerSet",
    "ReferenceGrant",
};

std::vector<const GatewayClass*> OldestFirst(const gateway_api::ObjectSet& objects) {
  std::vector<const GatewayClass*> classes;
  for (const auto& [name, object] : objects.All<GatewayClass>()) {
    if (object.controller_name == kControllerName) classes.push_back(&object);
  }
  std::ranges::sort(classes, {}, [](const GatewayClass* c) {
    return std::tie(c->meta.creation_time, c->meta.name);
  });
  return classes;
}

ClassPlan PlanClass(const GatewayClass& object, const gateway_api::ObjectSet& objects) {
  ClassPlan plan{&object, nullptr, ClassAccepted()};
  if (!object.parameters_ref) return plan;
  const gateway_api::ObjectReference& ref = *object.parameters_ref;
  if (ref.group != gateway_api::kSluiceGroup || ref.kind != GatewayParameters::kKind) {
    plan.accepted = ClassInvalidParameters(absl::StrCat("parametersRef: ", ref.group, "/", ref.kind,
                                                        " is no GatewayParameters of ",
                                                        gateway_api::kSluiceGroup));
    return plan;
  }
  plan.parameters = objects.Find<GatewayParameters>({ref.namespace_, ref.name});
  if (plan.parameters == nullptr) {
    plan.accepted = ClassInvalidParameters(absl::StrCat(
        "parametersRef: there is no GatewayParameters ", ref.namespace_, "/", ref.name));
  }
  return plan;
}

bool IsKnownVersion(std::string_view version) {
  for (std::string_view known : {"v1.4.", "v1.5.", "v1.6."}) {
    if (version.starts_with(known)) return true;
  }
  return version.empty();
}

uint32_t Milliseconds(const std::optional<absl::Duration>& duration) {
  return duration ? static_cast<uint32_t>(absl::ToInt64Milliseconds(*duration)) : 0;
}

snapshot::Settings::AccessLog AccessLog(const GatewayParameters& parameters) {
  using Format = GatewayParameters::AccessLogFormat;
  switch (parameters.access_log_format.value_or(Format::kJson)) {
    case Format::kJson:
      return snapshot::Settings::ACCESS_LOG_JSON;
    case Format::kText:
      return snapshot::Settings::ACCESS_LOG_TEXT;
    case Format::kOff:
      return snapshot::Settings::ACCESS_LOG_OFF;
  }
  return snapshot::Settings::ACCESS_LOG_JSON;
}

}  // namespace

std::map<std::string, ClassPlan> SelectClasses(const gateway_api::ObjectSet& objects) {
  std::map<std::string, ClassPlan> plans;
  const GatewayParameters* in_force = nullptr;
  for (const GatewayClass* object : OldestFirst(objects)) {
    ClassPlan plan = PlanClass(*object, objects);
    if (in_force == nullptr) in_force = plan.parameters;
    if (plan.parameters != nullptr && plan.parameters != in_force) {
      plan.accepted = ClassInvalidParameters(
          absl::StrCat("parametersRef: an older GatewayClass has the parameters ",
                       ToString(in_force->meta.key()), ", and all classes share one set of them"));
      plan.parameters = nullptr;
    }
    plans.emplace(object->meta.name, std::move(plan));
  }
  return plans;
}

snapshot::Settings CompileSettings(const std::map<std::string, ClassPlan>& classes) {
  snapshot::Settings settings;
  for (const auto& [name, plan] : classes) {
    if (plan.parameters == nullptr) continue;
    const GatewayParameters& parameters = *plan.parameters;
    settings.set_access_log(AccessLog(parameters));
    std::vector<std::string> proxies = parameters.trusted_proxies;
    std::ranges::sort(proxies);
    settings.mutable_trusted_proxies()->Assign(proxies.begin(), proxies.end());
    settings.set_max_connections(parameters.max_connections.value_or(0));
    settings.set_header_timeout_ms(Milliseconds(parameters.header_timeout));
    settings.set_idle_timeout_ms(Milliseconds(parameters.idle_timeout));
    settings.set_connect_timeout_ms(Milliseconds(parameters.connect_timeout));
    break;  // the others that are accepted have the same
  }
  return settings;
}

GatewayClassStatus ReportClass(const ClassPlan& plan, const CompileOptions& options) {
  GatewayClassStatus status;
  status.conditions.push_back(plan.accepted);
  status.conditions.push_back(IsKnownVersion(options.bundle_version)
                                  ? ClassSupportedVersion(options.bundle_version)
                                  : ClassUnsupportedVersion(options.bundle_version));
  Stamp(status.conditions, plan.object->meta.generation);
  status.supported_features.assign(std::begin(kFeatures), std::end(kFeatures));
  return status;
}

}  // namespace sluice::compile
