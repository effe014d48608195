// Steps 2 to 4: our Gateways, oldest first, with their addresses, listeners and fate. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/compile/certificates.h"
#include "control/compile/classes.h"
#include "control/compile/plan.h"

namespace sluice::compile {

std::vector<GatewayPlan> PlanGateways(const gateway_api::ObjectSet& objects,
                                      const std::map<std::string, ClassPlan>& classes,
                                      const CompileOptions& options, Certificates& certificates,
                                      Allocations& allocations);

// Once routes are counted.
GatewayStatus ReportGateway(const GatewayPlan& plan);

}  // namespace sluice::compile
