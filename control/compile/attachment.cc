#include "control/compile/attachment.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/compile/conditions.h"
#include "control/compile/hostnames.h"
#include "control/compile/namespaces.h"

namespace sluice::compile {
namespace {

using gateway_api::ParentReference;

bool Selects(const ParentReference& ref, const gateway_api::Listener& listener) {
  return (ref.section_name.empty() || ref.section_name == listener.name) &&
         (ref.port == 0 || ref.port == listener.port);
}

std::string Describe(const ParentReference& ref) {
  std::string text = "the Gateway has no listener";
  if (!ref.section_name.empty()) absl::StrAppend(&text, " '", ref.section_name, "'");
  if (ref.port != 0) absl::StrAppend(&text, " with port ", ref.port);
  return text;
}

}  // namespace

Attacher::Attacher(const gateway_api::ObjectSet& objects, std::vector<GatewayPlan>& gateways)
    : objects_(objects) {
  for (GatewayPlan& plan : gateways) gateways_.emplace(plan.object->meta.key(), &plan);
}

bool Attacher::Admits(const GatewayPlan& gateway, const ListenerPlan& listener,
                      const RouteHead& route) const {
  bool kind =
      std::ranges::find(listener.supported_kinds, route.kind, &gateway_api::RouteGroupKind::kind) !=
      listener.supported_kinds.end();
  return kind && Allows(listener.spec->allowed_routes.namespaces, objects_,
                        gateway.object->meta.namespace_, route.meta.namespace_);
}

ParentPlan Attacher::AttachOne(const RouteHead& route, const ParentReference& ref,
                               GatewayPlan& gateway) const {
  ParentPlan plan{&ref, std::nullopt, {}};
  bool selected = false;
  bool admitted = false;
  for (ListenerPlan& listener : gateway.listeners) {
    if (!Selects(ref, *listener.spec)) continue;
    selected = true;
    if (!Admits(gateway, listener, route)) continue;
    admitted = true;
    std::vector<std::string> common = Intersect(listener.spec->hostname, route.hostnames);
    if (!common.empty()) plan.attachments.push_back({&listener, std::move(common)});
  }
  if (!selected) {
    plan.refused = RouteNoMatchingParent(Describe(ref));
  } else if (!admitted) {
    plan.refused = RouteNotAllowedByListeners(absl::StrCat(
        "no listener admits a ", route.kind, " of the namespace ", route.meta.namespace_));
  } else if (plan.attachments.empty()) {
    plan.refused = RouteNoMatchingListenerHostname();
  } else if (!gateway.accepted.status) {
    plan.refused = RouteGatewayNotAccepted(gateway.accepted.message);
    plan.attachments.clear();
  }
  return plan;
}

std::vector<ParentPlan> Attacher::Attach(const RouteHead& route) const {
  std::vector<ParentPlan> plans;
  for (const ParentReference& ref : route.parent_refs) {
    if (ref.group != gateway_api::kGatewayGroup || ref.kind != gateway_api::Gateway::kKind) {
      continue;
    }
    const std::string& space = ref.namespace_.empty() ? route.meta.namespace_ : ref.namespace_;
    auto gateway = gateways_.find({space, ref.name});
    if (gateway != gateways_.end()) plans.push_back(AttachOne(route, ref, *gateway->second));
  }
  return plans;
}

}  // namespace sluice::compile
