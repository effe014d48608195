// The rows of each resource, in the order of its columns in resource.cc. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/gwctl/resource.h"
#include "tools/gwctl/words.h"

namespace sluice::gwctl {

std::vector<Row> GatewayClassRows(const Context& context);
std::vector<Row> GatewayRows(const Context& context);
std::vector<Row> ListenerRows(const Context& context);
std::vector<Row> ServiceRows(const Context& context);
std::vector<Row> EndpointRows(const Context& context);
std::vector<Row> CertificateRows(const Context& context);
std::vector<Row> VipRows(const Context& context);
std::vector<Row> PoolRows(const Context& context);
std::vector<Row> ReferenceGrantRows(const Context& context);

// Of any route kind.
template <typename Route>
std::vector<Row> RouteRows(const Context& context) {
  std::vector<Row> rows;
  for (const auto& [name, route] : context.view.objects.All<Route>()) {
    std::vector<std::string> hostnames;
    if constexpr (requires { route.hostnames; }) hostnames = route.hostnames;
    auto status = context.view.statuses.routes.find({Route::kKind, name});
    const bool known = status != context.view.statuses.routes.end();
    const compile::RouteStatus* parents = known ? &status->second : nullptr;
    size_t backends = 0;
    for (const auto& rule : route.rules) backends += rule.backend_refs.size();
    rows.push_back(
        {name,
         {hostnames.empty() ? "None" : Shorten(hostnames), absl::StrCat(route.parent_refs.size()),
          std::string(ParentsText(parents, "Accepted")),
          std::string(ParentsText(parents, "ResolvedRefs")),
          Age(route.meta.creation_time, context.now), absl::StrCat(backends)}});
  }
  return rows;
}

}  // namespace sluice::gwctl
