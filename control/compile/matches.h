// Step 6c: matches, and the order in which they are tried. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/snapshot/snapshot.pb.h"
#include "gateway-api/http_route.h"

namespace sluice::compile {

// InvalidArgument if a regular expression does not compile within its bounds, or a header value
// cannot be one. A header name that is given twice in other cases counts once, the first
// (HTTPHeaderMatch).
absl::StatusOr<snapshot::Match> CompileMatch(const gateway_api::HttpRouteMatch& match);

// A match with its route's place among equals.
struct RankedMatch {
  snapshot::Match match;
  const gateway_api::ObjectMeta* route = nullptr;
  int rule = 0;  // index within the route; the match's own is in `match`
};

// HTTPRouteMatch: Exact path; then the longest RegularExpression; then the longest PathPrefix; a
// method; the most headers; the most query parameters; the oldest route; the route's namespace and
// name; the rule's and the match's place. The API leaves RegularExpression's rank to us: it goes
// before prefixes, because beside a prefix of "/" it could never win.
bool Precedes(const RankedMatch& a, const RankedMatch& b);

}  // namespace sluice::compile
