#include "control/compile/listeners.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/compile/conditions.h"

namespace sluice::compile {
namespace {

using gateway_api::Gateway;
using gateway_api::Listener;
using gateway_api::RouteGroupKind;

bool IsServed(const Listener& listener) {
  return listener.protocol == "HTTP" || listener.protocol == "HTTPS";
}

// Demands on clients' certificates must not go unheard.
bool WantsClientCertificates(const Gateway& gateway, const Listener& listener) {
  if (!gateway.tls || listener.protocol != "HTTPS") return false;
  for (const auto& port : gateway.tls->frontend_per_port) {
    if (port.port == listener.port) return port.validation.has_value();
  }
  return gateway.tls->frontend_default.has_value();
}

Condition Accept(const Gateway& gateway, const Listener& listener) {
  if (!IsServed(listener)) return ListenerUnsupportedProtocol(listener.protocol);
  if (WantsClientCertificates(gateway, listener)) {
    return ListenerUnsupportedValue("validation of client certificates is not supported");
  }
  return ListenerAccepted();
}

// The kinds that the listener serves, of those that it allows.
void CheckKinds(ListenerPlan& plan) {
  if (!IsServed(*plan.spec)) return;
  const RouteGroupKind http_route{gateway_api::kGatewayGroup, gateway_api::HttpRoute::kKind};
  const std::vector<RouteGroupKind>& wanted = plan.spec->allowed_routes.kinds;
  if (wanted.empty() || std::ranges::find(wanted, http_route) != wanted.end()) {
    plan.supported_kinds.push_back(http_route);
  }
  std::vector<std::string> unsupported;
  for (const RouteGroupKind& kind : wanted) {
    if (kind != http_route) unsupported.push_back(absl::StrCat(kind.group, "/", kind.kind));
  }
  if (!unsupported.empty()) {
    plan.resolved = ListenerInvalidRouteKinds(absl::StrJoin(unsupported, ", "));
  }
}

void Conflict(ListenerPlan& plan, Condition conflict) {
  if (plan.accepted.status) plan.accepted = ListenerNotAcceptedBy(conflict);
  plan.conflicted = std::move(conflict);
}

// Listeners of one port must speak one protocol and differ in their hostnames. All that do not are
// in conflict: there is no winner (Gateway API, "Handling indistinct Listeners").
void FindConflicts(std::vector<ListenerPlan>& plans) {
  std::map<int, std::set<std::string>> protocols;
  std::map<std::pair<int, std::string>, int> claims;
  for (const ListenerPlan& plan : plans) {
    if (!IsServed(*plan.spec)) continue;
    protocols[plan.spec->port].insert(plan.spec->protocol);
    ++claims[{plan.spec->port, plan.spec->hostname}];
  }
  for (ListenerPlan& plan : plans) {
    const Listener& spec = *plan.spec;
    if (!IsServed(spec)) continue;
    if (protocols[spec.port].size() > 1) {
      Conflict(plan, ListenerProtocolConflict(spec.port));
    } else if (claims[{spec.port, spec.hostname}] > 1) {
      Conflict(plan, ListenerHostnameConflict(spec.hostname));
    }
  }
}

Condition Program(const GatewayPlan& gateway, const ListenerPlan& listener) {
  if (!gateway.accepted.status) return ListenerInvalid("the Gateway is not accepted");
  if (listener.conflicted.status) return ListenerNotProgrammedBy(listener.conflicted);
  if (!listener.accepted.status) return ListenerInvalid(listener.accepted.message);
  bool https = listener.protocol == snapshot::Listener::PROTOCOL_HTTPS;
  if (https && listener.certificate_ids.empty()) {
    return ListenerInvalid("the listener has no certificate to serve");
  }
  if (gateway.addresses.usable.empty()) return ListenerPending("the Gateway has no address");
  return ListenerProgrammed();
}

}  // namespace

std::vector<ListenerPlan> PlanListeners(const Gateway& gateway, Certificates& certificates) {
  std::vector<ListenerPlan> plans;
  for (const Listener& spec : gateway.listeners) {
    ListenerPlan& plan = plans.emplace_back();
    plan.spec = &spec;
    plan.id = absl::StrCat(ToString(gateway.meta.key()), "/", spec.name);
    plan.accepted = Accept(gateway, spec);
    plan.conflicted = ListenerNoConflicts();
    plan.resolved = ListenerResolvedRefs();
    if (spec.protocol == "HTTPS") {
      plan.protocol = snapshot::Listener::PROTOCOL_HTTPS;
      certificates.Resolve(gateway, plan);
    }
    CheckKinds(plan);
  }
  FindConflicts(plans);
  return plans;
}

void ProgramListeners(GatewayPlan& gateway) {
  for (ListenerPlan& listener : gateway.listeners) {
    listener.programmed = Program(gateway, listener);
  }
}

}  // namespace sluice::compile
