// HTTPRoute (gateway.networking.k8s.io/v1). Plain values with the defaults of the API applied: a
// rule without matches has one, PathPrefix "/".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gateway-api/filter.h"
#include "gateway-api/metadata.h"
#include "gateway-api/reference.h"

namespace sluice::gateway_api {

enum class MatchType { kExact, kRegularExpression };

// Of a header (name: any case) or a query parameter (name: exact).
struct ValueMatch {
  MatchType type = MatchType::kExact;
  std::string name;
  std::string value;

  bool operator==(const ValueMatch&) const = default;
};

struct PathMatch {
  enum class Type { kExact, kPathPrefix, kRegularExpression };
  Type type = Type::kPathPrefix;
  std::string value = "/";

  bool operator==(const PathMatch&) const = default;
};

struct HttpRouteMatch {
  PathMatch path;
  std::vector<ValueMatch> headers;
  std::vector<ValueMatch> query_params;
  std::string method;  // "": any

  bool operator==(const HttpRouteMatch&) const = default;
};

struct HttpTimeouts {
  std::optional<absl::Duration> request;          // 0: none
  std::optional<absl::Duration> backend_request;  // 0: none

  bool operator==(const HttpTimeouts&) const = default;
};

// Experimental channel (GEP-1731).
struct HttpRetry {
  std::vector<int> codes;
  std::optional<int> attempts;
  std::optional<absl::Duration> backoff;

  bool operator==(const HttpRetry&) const = default;
};

// Of HTTPRoute and GRPCRoute.
struct HttpBackendRef {
  BackendRef backend;
  std::vector<RouteFilter> filters;

  bool operator==(const HttpBackendRef&) const = default;
};

struct HttpRouteRule {
  std::string name;
  std::vector<HttpRouteMatch> matches;
  std::vector<RouteFilter> filters;
  std::vector<HttpBackendRef> backend_refs;
  HttpTimeouts timeouts;
  std::optional<HttpRetry> retry;

  bool operator==(const HttpRouteRule&) const = default;
};

struct HttpRoute {
  static constexpr char kKind[] = "HTTPRoute";

  ObjectMeta meta;
  std::vector<ParentReference> parent_refs;
  std::vector<std::string> hostnames;  // empty: those of the listener
  std::vector<HttpRouteRule> rules;

  bool operator==(const HttpRoute&) const = default;
};

}  // namespace sluice::gateway_api
