// GRPCRoute (gateway.networking.k8s.io/v1). Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway-api/http_route.h"

namespace sluice::gateway_api {

struct GrpcMethodMatch {
  MatchType type = MatchType::kExact;
  std::string service;  // "": any
  std::string method;   // "": any

  bool operator==(const GrpcMethodMatch&) const = default;
};

struct GrpcRouteMatch {
  std::optional<GrpcMethodMatch> method;
  std::vector<ValueMatch> headers;

  bool operator==(const GrpcRouteMatch&) const = default;
};

struct GrpcRouteRule {
  std::string name;
  std::vector<GrpcRouteMatch> matches;  // empty: every request
  std::vector<RouteFilter> filters;
  std::vector<HttpBackendRef> backend_refs;

  bool operator==(const GrpcRouteRule&) const = default;
};

struct GrpcRoute {
  static constexpr char kKind[] = "GRPCRoute";

  ObjectMeta meta;
  std::vector<ParentReference> parent_refs;
  std::vector<std::string> hostnames;
  std::vector<GrpcRouteRule> rules;

  bool operator==(const GrpcRoute&) const = default;
};

}  // namespace sluice::gateway_api
