// Step 7a: Gateways' plans become the Snapshot's listeners and VIPs. Pure.
#pragma once

#include <vector>

#include "control/compile/certificates.h"
#include "control/compile/compile.h"
#include "control/compile/plan.h"

namespace sluice::compile {

// The listeners that are served, and the certificates that they use.
void EmitListeners(const std::vector<GatewayPlan>& gateways, const Certificates& certificates,
                   Compiled& out);

// A VIP has the ports of its Gateway's listeners that are served; without any it is not announced.
void EmitVips(const std::vector<GatewayPlan>& gateways, const CompileOptions& options,
              Compiled& out);

}  // namespace sluice::compile
