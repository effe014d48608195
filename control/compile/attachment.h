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
  ListenerPlan* listener = nullptr;
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

 private:
  // What a parentRef may name: a Gateway, or a ListenerSet of one.
  struct Parent {
    const GatewayPlan* gateway = nullptr;
    const Condition* accepted = nullptr;  // its own
    const gateway_api::ObjectMeta* meta = nullptr;
    std::vector<ListenerPlan>* listeners = nullptr;
  };

  ParentPlan AttachOne(const RouteHead& route, const gateway_api::ParentReference& ref,
                       const Parent& parent) const;
  bool Admits(const Parent& parent, const ListenerPlan& listener, const RouteHead& route) const;

  const gateway_api::ObjectSet& objects_;
  std::map<std::pair<std::string_view, gateway_api::NamespacedName>, Parent> parents_;  // by kind
};

}  // namespace sluice::compile
