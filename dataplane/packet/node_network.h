// The node's devices and addresses as the packet path needs them, and the two kinds of things that
// it puts into the kernel's tables: AnyIP routes and solicited-node groups. Both bear kProtocol as
// their origin, so that ours are told from others' and can be taken away by anybody later.
// One thread; works on the network namespace in which it was opened.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/packet/address.h"
#include "dataplane/packet/netlink.h"

namespace sluice::packet {

inline constexpr uint8_t kProtocol = 83;  // rtm_protocol, IFA_PROTO; "ip route show proto 83"

struct Device {
  int ifindex = 0;
  std::string name;
  MacAddress mac;
  bool ethernet = false;
  bool up = false;
  bool carrier = false;    // and up
  std::string kind;        // "veth", "bridge", ...; empty for hardware
  std::string slave_kind;  // "bridge", "bond", ...: what it is a port of; empty: of nothing

  // Whether frames that arrive here are given to the node's own IP stack under another device.
  bool is_port() const { return !slave_kind.empty() && slave_kind != "vrf"; }
};

struct DeviceAddress {
  int ifindex = 0;
  IpAddress address;
  bool global = false;
};

// A multicast group that is joined on a device without a socket, so that it outlives the agent:
// the kernel speaks MLD for it and opens the device's filter.
struct Group {
  int ifindex = 0;
  IpAddress address;

  auto operator<=>(const Group&) const = default;
};

// ff02::1:ffXX:XXXX of an IPv6 address (RFC 4291 2.7.1).
IpAddress SolicitedNodeGroup(const IpAddress& address);

class NodeNetwork {
 public:
  static absl::StatusOr<NodeNetwork> Open();

  absl::StatusOr<std::vector<Device>> Devices();  // by ifindex
  // Both families, as the kernel orders them, without our groups.
  absl::StatusOr<std::vector<DeviceAddress>> Addresses();

  // local ADDRESS dev lo, in table local.
  absl::StatusOr<std::set<IpAddress>> VipRoutes();
  absl::Status AddVipRoute(const IpAddress& address);
  absl::Status RemoveVipRoute(const IpAddress& address);

  absl::StatusOr<std::set<Group>> Groups();
  absl::Status JoinGroup(const Group& group);
  absl::Status LeaveGroup(const Group& group);

 private:
  NodeNetwork(NetlinkSocket socket, int loopback)
      : socket_(std::move(socket)), loopback_(loopback) {}
  absl::Status ChangeVipRoute(uint16_t type, uint16_t flags, const IpAddress& address);
  absl::Status ChangeGroup(uint16_t type, uint16_t flags, const Group& group);

  NetlinkSocket socket_;
  int loopback_;
};

// A socket that becomes readable when devices or addresses change.
absl::StatusOr<NetlinkSocket> OpenDeviceMonitor();

}  // namespace sluice::packet
