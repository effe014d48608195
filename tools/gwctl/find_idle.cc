// What is accepted and yet does nothing: routes and matches that get no request, services without
// endpoints, certificates at their end, objects that nothing refers to.
#include <map>
#include <set>

#include "control/compile/status.h"
#include "tools/gwctl/analyze.h"
#include "tools/gwctl/findings.h"
#include "tools/gwctl/made.h"
#include "tools/gwctl/relations.h"
#include "tools/gwctl/words.h"

namespace sluice::gwctl {
namespace {

using gateway_api::NamespacedName;

template <typename Route>
void FindUnattached(const view::View& view, Findings& findings) {
  for (const auto& [name, route] : view.objects.All<Route>()) {
    if (!route.parent_refs.empty()) continue;
    findings.Warning(route.meta, route.kKind, "spec.parentRefs",
                     "there are none: the route is attached to nothing");
  }
}

// "HTTPRoute/ns/name/3" -> {"ns", "name"}, 3.
NamespacedName RouteOf(const snapshot::Rule& rule) {
  const size_t slash = rule.route().find('/');
  return {rule.route().substr(0, slash), rule.route().substr(slash + 1)};
}

std::string_view IndexOf(std::string_view rule_id) {
  return rule_id.substr(rule_id.rfind('/') + 1);
}

// Everything of a match that decides, as text.
std::string ConditionsOf(snapshot::Match match) {
  match.clear_rule_id();
  match.clear_index();
  return match.SerializeAsString();
}

// A match that an equal one precedes on its host.
void FindShadowed(const view::View& view, Findings& findings) {
  std::map<std::string, const snapshot::Rule*> rules;
  for (const snapshot::Rule& rule : view.snapshot.rules()) rules[rule.id()] = &rule;
  for (const snapshot::Host& host : view.snapshot.hosts()) {
    std::map<std::string, const snapshot::Match*> first;
    for (const snapshot::Match& match : host.matches()) {
      const auto [entry, added] = first.emplace(ConditionsOf(match), &match);
      if (added) continue;
      const auto* route =
          view.objects.Find<gateway_api::HttpRoute>(RouteOf(*rules.at(match.rule_id())));
      if (route == nullptr) continue;
      findings.Warning(
          route->meta, route->kKind,
          absl::StrCat("spec.rules[", IndexOf(match.rule_id()), "].matches[", match.index(), "]"),
          absl::StrCat("never gets a request of ", host.hostname().empty() ? "*" : host.hostname(),
                       ": rule ", IndexOf(entry->second->rule_id()), " of HTTPRoute ",
                       rules.at(entry->second->rule_id())->route(),
                       " has the same match and comes first"));
    }
  }
}

bool IsUsed(const view::View& view, const gateway_api::GatewayParameters& parameters) {
  const NamespacedName name = parameters.meta.key();
  for (const auto& [key, gateway_class] : view.objects.All<gateway_api::GatewayClass>()) {
    const auto& ref = gateway_class.parameters_ref;
    if (ref && ref->kind == parameters.kKind && ref->name == name.name &&
        ref->namespace_ == name.namespace_) {
      return true;
    }
  }
  for (const auto& [key, gateway] : view.objects.All<gateway_api::Gateway>()) {
    const auto& infrastructure = gateway.infrastructure;
    if (infrastructure && infrastructure->parameters_ref &&
        infrastructure->parameters_ref->name == name.name && key.namespace_ == name.namespace_) {
      return true;
    }
  }
  return false;
}

}  // namespace

void FindIdleRoutes(const view::View& view, Findings& findings) {
  FindUnattached<gateway_api::HttpRoute>(view, findings);
  FindUnattached<gateway_api::GrpcRoute>(view, findings);
  FindUnattached<gateway_api::TlsRoute>(view, findings);
  FindUnattached<gateway_api::TcpRoute>(view, findings);
  FindUnattached<gateway_api::UdpRoute>(view, findings);
  FindShadowed(view, findings);
  for (const auto& [name, status] : view.statuses.gateways) {
    const auto* gateway = view.objects.Find<gateway_api::Gateway>(name);
    if (gateway == nullptr) continue;
    for (size_t i = 0; i < status.listeners.size(); ++i) {
      if (status.listeners[i].attached_routes > 0) continue;
      findings.Warning(gateway->meta, gateway->kKind, absl::StrCat("spec.listeners[", i, "]"),
                       absl::StrCat("the listener ", status.listeners[i].name,
                                    " has no routes: requests are answered 404"));
    }
  }
}

// A folder without any EndpointSlice is the rule (the cluster makes them), and says nothing.
void FindMissingEndpoints(const view::View& view, Findings& findings) {
  if (view.objects.All<gateway_api::EndpointSlice>().empty()) return;
  std::set<std::string> used;
  for (const snapshot::EndpointSet& set : view.snapshot.endpoints()) {
    if (set.endpoints().empty()) used.insert(set.cluster_id());
  }
  for (const auto& [port, service] : AllEndpoints(view)) {
    if (!used.contains(ToString(port))) continue;
    const std::string name = port.name.substr(0, port.name.rfind(':'));
    const auto* object = view.objects.Find<gateway_api::Service>({port.namespace_, name});
    findings.Warning(
        object->meta, object->kKind, "",
        absl::StrCat("port ", port.name.substr(name.size() + 1),
                     service.all == 0 ? " has no endpoints" : " has no endpoint that is ready",
                     ": requests are answered 503"));
  }
}

void FindExpiringCertificates(const view::View& view, absl::Time now, Findings& findings) {
  for (const view::CertificateFacts& facts : view.certificates) {
    const auto* secret = view.objects.Find<gateway_api::Secret>(facts.secret);
    if (secret == nullptr || !facts.problem.empty()) continue;
    if (facts.not_after > now + kExpiresSoon) continue;
    findings.Warning(secret->meta, secret->kKind, "",
                     facts.not_after <= now
                         ? absl::StrCat("the certificate expired on ", Date(facts.not_after))
                         : absl::StrCat("the certificate expires on ", Date(facts.not_after),
                                        ", in ", TimeLeft(facts.not_after, now)));
  }
}

void FindUnused(const view::View& view, Findings& findings) {
  const Relations relations(view);
  for (const auto& [name, secret] : view.objects.All<gateway_api::Secret>()) {
    const bool tls = secret.type == gateway_api::Secret::kTlsType;
    if (!tls || relations.listeners_of_secret.contains(name)) continue;
    findings.Warning(secret.meta, secret.kKind, "", "no listener uses it");
  }
  for (const auto& [name, pool] : view.objects.All<gateway_api::AddressPool>()) {
    bool used = false;
    for (const snapshot::Vip& vip : view.snapshot.vips()) used |= InPool(pool, vip.address());
    if (!used) findings.Warning(pool.meta, pool.kKind, "", "no Gateway has an address of it");
  }
  for (const auto& [name, status] : view.statuses.gateway_classes) {
    const auto* object = view.objects.Find<gateway_api::GatewayClass>(name);
    if (object == nullptr || relations.gateways_of_class.contains(name.name)) continue;
    findings.Warning(object->meta, object->kKind, "", "no Gateway is of this class");
  }
  for (const auto& [name, parameters] : view.objects.All<gateway_api::GatewayParameters>()) {
    if (IsUsed(view, parameters)) continue;
    findings.Warning(parameters.meta, parameters.kKind, "", "nothing refers to them");
  }
}

}  // namespace sluice::gwctl
