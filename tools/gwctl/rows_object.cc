// Rows of resources that are objects.
#include <set>

#include "absl/strings/str_join.h"
#include "gateway-api/enum_names.h"
#include "tools/gwctl/made.h"
#include "tools/gwctl/rows.h"

namespace sluice::gwctl {
namespace {

using gateway_api::NamespacedName;

std::string PortText(const gateway_api::ServicePort& port) {
  return absl::StrCat(port.port, "/", port.protocol);
}

// How many of the VIPs lie in the pool.
size_t InUse(const gateway_api::AddressPool& pool, const snapshot::Snapshot& snapshot) {
  size_t n = 0;
  for (const snapshot::Vip& vip : snapshot.vips()) n += InPool(pool, vip.address());
  return n;
}

}  // namespace

std::vector<Row> GatewayClassRows(const Context& context) {
  std::vector<Row> rows;
  for (const auto& [name, object] : context.view.objects.All<gateway_api::GatewayClass>()) {
    const auto status = Of(context.view.statuses.gateway_classes, name);
    rows.push_back(
        {name,
         {object.controller_name, std::string(ConditionText(status.conditions, "Accepted")),
          Age(object.meta.creation_time, context.now),
          absl::StrCat(Of(context.relations.gateways_of_class, name.name).size())}});
  }
  return rows;
}

std::vector<Row> GatewayRows(const Context& context) {
  std::vector<Row> rows;
  for (const auto& [name, object] : context.view.objects.All<gateway_api::Gateway>()) {
    const auto status = Of(context.view.statuses.gateways, name);
    std::vector<std::string> addresses;
    addresses.reserve(status.addresses.size());
    for (const auto& address : status.addresses) addresses.push_back(address.value);
    std::set<int> ports;
    for (const auto& listener : object.listeners) ports.insert(listener.port);
    rows.push_back({name,
                    {object.gateway_class_name, Shorten(addresses), absl::StrJoin(ports, ","),
                     std::string(ConditionText(status.conditions, "Programmed")),
                     Age(object.meta.creation_time, context.now),
                     absl::StrCat(Of(context.relations.routes_of_gateway, name).size())}});
  }
  return rows;
}

std::vector<Row> ServiceRows(const Context& context) {
  std::vector<Row> rows;
  for (const auto& [name, object] : context.view.objects.All<gateway_api::Service>()) {
    std::vector<std::string> ports, routes;
    ports.reserve(object.ports.size());
    for (const auto& port : object.ports) ports.push_back(PortText(port));
    for (const auto& route : Of(context.relations.routes_of_service, name)) {
      routes.push_back(ToString(route.name));
    }
    rows.push_back({name,
                    {std::string(NameOf(object.type)), Shorten(ports),
                     Age(object.meta.creation_time, context.now), Shorten(routes)}});
  }
  return rows;
}

std::vector<Row> PoolRows(const Context& context) {
  std::vector<Row> rows;
  for (const auto& [name, object] : context.view.objects.All<gateway_api::AddressPool>()) {
    rows.push_back(
        {name,
         {Shorten(object.ranges), Shorten(object.interfaces), object.announce ? "True" : "False",
          absl::StrCat(InUse(object, context.view.snapshot)),
          Age(object.meta.creation_time, context.now)}});
  }
  return rows;
}

std::vector<Row> ReferenceGrantRows(const Context& context) {
  std::vector<Row> rows;
  for (const auto& [name, object] : context.view.objects.All<gateway_api::ReferenceGrant>()) {
    std::vector<std::string> from, to;
    for (const auto& f : object.from) from.push_back(absl::StrCat(f.kind, " in ", f.namespace_));
    for (const auto& t : object.to) {
      to.push_back(absl::StrCat(t.kind, t.name.empty() ? "" : " ", t.name));
    }
    rows.push_back(
        {name, {Shorten(from), Shorten(to), Age(object.meta.creation_time, context.now)}});
  }
  return rows;
}

}  // namespace sluice::gwctl
