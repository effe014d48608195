// What this node says of itself to the others, from what the agent knows. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/agent/vip_ownership.h"
#include "control/publish/publisher.h"
#include "control/status/node_report.h"
#include "dataplane/packet/packet_path.h"

namespace sluice::agent {

struct NodeFacts {
  std::string node;
  publish::Report report;
  int problems = 0;
  packet::VipTable vips;
  std::vector<packet::IpAddress> held;  // VIPs that are answered for
  std::vector<packet::DeviceStatus> devices;
  std::optional<OwnershipReport> ownership;  // nullopt: no packet path
  absl::Time now = absl::UnixEpoch();
};

// All but `versions` and `leader`, which are the cluster's business.
status::NodeReport MakeNodeReport(const NodeFacts& facts);

}  // namespace sluice::agent
