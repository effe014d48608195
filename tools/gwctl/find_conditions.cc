// Conditions that say no.
#include "control/compile/conditions.h"
#include "tools/gwctl/findings.h"

namespace sluice::gwctl {
namespace {

using compile::Condition;
using gateway_api::ObjectMeta;

// True is bad news of these two types, False of all others.
bool IsBad(const Condition& condition) {
  const bool negative = condition.type == "Conflicted" || condition.type == "PartiallyInvalid";
  return condition.status == negative;
}

std::string Text(const Condition& condition) {
  return absl::StrCat(condition.type, "=", condition.status ? "True" : "False", " (",
                      condition.reason, "): ", condition.message);
}

bool HasBad(const std::vector<Condition>& conditions, std::string_view type) {
  const Condition* condition = compile::FindCondition(conditions, type);
  return condition != nullptr && IsBad(*condition);
}

// "Not programmed" says nothing new beside its cause.
bool IsConsequence(const Condition& condition, const std::vector<Condition>& conditions) {
  if (condition.reason == "ListenersNotValid" || condition.reason == "Conflicted") return true;
  return condition.type == "Programmed" &&
         (HasBad(conditions, "Accepted") || HasBad(conditions, "ResolvedRefs") ||
          HasBad(conditions, "Conflicted"));
}

// Returns how many say no.
int AddBad(const std::vector<Condition>& conditions, const ObjectMeta& meta, std::string_view kind,
           const std::string& path, Findings& findings) {
  int bad = 0;
  for (const Condition& condition : conditions) {
    if (!IsBad(condition)) continue;
    ++bad;
    if (IsConsequence(condition, conditions)) continue;
    if (condition.type == "SupportedVersion") {
      findings.Warning(meta, kind, path, Text(condition));
    } else {
      findings.Error(meta, kind, path, Text(condition));
    }
  }
  return bad;
}

void FindInGateway(const gateway_api::Gateway& gateway, const compile::GatewayStatus& status,
                   Findings& findings) {
  int bad = 0;
  for (size_t i = 0; i < status.listeners.size(); ++i) {
    bad += AddBad(status.listeners[i].conditions, gateway.meta, gateway.kKind,
                  absl::StrCat("spec.listeners[", i, "]"), findings);
  }
  std::vector<Condition> own = status.conditions;
  std::erase_if(own, [&](const Condition& c) { return bad > 0 && c.reason == "Invalid"; });
  AddBad(own, gateway.meta, gateway.kKind, "", findings);
}

template <typename Route>
void FindInRoutes(const view::View& view, Findings& findings) {
  for (const auto& [key, status] : view.statuses.routes) {
    if (key.kind != Route::kKind) continue;
    const Route* route = view.objects.Find<Route>(key.name);
    if (route == nullptr) continue;
    for (const compile::ParentStatus& parent : status.parents) {
      // Only what is said of the parent itself differs from parent to parent.
      for (const Condition& condition : parent.conditions) {
        const bool of_parent = condition.type == "Accepted";
        AddBad({condition}, route->meta, Route::kKind,
               of_parent ? absl::StrCat("parentRef ", parent.parent.name) : "", findings);
      }
    }
  }
}

}  // namespace

void FindConditions(const view::View& view, Findings& findings) {
  for (const auto& [name, status] : view.statuses.gateway_classes) {
    const auto* object = view.objects.Find<gateway_api::GatewayClass>(name);
    if (object) AddBad(status.conditions, object->meta, object->kKind, "", findings);
  }
  for (const auto& [name, status] : view.statuses.gateways) {
    const auto* object = view.objects.Find<gateway_api::Gateway>(name);
    if (object) FindInGateway(*object, status, findings);
  }
  for (const auto& [name, status] : view.statuses.listener_sets) {
    const auto* object = view.objects.Find<gateway_api::ListenerSet>(name);
    if (object) AddBad(status.conditions, object->meta, object->kKind, "", findings);
  }
  for (const auto& [name, status] : view.statuses.backend_tls_policies) {
    const auto* object = view.objects.Find<gateway_api::BackendTlsPolicy>(name);
    if (!object) continue;
    for (const auto& parent : status.parents) {
      AddBad(parent.conditions, object->meta, object->kKind, "", findings);
    }
  }
  FindInRoutes<gateway_api::HttpRoute>(view, findings);
  FindInRoutes<gateway_api::GrpcRoute>(view, findings);
  FindInRoutes<gateway_api::TlsRoute>(view, findings);
  FindInRoutes<gateway_api::TcpRoute>(view, findings);
  FindInRoutes<gateway_api::UdpRoute>(view, findings);
}

}  // namespace sluice::gwctl
