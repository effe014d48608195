// Step 5: which listeners a route is served on, and what each of its parents answers. The same for
// every kind of route. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/compile/plan.h"

namespace sluice::compile {

// What of a route decides where it may attach.
struct RouteHead {
  std::string_view kind;
  const gateway_api::ObjectMeta& meta;
  const std::vector<gateway_api::ParentReference>& parent_refs;
  const std::vector<std::string>& hostnames;
};

// A listener that a route attached to, with the hostnames they have in common.
struct Attachment {
  size_t listener = 0;  // index into Attacher::listeners
  std::vector<std::string> hostnames;
};

// One parentRef that is ours.
struct ParentPlan {
  const gateway_api::ParentReference* ref = nullptr;
  std::optional<Condition> refused;  // Accepted=False: no attachments
  std::vector<Attachment> attachments;
};

class Attacher {
 public:
  // `gateways` must outlive the Attacher and stay in place.
  Attacher(const gateway_api::ObjectSet& objects, std::vector<GatewayPlan>& gateways);

  // ParentRefs to what is not ours have no plan.
  std::vector<ParentPlan> Attach(const RouteHead& route) const;

  // Of all Gateways and their ListenerSets.
  const std::vector<ListenerPlan*>& listeners() const { return listeners_; }

 private:
  // What a parentRef may name: a Gateway, or a ListenerSet of one.
  struct Parent {
    const GatewayPlan* gateway = nullptr;
    const Condition* accepted = nullptr;  // its own
    const gateway_api::ObjectMeta* meta = nullptr;
    size_t first = 0;  // of its listeners
    size_t count = 0;
  };

  void Add(std::string_view kind, const Parent& parent, std::vector<ListenerPlan>& listeners);

  ParentPlan AttachOne(const RouteHead& route, const gateway_api::ParentReference& ref,
                       const Parent& parent) const;
  bool Admits(const Parent& parent, const ListenerPlan& listener, const RouteHead& route) const;

  const gateway_api::ObjectSet& objects_;
  std::vector<ListenerPlan*> listeners_;
  std::map<std::pair<std::string_view, gateway_api::NamespacedName>, Parent> parents_;  // by kind
};

// What of listeners decides which routes attach to them, where, and what these are told. Attach
// gives the same for the same shapes (and namespaces).
struct ListenerShape {
  std::string id;
  std::string name;
  std::string hostname;
  int port = 0;
  gateway_api::AllowedRoutes allowed_routes;
  std::vector<gateway_api::RouteGroupKind> supported_kinds;
  bool served = false;

  bool operator==(const ListenerShape&) const = default;
};
struct ParentShape {
  gateway_api::NamespacedName name;
  Condition accepted;
  std::vector<ListenerShape> listeners;

  bool operator==(const ParentShape&) const = default;
};
using ParentShapes = std::vector<ParentShape>;  // each Gateway before its ListenerSets

ParentShapes ShapesOf(const std::vector<GatewayPlan>& gateways);

}  // namespace sluice::compile
