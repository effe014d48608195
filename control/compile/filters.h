// Step 6b: filters of rules and backendRefs. A filter that we do not serve is never left out: the
// whole rule is refused, and its requests are answered 500. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/compile/status.h"
#include "dataplane/snapshot/snapshot.pb.h"
#include "gateway-api/filter.h"

namespace sluice::compile {

struct FilterPlan {
  std::vector<snapshot::Filter> filters;
  std::string unsupported;              // "": all is served; else why not, in one phrase
  std::optional<Condition> unresolved;  // ResolvedRefs=False: of an ExtensionRef
};

enum class FilterPlace { kRule, kBackend };  // a backend may only modify headers

FilterPlan CompileFilters(const std::vector<gateway_api::RouteFilter>& filters, FilterPlace place);

}  // namespace sluice::compile
