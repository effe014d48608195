// Schemas (gateway-api/schema_meta.h) of statuses, in the shape that Kubernetes gives them, and of
// the parts of a View.
#pragma once

#include <string>
#include <vector>

#include "control/compile/status.h"
#include "control/view/view.h"
#include "gateway-api/schema_core.h"

namespace sluice::compile {

template <class V>
void Describe(V& v, Condition& condition) {
  std::string status = condition.status ? "True" : "False";
  v.Required("type", condition.type);
  v.Required("status", status);
  v.Required("reason", condition.reason);
  v.Required("message", condition.message);
  v.Optional("observedGeneration", condition.observed_generation);
  if constexpr (V::kReads) condition.status = status == "True";
}

template <class V>
void DescribeController(V& v) {
  std::string controller = kControllerName;
  v.Required("controllerName", controller);
}

template <class V>
void Describe(V& v, ParentStatus& parent) {
  v.Required("parentRef", parent.parent);
  DescribeController(v);
  v.Optional("conditions", parent.conditions);
}

// What a policy's status calls a parent.
struct AncestorStatus : ParentStatus {};

template <class V>
void Describe(V& v, AncestorStatus& ancestor) {
  v.Required("ancestorRef", ancestor.parent);
  DescribeController(v);
  v.Optional("conditions", ancestor.conditions);
}

template <class V>
void Describe(V& v, RouteStatus& route) {
  v.Required("parents", route.parents);
}

struct PolicyStatus {
  std::vector<AncestorStatus> ancestors;
};

template <class V>
void Describe(V& v, PolicyStatus& policy) {
  v.Required("ancestors", policy.ancestors);
}

template <class V>
void Describe(V& v, ListenerStatus& listener) {
  v.Required("name", listener.name);
  v.Required("attachedRoutes", listener.attached_routes);
  v.Optional("supportedKinds", listener.supported_kinds);
  v.Optional("conditions", listener.conditions);
}

template <class V>
void Describe(V& v, GatewayStatus& gateway) {
  v.Optional("addresses", gateway.addresses);
  v.Optional("conditions", gateway.conditions);
  v.Optional("listeners", gateway.listeners);
  v.Optional("attachedListenerSets", gateway.attached_listener_sets);
}

struct SupportedFeature {
  std::string name;
};

template <class V>
void Describe(V& v, SupportedFeature& feature) {
  v.Required("name", feature.name);
}

template <class V>
void Describe(V& v, GatewayClassStatus& status) {
  std::vector<SupportedFeature> features;
  features.reserve(status.supported_features.size());
  for (const std::string& name : status.supported_features) features.push_back({name});
  v.Optional("conditions", status.conditions);
  v.Optional("supportedFeatures", features);
  if constexpr (V::kReads) {
    for (const SupportedFeature& feature : features) {
      status.supported_features.push_back(feature.name);
    }
  }
}

template <class V>
void Describe(V& v, ListenerSetStatus& status) {
  v.Optional("conditions", status.conditions);
  v.Optional("listeners", status.listeners);
}

}  // namespace sluice::compile

namespace sluice::view {

template <class V>
void Describe(V& v, CertificateFacts& facts) {
  v.Required("name", facts.secret.name);
  v.Required("namespace", facts.secret.namespace_);
  v.Optional("id", facts.id);
  v.Optional("problem", facts.problem);
  v.Optional("dnsNames", facts.dns_names);
  v.Optional("ipAddresses", facts.ip_addresses);
  v.Optional("subject", facts.subject);
  v.Optional("issuer", facts.issuer);
  v.Optional("key", facts.key);
  if (V::kReads || facts.not_before != absl::InfinitePast()) v.Time("notBefore", facts.not_before);
  if (V::kReads || facts.not_after != absl::InfiniteFuture()) v.Time("notAfter", facts.not_after);
}

template <class V>
void Describe(V& v, Counter& counter) {
  v.Required("reason", counter.reason);
  v.Required("packets", counter.packets);
}

template <class V>
void Describe(V& v, VipState& vip) {
  v.Required("address", vip.address);
  v.Required("owned", vip.owned);
  v.Optional("counters", vip.counters);
}

template <class V>
void Describe(V& v, DeviceState& device) {
  v.Required("name", device.name);
  v.Required("mode", device.mode);
  v.Required("announcing", device.announcing);
  v.Required("carrier", device.carrier);
  v.Optional("note", device.note);
}

template <class V>
void Describe(V& v, AgentState& agent) {
  v.Required("node", agent.node);
  v.Required("build", agent.build);
  v.Required("generation", agent.generation);
  v.Required("acknowledged", agent.acknowledged);
  v.Optional("refused", agent.refused);
  v.Required("proxyConnected", agent.proxy_connected);
  v.Required("workers", agent.workers);
  v.Optional("source", agent.source);
  v.Optional("vips", agent.vips);
  v.Optional("devices", agent.devices);
  v.Optional("counters", agent.counters);
  v.Required("driftRepaired", agent.drift_repaired);
}

}  // namespace sluice::view

namespace sluice::gateway_api {

template <class V>
void Describe(V& v, Problem& problem) {
  std::string severity = problem.severity == Problem::Severity::kError ? "error" : "warning";
  v.Required("severity", severity);
  v.Optional("file", problem.at.file);
  v.Optional("line", problem.at.line);
  v.Optional("column", problem.at.column);
  v.Optional("object", problem.object);
  v.Optional("path", problem.path);
  v.Required("message", problem.message);
  if constexpr (V::kReads) {
    using Severity = Problem::Severity;
    problem.severity = severity == "error" ? Severity::kError : Severity::kWarning;
  }
}

}  // namespace sluice::gateway_api
