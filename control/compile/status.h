// What we answer to users: the statuses of all objects that are ours to judge, as plain values.
// Compile makes them; the status writer adds transition times and merges them into what other
// controllers wrote. Ordered, so that printing is deterministic. No thread rule.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gateway-api/gateway.h"
#include "gateway-api/metadata.h"
#include "gateway-api/reference.h"

namespace sluice::compile {

inline constexpr char kControllerName[] = "sluice.edgeprime.io/gateway-controller";

// metav1.Condition without its transition time.
struct Condition {
  std::string type;
  bool status = false;  // "True" or "False"; we never answer "Unknown"
  std::string reason;
  std::string message;
  int64_t observed_generation = 0;

  bool operator==(const Condition&) const = default;
};

struct GatewayClassStatus {
  std::vector<Condition> conditions;
  std::vector<std::string> supported_features;  // sorted

  bool operator==(const GatewayClassStatus&) const = default;
};

struct ListenerStatus {
  std::string name;
  std::vector<gateway_api::RouteGroupKind> supported_kinds;
  int attached_routes = 0;
  std::vector<Condition> conditions;

  bool operator==(const ListenerStatus&) const = default;
};

struct GatewayStatus {
  std::vector<gateway_api::GatewayAddress> addresses;
  std::vector<Condition> conditions;
  std::vector<ListenerStatus> listeners;  // in the order of the spec
  int attached_listener_sets = 0;

  bool operator==(const GatewayStatus&) const = default;
};

struct ListenerSetStatus {
  std::vector<Condition> conditions;
  std::vector<ListenerStatus> listeners;  // in the order of the spec

  bool operator==(const ListenerSetStatus&) const = default;
};

// Of a route towards one parentRef, or of a policy towards one ancestor.
struct ParentStatus {
  gateway_api::ParentReference parent;  // as the user wrote it
  std::vector<Condition> conditions;

  bool operator==(const ParentStatus&) const = default;
};

struct RouteStatus {
  std::vector<ParentStatus> parents;  // only those that are ours

  bool operator==(const RouteStatus&) const = default;
};

// The kind and name of an object, such as {"HTTPRoute", {"ns", "name"}}.
struct ObjectKey {
  std::string kind;
  gateway_api::NamespacedName name;

  auto operator<=>(const ObjectKey&) const = default;
};

struct Statuses {
  std::map<gateway_api::NamespacedName, GatewayClassStatus> gateway_classes;
  std::map<gateway_api::NamespacedName, GatewayStatus> gateways;
  std::map<gateway_api::NamespacedName, ListenerSetStatus> listener_sets;
  std::map<ObjectKey, RouteStatus> routes;  // of every route kind
  std::map<gateway_api::NamespacedName, RouteStatus> backend_tls_policies;

  bool operator==(const Statuses&) const = default;
};

// YAML, one document an object: what golden files hold and gwctl prints.
std::string ToYaml(const Statuses& statuses);

}  // namespace sluice::compile
