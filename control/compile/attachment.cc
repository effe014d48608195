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
  std::string text = absl::StrCat("the ", ref.kind, " has no listener");
  if (!ref.section_name.empty()) absl::StrAppend(&text, " '", ref.section_name, "'");
  if (ref.port != 0) absl::StrAppend(&text, " with port ", ref.port);
  return text;
}

ParentShape ShapeOf(const gateway_api::ObjectMeta& meta, const Condition& accepted,
                    const std::vector<ListenerPlan>& listeners) {
  ParentShape shape{meta.key(), accepted, {}};
  shape.listeners.reserve(listeners.size());
  for (const ListenerPlan& plan : listeners) {
    shape.listeners.push_back({plan.id, plan.spec->name, plan.spec->hostname, plan.spec->port,
                               plan.spec->allowed_routes, plan.supported_kinds, plan.served()});
  }
  return shape;
}

}  // namespace

ParentShapes ShapesOf(const std::vector<GatewayPlan>& gateways) {
  ParentShapes shapes;
  for (const GatewayPlan& plan : gateways) {
    shapes.push_back(ShapeOf(plan.object->meta, plan.accepted, plan.listeners));
    for (const ListenerSetPlan& set : plan.sets) {
      shapes.push_back(ShapeOf(set.object->meta, set.accepted, set.listeners));
    }
  }
  return shapes;
}

Attacher::Attacher(const gateway_api::ObjectSet& objects, std::vector<GatewayPlan>& gateways)
    : objects_(objects) {
  for (GatewayPlan& plan : gateways) {
    Add(gateway_api::Gateway::kKind, {&plan, &plan.accepted, &plan.object->meta}, plan.listeners);
    for (ListenerSetPlan& set : plan.sets) {
      Add(gateway_api::ListenerSet::kKind, {&plan, &set.accepted, &set.object->meta},
          set.listeners);
    }
  }
}

void Attacher::Add(std::string_view kind, const Parent& parent,
                   std::vector<ListenerPlan>& listeners) {
  Parent& added = parents_[{kind, parent.meta->key()}] = parent;
  added.first = listeners_.size();
  added.count = listeners.size();
  for (ListenerPlan& listener : listeners) listeners_.push_back(&listener);
}

bool Attacher::Admits(const Parent& parent, const ListenerPlan& listener,
                      const RouteHead& route) const {
  bool kind =
      std::ranges::find(listener.supported_kinds, route.kind, &gateway_api::RouteGroupKind::kind) !=
      listener.supported_kinds.end();
  return kind && Allows(listener.spec->allowed_routes.namespaces, objects_, parent.meta->namespace_,
                        route.meta.namespace_);
}

ParentPlan Attacher::AttachOne(const RouteHead& route, const ParentReference& ref,
                               const Parent& parent) const {
  ParentPlan plan{&ref, std::nullopt, {}};
  bool selected = false;
  bool admitted = false;
  for (size_t i = parent.first; i < parent.first + parent.count; ++i) {
    const ListenerPlan& listener = *listeners_[i];
    if (!Selects(ref, *listener.spec)) continue;
    selected = true;
    if (!Admits(parent, listener, route)) continue;
    admitted = true;
    std::vector<std::string> common = Intersect(listener.spec->hostname, route.hostnames);
    if (!common.empty()) plan.attachments.push_back({i, std::move(common)});
  }
  if (parent.count == 0) {
    plan.refused = RouteNoMatchingParent(
        absl::StrCat("the ", ref.kind, " is not accepted: ", parent.accepted->message));
  } else if (!selected) {
    plan.refused = RouteNoMatchingParent(Describe(ref));
  } else if (!admitted) {
    plan.refused = RouteNotAllowedByListeners(absl::StrCat(
        "no listener admits a ", route.kind, " of the namespace ", route.meta.namespace_));
  } else if (plan.attachments.empty()) {
    plan.refused = RouteNoMatchingListenerHostname();
  } else if (!parent.gateway->accepted.status) {
    plan.refused = RouteGatewayNotAccepted(parent.gateway->accepted.message);
    plan.attachments.clear();
  }
  return plan;
}

std::vector<ParentPlan> Attacher::Attach(const RouteHead& route) const {
  std::vector<ParentPlan> plans;
  for (const ParentReference& ref : route.parent_refs) {
    if (ref.group != gateway_api::kGatewayGroup) continue;
    const std::string& space = ref.namespace_.empty() ? route.meta.namespace_ : ref.namespace_;
    auto parent = parents_.find({ref.kind, {space, ref.name}});
    if (parent != parents_.end()) plans.push_back(AttachOne(route, ref, parent->second));
  }
  return plans;
}

}  // namespace sluice::compile
