// Step 3: what can be served of the listeners of a Gateway and its ListenerSets: protocols,
// conflicts, route kinds, certificates. Pure.
#pragma once

#include <vector>

#include "control/compile/certificates.h"
#include "control/compile/plan.h"

namespace sluice::compile {

// All conditions but `programmed`, which needs the Gateway's fate (ProgramListeners). Listeners of
// the Gateway that are in conflict lose, all of them: there is no winner (Gateway API, "Handling
// indistinct Listeners").
std::vector<ListenerPlan> PlanListeners(const gateway_api::Gateway& gateway,
                                        Certificates& certificates);

// Likewise of a ListenerSet; its conflicts come with FindSetConflicts.
std::vector<ListenerPlan> PlanListeners(const gateway_api::Gateway& gateway,
                                        const gateway_api::ListenerSet& set,
                                        Certificates& certificates);

// Among a Gateway's ListenerSets, and between them and the Gateway, the first wins: the Gateway,
// then the sets in their order (GEP-1713, "Listener Precedence").
void FindSetConflicts(GatewayPlan& gateway);

// REQUIRES: gateway.accepted and gateway.addresses are set.
void ProgramListeners(const GatewayPlan& gateway, std::vector<ListenerPlan>& listeners);

// Once routes are counted.
std::vector<ListenerStatus> ReportListeners(const std::vector<ListenerPlan>& plans,
                                            int64_t generation);

}  // namespace sluice::compile
