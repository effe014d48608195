// AddressPool (sluice.edgeprime.io/v1alpha1), cluster-scoped and the administrator's: which
// addresses may become VIPs, where they are announced, and whose Gateways may have them.
//
//   spec:
//     ranges: ["192.168.0.200-192.168.0.210", "192.168.1.0/28", "2001:db8::10"]
//     interfaces: ["eth*"]          # names or globs; absent: the agent's own list
//     nodeSelector: {...}           # nodes that may announce; absent: all
//     namespaces: {from: Selector, selector: {...}}   # of the Gateways; absent: All
//     announce: true                # false: served, but neither ARP nor NDP is answered
#pragma once

#include <string>
#include <vector>

#include "gateway-api/gateway.h"
#include "gateway-api/label_selector.h"
#include "gateway-api/metadata.h"

namespace sluice::gateway_api {

struct AddressPool {
  static constexpr char kKind[] = "AddressPool";
  struct Allocation {
    std::string address;
    std::string gateway;  // "namespace/name"

    bool operator==(const Allocation&) const = default;
  };

  ObjectMeta meta;
  std::vector<std::string> ranges;  // each "a-b", "a/len" or "a"; checked when parsed
  std::vector<std::string> interfaces;
  LabelSelector node_selector;
  NamespaceFilter namespaces = {.from = FromNamespaces::kAll, .selector = {}};
  bool announce = true;
  std::vector<Allocation> allocations;  // status.allocations: who has which address

  bool operator==(const AddressPool&) const = default;
};

}  // namespace sluice::gateway_api
