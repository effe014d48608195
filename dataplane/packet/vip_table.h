// What the packet path shall do: the VIPs of this node, their ports, and whether this node owns
// them. Plain data, made by the agent from the Snapshot and the election.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/packet/address.h"

namespace sluice::packet {

enum class Transport : uint8_t { kTcp = 6, kUdp = 17 };  // IPPROTO_*

struct VipPort {
  Transport transport = Transport::kTcp;
  uint16_t port = 0;  // host order, 1-65535

  auto operator<=>(const VipPort&) const = default;
};

struct Vip {
  IpAddress address;
  std::vector<std::string> interfaces;  // names or globs ("eth*"); empty: every announcing one
  bool announce = true;                 // false: served, but ARP and NDP are not answered
  bool owned = true;                    // this node may answer for it; false: served in silence
  std::vector<VipPort> ports;           // any other port of the VIP is refused

  bool operator==(const Vip&) const = default;
};

using VipTable = std::vector<Vip>;  // addresses are unique

}  // namespace sluice::packet
