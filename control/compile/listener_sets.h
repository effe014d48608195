// Step 4a: the ListenerSets of a Gateway: which it lets in, what of them is served, and what is
// answered. Pure.
#pragma once

#include <map>
#include <vector>

#include "control/compile/certificates.h"
#include "control/compile/plan.h"

namespace sluice::compile {

// ListenerSets by the Gateway that they name; oldest first, then by namespace and name.
using ListenerSetIndex =
    std::map<gateway_api::NamespacedName, std::vector<const gateway_api::ListenerSet*>>;
ListenerSetIndex IndexListenerSets(const gateway_api::ObjectSet& objects);

// Fills gateway.sets, all but `programmed`. REQUIRES: gateway.accepted and gateway.listeners are
// set.
void PlanListenerSets(const gateway_api::ObjectSet& objects,
                      const std::vector<const gateway_api::ListenerSet*>& sets,
                      Certificates& certificates, GatewayPlan& gateway);

// Once their listeners are programmed.
void ProgramListenerSets(GatewayPlan& gateway);

// Once routes are counted.
ListenerSetStatus ReportListenerSet(const ListenerSetPlan& plan);

}  // namespace sluice::compile
