#include "control/compile/gateways.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/compile/conditions.h"
#include "control/compile/listener_sets.h"
#include "control/compile/listeners.h"
#include "dataplane/snapshot/validate.h"

namespace sluice::compile {
namespace {

using gateway_api::Gateway;

std::vector<const Gateway*> OldestFirst(const gateway_api::ObjectSet& objects,
                                        const std::map<std::string, ClassPlan>& classes) {
  std::vector<const Gateway*> gateways;
  for (const auto& [name, gateway] : objects.All<Gateway>()) {
    if (classes.contains(gateway.gateway_class_name)) gateways.push_back(&gateway);
  }
  std::ranges::sort(gateways, {}, [](const Gateway* g) {
    return std::tie(g->meta.creation_time, g->meta.namespace_, g->meta.name);
  });
  return gateways;
}

std::vector<std::string> InvalidListeners(const std::vector<ListenerPlan>& listeners) {
  std::vector<std::string> names;
  for (const ListenerPlan& listener : listeners) {
    if (!listener.accepted.status) names.push_back(listener.spec->name);
  }
  return names;
}

// The Snapshot's settings belong to the whole process, so what one tenant wants for his Gateway
// alone cannot be honoured yet; and must not be ignored.
std::optional<Condition> CheckParameters(const Gateway& gateway,
                                         const gateway_api::ObjectSet& objects) {
  if (!gateway.infrastructure || !gateway.infrastructure->parameters_ref) return std::nullopt;
  const gateway_api::LocalObjectReference& ref = *gateway.infrastructure->parameters_ref;
  std::string what = absl::StrCat("infrastructure.parametersRef: ", ref.group, "/", ref.kind);
  if (ref.group != gateway_api::kSluiceGroup || ref.kind != gateway_api::GatewayParameters::kKind) {
    return GatewayInvalidParameters(absl::StrCat(what, " is not supported"));
  }
  if (!objects.Find<gateway_api::GatewayParameters>({gateway.meta.namespace_, ref.name})) {
    return GatewayInvalidParameters(absl::StrCat(what, " ", ref.name, " is not there"));
  }
  return GatewayInvalidParameters(
      absl::StrCat(what, " of a single Gateway is not supported; the GatewayClass may have one"));
}

Condition Accept(const GatewayPlan& plan, const ClassPlan& gateway_class,
                 const gateway_api::ObjectSet& objects) {
  if (!gateway_class.accepted.status) {
    return GatewayInvalidParameters(
        absl::StrCat("the GatewayClass is not accepted: ", gateway_class.accepted.message));
  }
  if (auto problem = CheckParameters(*plan.object, objects)) return *problem;
  for (const auto& address : plan.object->addresses) {
    if (address.type != "IPAddress") return GatewayUnsupportedAddress(address.type);
  }
  std::vector<std::string> invalid = InvalidListeners(plan.listeners);
  if (invalid.empty()) return GatewayAccepted();
  return GatewayListenersNotValid(invalid.size() < plan.listeners.size(),
                                  absl::StrJoin(invalid, ", "));
}

// What a Snapshot can hold is bounded: the oldest Gateways have it, each before its ListenerSets.
struct Room {
  size_t listeners = snapshot::kMaxElements;
  size_t addresses = snapshot::kMaxElements;
};
void LimitListeners(std::vector<ListenerPlan>& listeners, size_t addresses, Room& room) {
  size_t served = std::ranges::count_if(listeners, &ListenerPlan::served);
  if (served <= room.listeners && addresses <= room.addresses) {
    room.listeners -= served;
    room.addresses -= addresses;
    return;
  }
  for (ListenerPlan& listener : listeners) {
    if (listener.served()) listener.programmed = ListenerBeyondLimits();
  }
}

void ProgramAllListeners(GatewayPlan& plan, Room& room) {
  ProgramListeners(plan, plan.listeners);
  LimitListeners(plan.listeners, plan.addresses.usable.size(), room);
  for (ListenerSetPlan& set : plan.sets) {
    ProgramListeners(plan, set.listeners);
    LimitListeners(set.listeners, 0, room);
  }
}

Condition Program(const GatewayPlan& plan) {
  if (!plan.accepted.status) return GatewayNotProgrammed(plan.accepted.message);
  if (plan.addresses.problem) return *plan.addresses.problem;
  bool served = false;
  plan.ForEachListener([&](const ListenerPlan& listener) { served |= listener.served(); });
  return served ? GatewayProgrammed() : GatewayNotProgrammed("no listener is programmed");
}

}  // namespace

std::vector<GatewayPlan> PlanGateways(const gateway_api::ObjectSet& objects,
                                      const std::map<std::string, ClassPlan>& classes,
                                      const CompileOptions& options, Certificates& certificates,
                                      Allocations& allocations) {
  std::vector<const Gateway*> gateways = OldestFirst(objects, classes);
  std::vector<AddressPlan> addresses = AssignAddresses(gateways, objects, options, allocations);
  ListenerSetIndex sets = IndexListenerSets(objects);
  std::vector<GatewayPlan> plans;
  Room room;
  for (size_t i = 0; i < gateways.size(); ++i) {
    GatewayPlan& plan = plans.emplace_back();
    plan.object = gateways[i];
    plan.addresses = std::move(addresses[i]);
    plan.listeners = PlanListeners(*plan.object, certificates);
    plan.accepted = Accept(plan, classes.at(plan.object->gateway_class_name), objects);
    PlanListenerSets(objects, sets[plan.object->meta.key()], certificates, plan);
    ProgramAllListeners(plan, room);
    plan.programmed = Program(plan);
    ProgramListenerSets(plan);
  }
  return plans;
}

GatewayStatus ReportGateway(const GatewayPlan& plan) {
  GatewayStatus status;
  int64_t generation = plan.object->meta.generation;
  if (plan.accepted.status) {
    for (const UsableAddress& usable : plan.addresses.usable) {
      status.addresses.push_back({"IPAddress", usable.address});
    }
  }
  status.conditions = {plan.accepted, plan.programmed};
  Stamp(status.conditions, generation);
  status.listeners = ReportListeners(plan.listeners, generation);
  status.attached_listener_sets = static_cast<int>(std::ranges::count_if(
      plan.sets, [](const ListenerSetPlan& set) { return set.accepted.status; }));
  return status;
}

}  // namespace sluice::compile
