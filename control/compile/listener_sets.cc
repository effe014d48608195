#include "control/compile/listener_sets.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_join.h"
#include "control/compile/conditions.h"
#include "control/compile/listeners.h"
#include "control/compile/namespaces.h"

namespace sluice::compile {
namespace {

using gateway_api::Gateway;
using gateway_api::ListenerSet;

std::vector<std::string> InvalidListeners(const ListenerSetPlan& plan) {
  std::vector<std::string> names;
  for (const ListenerPlan& listener : plan.listeners) {
    if (!listener.valid()) names.push_back(listener.spec->name);
  }
  return names;
}

Condition Accept(const GatewayPlan& gateway, const ListenerSetPlan& plan) {
  if (!gateway.accepted.status) return ListenerSetParentNotAccepted();
  const std::vector<std::string> invalid = InvalidListeners(plan);
  if (invalid.empty()) return ListenerSetAccepted();
  return ListenerSetListenersNotValid(invalid.size() < plan.listeners.size(),
                                      absl::StrJoin(invalid, ", "));
}

Condition Program(const GatewayPlan& gateway, const ListenerSetPlan& plan) {
  if (!gateway.accepted.status) return ListenerSetParentNotProgrammed(gateway.accepted.message);
  if (!plan.accepted.status) return ListenerSetNotProgrammedBy(plan.accepted);
  if (std::ranges::any_of(plan.listeners, &ListenerPlan::served)) return ListenerSetProgrammed();
  return ListenerSetParentNotProgrammed(gateway.programmed.message);
}

}  // namespace

ListenerSetIndex IndexListenerSets(const gateway_api::ObjectSet& objects) {
  ListenerSetIndex index;
  for (const auto& [name, set] : objects.All<ListenerSet>()) {
    const gateway_api::ParentReference& ref = set.parent_ref;
    if (ref.group != gateway_api::kGatewayGroup || ref.kind != Gateway::kKind) continue;
    const std::string& space = ref.namespace_.empty() ? name.namespace_ : ref.namespace_;
    index[{space, ref.name}].push_back(&set);
  }
  for (auto& [gateway, sets] : index) {
    std::ranges::sort(sets, {}, [](const ListenerSet* set) {
      return std::tie(set->meta.creation_time, set->meta.namespace_, set->meta.name);
    });
  }
  return index;
}

void PlanListenerSets(const gateway_api::ObjectSet& objects,
                      const std::vector<const ListenerSet*>& sets, Certificates& certificates,
                      GatewayPlan& gateway) {
  const Gateway& object = *gateway.object;
  for (const ListenerSet* set : sets) {
    ListenerSetPlan& plan = gateway.sets.emplace_back();
    plan.object = set;
    if (Allows(object.allowed_listeners, objects, object.meta.namespace_, set->meta.namespace_)) {
      plan.listeners = PlanListeners(object, *set, certificates);
    }
  }
  FindSetConflicts(gateway);
  for (ListenerSetPlan& plan : gateway.sets) {
    plan.accepted = plan.listeners.empty() ? ListenerSetNotAllowed() : Accept(gateway, plan);
  }
}

void ProgramListenerSets(GatewayPlan& gateway) {
  for (ListenerSetPlan& plan : gateway.sets) plan.programmed = Program(gateway, plan);
}

ListenerSetStatus ReportListenerSet(const ListenerSetPlan& plan) {
  ListenerSetStatus status;
  const int64_t generation = plan.object->meta.generation;
  status.conditions = {plan.accepted, plan.programmed};
  Stamp(status.conditions, generation);
  status.listeners = ReportListeners(plan.listeners, generation);
  return status;
}

}  // namespace sluice::compile
