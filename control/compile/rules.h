// Step 6: rules of HTTPRoutes and GRPCRoutes, each with its matches, filters and backends. What is
// not served is never left out: the whole rule is refused, and its requests are answered 500. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/compile/backends.h"
#include "control/compile/matches.h"
#include "control/compile/status.h"
#include "gateway-api/grpc_route.h"
#include "gateway-api/http_route.h"

namespace sluice::compile {

struct RulePlan {
  snapshot::Rule rule;
  std::vector<CompiledMatch> matches;
  std::vector<ClusterPlan> clusters;    // that the rule's backends name
  std::string unsupported;              // "": served; else why its requests are answered 500
  std::optional<Condition> unresolved;  // the first reference that failed
};

std::vector<RulePlan> CompileRules(const gateway_api::HttpRoute& route, const Backends& backends);
std::vector<RulePlan> CompileRules(const gateway_api::GrpcRoute& route, const Backends& backends);

}  // namespace sluice::compile
