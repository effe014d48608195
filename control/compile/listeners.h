// Step 3: what can be served of a Gateway's listeners: protocols, conflicts, route kinds,
// certificates. Pure.
#pragma once

#include <vector>

#include "control/compile/certificates.h"
#include "control/compile/plan.h"

namespace sluice::compile {

// All conditions but `programmed`, which needs the Gateway's fate (ProgramListeners).
std::vector<ListenerPlan> PlanListeners(const gateway_api::Gateway& gateway,
                                        Certificates& certificates);

// REQUIRES: gateway.accepted and gateway.addresses are set.
void ProgramListeners(GatewayPlan& gateway);

}  // namespace sluice::compile
