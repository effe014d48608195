// The VIPs of a Snapshot in the terms of the packet path. Pure.
#pragma once

#include "dataplane/packet/vip_table.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::agent {

// On a node without rivals every VIP is ours.
packet::VipTable VipTableOf(const snapshot::Snapshot& snapshot);

}  // namespace sluice::agent
