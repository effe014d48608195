// What the steps of a compile hand on: one plan a Gateway and one a listener, with pointers into
// the ObjectSet that is compiled. They live for one Compile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/compile/addresses.h"
#include "control/compile/status.h"
#include "dataplane/snapshot/snapshot.pb.h"
#include "gateway-api/object_set.h"

namespace sluice::compile {

struct ListenerPlan {
  const gateway_api::Listener* spec = nullptr;
  std::string id;  // "namespace/gateway/listener"
  snapshot::Listener::Protocol protocol = snapshot::Listener::PROTOCOL_HTTP;
  std::vector<gateway_api::RouteGroupKind> supported_kinds;
  std::vector<std::string> certificate_ids;  // in reference order
  Condition accepted;
  Condition conflicted;
  Condition resolved;
  Condition programmed;
  int attached_routes = 0;

  bool served() const { return programmed.status; }
};

struct GatewayPlan {
  const gateway_api::Gateway* object = nullptr;
  Condition accepted;
  Condition programmed;
  AddressPlan addresses;
  std::vector<ListenerPlan> listeners;  // in the order of the spec
};

}  // namespace sluice::compile
