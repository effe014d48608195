// Step 6c: matches, and the order in which they are tried. Pure.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/snapshot/snapshot.pb.h"
#include "gateway-api/grpc_route.h"
#include "gateway-api/http_route.h"

namespace sluice::compile {

// How specific a match is; the lowest goes first. The first number keeps the kinds of routes apart:
// where an HTTPRoute and a GRPCRoute share a hostname, requests of gRPC are the GRPCRoute's.
//
// HTTPRouteMatch: Exact path; then the longest RegularExpression; then the longest PathPrefix; a
// method; the most headers; the most query parameters. The API leaves RegularExpression's rank to
// us: it goes before prefixes, because beside a prefix of "/" it could never win.
// GRPCRouteRule: the most characters of the service; of the method; the most headers.
using Specificity = std::array<int, 6>;

struct CompiledMatch {
  snapshot::Match match;
  Specificity specificity = {};
};

// InvalidArgument if a regular expression does not compile within its bounds, or a path cannot be
// one. A header name that is given twice in other cases counts once, the first (HTTPHeaderMatch).
absl::StatusOr<CompiledMatch> CompileMatch(const gateway_api::HttpRouteMatch& match);

// gRPC's method is the path "/service/method" (gRPC over HTTP2, "Path").
absl::StatusOr<CompiledMatch> CompileMatch(const gateway_api::GrpcRouteMatch& match);

// A match with its route's place among equals. Borrows the match.
struct RankedMatch {
  const CompiledMatch* compiled = nullptr;
  const gateway_api::ObjectMeta* route = nullptr;
  int rule = 0;  // index within the route; the match's own is in `compiled`
};

// The more specific; the oldest route; the route's namespace and name; the rule's and the match's
// place.
bool Precedes(const RankedMatch& a, const RankedMatch& b);

}  // namespace sluice::compile
