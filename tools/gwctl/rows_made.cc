// Rows of what Sluice makes of objects: listeners, endpoints, certificates, VIPs.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "tools/gwctl/made.h"
#include "tools/gwctl/rows.h"

namespace sluice::gwctl {
namespace {

using gateway_api::NamespacedName;

std::string AddressText(const snapshot::Endpoint& endpoint) {
  const bool v6 = absl::StrContains(endpoint.address(), ':');
  return v6 ? absl::StrCat("[", endpoint.address(), "]:", endpoint.port())
            : absl::StrCat(endpoint.address(), ":", endpoint.port());
}

std::string PortsText(const snapshot::Vip& vip) {
  return absl::StrJoin(vip.ports(), ",", [](std::string* out, const auto& port) {
    absl::StrAppend(out, port.port(), "/",
                    port.transport() == snapshot::TRANSPORT_UDP ? "UDP" : "TCP");
  });
}

}  // namespace

std::vector<Row> ListenerRows(const Context& context) {
  std::vector<Row> rows;
  for (const auto& [name, gateway] : context.view.objects.All<gateway_api::Gateway>()) {
    const compile::GatewayStatus status = Of(context.view.statuses.gateways, name);
    for (const gateway_api::Listener& listener : gateway.listeners) {
      const compile::ListenerStatus own = StatusOf(status, listener.name);
      std::vector<std::string> certificates;
      if (listener.tls) {
        for (const auto& ref : listener.tls->certificate_refs) {
          certificates.push_back(ToString(Target(ref.namespace_, ref.name, name.namespace_)));
        }
      }
      rows.push_back(
          {{name.namespace_, absl::StrCat(name.name, "/", listener.name)},
           {absl::StrCat(listener.port), listener.protocol,
            listener.hostname.empty() ? "*" : listener.hostname, absl::StrCat(own.attached_routes),
            std::string(ConditionText(own.conditions, "Programmed")),
            std::string(ConditionText(own.conditions, "Conflicted")),
            std::string(ConditionText(own.conditions, "ResolvedRefs")), Shorten(certificates)}});
    }
  }
  return rows;
}

std::vector<Row> EndpointRows(const Context& context) {
  std::vector<Row> rows;
  for (const auto& [name, service] : context.endpoints) {
    std::vector<std::string> addresses;
    for (const auto& endpoint : service.set.endpoints()) addresses.push_back(AddressText(endpoint));
    rows.push_back({name,
                    {absl::StrCat(addresses.size(), "/", service.all), Shorten(addresses),
                     absl::StrCat(service.all - std::min(service.all, addresses.size()))}});
  }
  return rows;
}

std::vector<Row> CertificateRows(const Context& context) {
  std::vector<Row> rows;
  for (const view::CertificateFacts& facts : context.view.certificates) {
    const auto listeners = Of(context.relations.listeners_of_secret, facts.secret);
    const bool readable = facts.problem.empty();
    rows.push_back(
        {facts.secret,
         {Shorten(facts.dns_names), facts.key,
          readable ? absl::StrCat(Date(facts.not_after), " (",
                                  TimeLeft(facts.not_after, context.now), ")")
                   : "",
          readable && facts.not_before <= context.now && context.now < facts.not_after ? "True"
                                                                                       : "False",
          facts.issuer, Shorten({listeners.begin(), listeners.end()})}});
  }
  return rows;
}

std::vector<Row> VipRows(const Context& context) {
  std::vector<Row> rows;
  for (const snapshot::Vip& vip : context.view.snapshot.vips()) {
    rows.push_back({{"", vip.address()},
                    {Shorten({vip.gateways().begin(), vip.gateways().end()}), PortsText(vip),
                     vip.announce() ? "True" : "False", OwnedText(context.view, vip.address()),
                     PoolOf(context.view, vip.address()),
                     Shorten({vip.interfaces().begin(), vip.interfaces().end()})}});
  }
  return rows;
}

}  // namespace sluice::gwctl
