// What the steps of a compile hand on: a plan for each Gateway, ListenerSet and listener, with
// pointers into the ObjectSet that is compiled. They live for one Compile.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/compile/addresses.h"
#include "control/compile/status.h"
#include "dataplane/snapshot/snapshot.pb.h"
#include "gateway-api/object_set.h"

namespace sluice::compile {

struct ListenerPlan {
  const gateway_api::Listener* spec = nullptr;
  std::string id;  // as in the Snapshot
  snapshot::Listener::Protocol protocol = snapshot::Listener::PROTOCOL_HTTP;
  std::vector<gateway_api::RouteGroupKind> supported_kinds;
  std::vector<std::string> certificate_ids;  // in reference order
  Condition accepted;
  Condition conflicted;
  Condition resolved;
  Condition programmed;
  int attached_routes = 0;

  bool served() const { return programmed.status; }
  // It could be served, if its Gateway is.
  bool valid() const {
    const bool https = protocol == snapshot::Listener::PROTOCOL_HTTPS;
    return accepted.status && !(https && certificate_ids.empty());
  }
};

// A ListenerSet that names the Gateway as its parent.
struct ListenerSetPlan {
  const gateway_api::ListenerSet* object = nullptr;
  Condition accepted;
  Condition programmed;
  std::vector<ListenerPlan> listeners;  // in the order of the spec; empty: the Gateway refuses it
};

struct GatewayPlan {
  const gateway_api::Gateway* object = nullptr;
  Condition accepted;
  Condition programmed;
  AddressPlan addresses;
  std::vector<ListenerPlan> listeners;  // its own, in the order of the spec
  std::vector<ListenerSetPlan> sets;    // oldest first

  // Calls f(listener) for its own and then those of its sets: the order of precedence.
  template <typename F>
  void ForEachListener(F f) const {
    for (const ListenerPlan& listener : listeners) f(listener);
    for (const ListenerSetPlan& set : sets) {
      for (const ListenerPlan& listener : set.listeners) f(listener);
    }
  }
};

// The object that listeners stand in.
struct ListenerHome {
  std::string_view kind;
  const gateway_api::ObjectMeta& meta;
};

}  // namespace sluice::compile
