// Steps 5 and 6 for one route of any kind: what is made of it, and what it was made of. A part is
// remembered as long as what it was made of stays the same (route_parts.h). Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "control/compile/attachment.h"
#include "control/compile/rules.h"
#include "gateway-api/stream_routes.h"

namespace sluice::compile {

// A listener's id and a hostname: where matches go.
using Place = std::pair<std::string, std::string>;

template <typename... Routes>
using RouteVariant = std::variant<gateway_api::ObjectPtr<Routes>...>;
using AnyRoute = RouteVariant<gateway_api::HttpRoute, gateway_api::GrpcRoute, gateway_api::TlsRoute,
                              gateway_api::TcpRoute, gateway_api::UdpRoute>;

// What a route needs of a Snapshot at most: what it shares with others counts as its own.
struct Needs {
  size_t matches = 0, hosts = 0, rules = 0, clusters = 0;
};

struct RoutePart {
  explicit RoutePart(AnyRoute route);

  const AnyRoute object;
  const RouteHead head;                                     // leads into the object
  const bool served_kind;                                   // a listener may serve its kind
  const std::vector<gateway_api::NamespacedName> services;  // that it names

  // Made of the object, the Services, grants and policies.
  std::vector<RulePlan> rules;

  // Made of the object, listeners and namespaces.
  std::vector<ParentPlan> parents;  // that are ours
  std::set<Place> places;           // of listeners that are served
  std::set<size_t> listeners;       // that it attached to

  // Made of all this.
  Needs needs;
  bool admitted = false;  // a Snapshot has room for it
  std::optional<RouteStatus> status;
  bool in_place = false;  // with its admission, among all routes (RouteParts)

  // It goes into the Snapshot.
  bool emitted() const { return admitted && needs.matches > 0; }
  // It counts as attached: some of it is served.
  bool counted() const;
};

void FillRules(const Backends& backends, RoutePart& part);
void FillParents(const Attacher& attacher, RoutePart& part);
// REQUIRES: the former two.
void FillNeeds(RoutePart& part);
void FillStatus(RoutePart& part);

}  // namespace sluice::compile
