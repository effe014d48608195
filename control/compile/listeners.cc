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
  const std::vector<RouteGroupKind> served = {
      {gateway_api::kGatewayGroup, gateway_api::HttpRoute::kKind},
      {gateway_api::kGatewayGroup, gateway_api::GrpcRoute::kKind}};
  const std::vector<RouteGroupKind>& wanted = plan.spec->allowed_routes.kinds;
  const auto has = [](const std::vector<RouteGroupKind>& kinds, const RouteGroupKind& kind) {
    return std::ranges::find(kinds, kind) != kinds.end();
  };
  for (const RouteGroupKind& kind : served) {
    if (wanted.empty() || has(wanted, kind)) plan.supported_kinds.push_back(kind);
  }
  std::vector<std::string> unsupported;
  for (const RouteGroupKind& kind : wanted) {
    if (!has(served, kind)) unsupported.push_back(absl::StrCat(kind.group, "/", kind.kind));
  }
  if (!unsupported.empty()) {
    plan.resolved = ListenerInvalidRouteKinds(absl::StrJoin(unsupported, ", "));
  }
}

void Conflict(ListenerPlan& plan, Condition conflict) {
  if (plan.accepted.status || !IsServed(*plan.spec))
    plan.accepted = ListenerNotAcceptedBy(conflict);
  plan.conflicted = std::move(conflict);
}

// The protocols and hostnames that listeners have on the ports of one Gateway.
class Claims {
 public:
  void Add(const Listener& spec) {
    protocols_[spec.port].insert(spec.protocol);
    ++hostnames_[{spec.port, spec.hostname}];
  }
  // Another protocol is spoken on the listener's port.
  bool HasOtherProtocol(const Listener& spec) const {
    auto found = protocols_.find(spec.port);
    return found != protocols_.end() &&
           std::ranges::any_of(found->second, [&](const std::string& protocol) {
             return protocol != spec.protocol;
           });
  }
  int CountHostname(const Listener& spec) const {
    auto found = hostnames_.find({spec.port, spec.hostname});
    return found == hostnames_.end() ? 0 : found->second;
  }

 private:
  std::map<int, std::set<std::string>> protocols_;
  std::map<std::pair<int, std::string>, int> hostnames_;
};

Claims ClaimsOf(const std::vector<ListenerPlan>& plans) {
  Claims claims;
  for (const ListenerPlan& plan : plans) {
    if (IsServed(*plan.spec)) claims.Add(*plan.spec);
  }
  return claims;
}

// Listeners of one port must speak one protocol and differ in their hostnames.
void FindConflicts(std::vector<ListenerPlan>& plans) {
  const Claims claims = ClaimsOf(plans);
  for (ListenerPlan& plan : plans) {
    const Listener& spec = *plan.spec;
    if (!IsServed(spec)) continue;
    if (claims.HasOtherProtocol(spec)) {
      Conflict(plan, ListenerProtocolConflict(spec.port));
    } else if (claims.CountHostname(spec) > 1) {
      Conflict(plan, ListenerHostnameConflict(spec.hostname));
    }
  }
}

// True if the listener cannot be on a port with those that have it, whether we serve its protocol
// or not. (TLS and HTTPS could be; UDP has ports of its own.)
bool CannotShare(const Listener& spec, const Claims& claims) {
  if (spec.protocol == "TCP" || IsServed(spec)) return claims.HasOtherProtocol(spec);
  Listener https = spec;
  https.protocol = "HTTPS";
  return spec.protocol == "TLS" && claims.HasOtherProtocol(https);
}

Condition Program(const GatewayPlan& gateway, const ListenerPlan& listener) {
  if (!gateway.accepted.status) return ListenerInvalid("the Gateway is not accepted");
  if (listener.conflicted.status) return ListenerNotProgrammedBy(listener.conflicted);
  if (!listener.accepted.status) return ListenerInvalid(listener.accepted.message);
  if (!listener.valid()) return ListenerInvalid("the listener has no certificate to serve");
  if (gateway.addresses.usable.empty()) return ListenerPending("the Gateway has no address");
  return ListenerProgrammed();
}

std::string IdOf(const ListenerHome& home, const Listener& spec) {
  const bool in_set = home.kind == gateway_api::ListenerSet::kKind;
  return absl::StrCat(in_set ? "ListenerSet/" : "", ToString(home.meta.key()), "/", spec.name);
}

std::vector<ListenerPlan> PlanAll(const Gateway& gateway, const ListenerHome& home,
                                  const std::vector<Listener>& specs, Certificates& certificates) {
  std::vector<ListenerPlan> plans;
  for (const Listener& spec : specs) {
    ListenerPlan& plan = plans.emplace_back();
    plan.spec = &spec;
    plan.id = IdOf(home, spec);
    plan.accepted = Accept(gateway, spec);
    plan.conflicted = ListenerNoConflicts();
    plan.resolved = ListenerResolvedRefs();
    if (spec.protocol == "HTTPS") {
      plan.protocol = snapshot::Listener::PROTOCOL_HTTPS;
      certificates.Resolve(home, plan);
    }
    CheckKinds(plan);
  }
  return plans;
}

}  // namespace

std::vector<ListenerPlan> PlanListeners(const Gateway& gateway, Certificates& certificates) {
  std::vector<ListenerPlan> plans =
      PlanAll(gateway, {Gateway::kKind, gateway.meta}, gateway.listeners, certificates);
  FindConflicts(plans);
  return plans;
}

std::vector<ListenerPlan> PlanListeners(const Gateway& gateway, const gateway_api::ListenerSet& set,
                                        Certificates& certificates) {
  return PlanAll(gateway, {gateway_api::ListenerSet::kKind, set.meta}, set.listeners, certificates);
}

void FindSetConflicts(GatewayPlan& gateway) {
  Claims claims = ClaimsOf(gateway.listeners);
  for (ListenerSetPlan& set : gateway.sets) {
    for (ListenerPlan& plan : set.listeners) {
      const Listener& spec = *plan.spec;
      if (CannotShare(spec, claims)) {
        Conflict(plan, ListenerProtocolConflict(spec.port));
      } else if (IsServed(spec) && claims.CountHostname(spec) > 0) {
        Conflict(plan, ListenerHostnameConflict(spec.hostname));
      } else if (IsServed(spec)) {
        claims.Add(spec);
      }
    }
  }
}

void ProgramListeners(const GatewayPlan& gateway, std::vector<ListenerPlan>& listeners) {
  for (ListenerPlan& listener : listeners) listener.programmed = Program(gateway, listener);
}

std::vector<ListenerStatus> ReportListeners(const std::vector<ListenerPlan>& plans,
                                            int64_t generation) {
  std::vector<ListenerStatus> statuses;
  for (const ListenerPlan& plan : plans) {
    ListenerStatus& status = statuses.emplace_back(
        ListenerStatus{plan.spec->name,
                       plan.supported_kinds,
                       plan.attached_routes,
                       {plan.accepted, plan.programmed, plan.resolved, plan.conflicted}});
    Stamp(status.conditions, generation);
  }
  return statuses;
}

}  // namespace sluice::compile
