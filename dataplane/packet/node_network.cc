#include "dataplane/packet/node_network.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <net/if_arp.h>

#include <algorithm>
#include <array>
#include <functional>

#include "absl/strings/str_cat.h"
#include "dataplane/packet/kernel_error.h"

namespace sluice::packet {
namespace {

// <net/if.h> has it not, and excludes <linux/if.h>, which has.
constexpr unsigned kLowerUp = 1u << 16;  // IFF_LOWER_UP

constexpr int kDumpAttempts = 5;  // a dump that was interrupted by a change is taken again

int DumpWhole(NetlinkSocket& socket, const NetlinkRequest& request,
              const std::function<void()>& restart,
              const std::function<void(const NetlinkMessage&)>& visit) {
  int error = EAGAIN;
  for (int i = 0; i < kDumpAttempts && error == EAGAIN; ++i) {
    restart();
    error = socket.Dump(request, visit);
  }
  return error;
}

uint8_t FamilyOf(const IpAddress& address) { return address.is_v4() ? AF_INET : AF_INET6; }

std::span<const uint8_t> RawBytes(const IpAddress& address) {
  return std::span(address.bytes).subspan(address.is_v4() ? 12 : 0);
}

uint8_t PrefixOf(const IpAddress& address) { return address.is_v4() ? 32 : 128; }

IpAddress AddressOf(const NetlinkAttribute& attribute) {
  if (attribute.value.size() == 4) return IpAddress::FromV4(attribute.As<std::array<uint8_t, 4>>());
  return {attribute.As<std::array<uint8_t, 16>>()};
}

struct AddressAttributes {
  IpAddress address;
  bool ours = false;
};

// IFA_LOCAL is the device's own address where IFA_ADDRESS is its peer's.
AddressAttributes ParseAddress(const NetlinkMessage& message) {
  AddressAttributes result;
  bool has_local = false;
  for (const NetlinkAttribute& attribute : message.AttributesAfter<ifaddrmsg>()) {
    if (attribute.type == IFA_PROTO) result.ours = attribute.As<uint8_t>() == kProtocol;
    if (attribute.type == IFA_LOCAL || (attribute.type == IFA_ADDRESS && !has_local)) {
      result.address = AddressOf(attribute);
      has_local |= attribute.type == IFA_LOCAL;
    }
  }
  return result;
}

Device ParseDevice(const NetlinkMessage& message, const ifinfomsg& header) {
  Device device;
  device.ifindex = header.ifi_index;
  device.ethernet = header.ifi_type == ARPHRD_ETHER;
  device.up = header.ifi_flags & IFF_UP;
  device.carrier = device.up && (header.ifi_flags & kLowerUp);
  for (const NetlinkAttribute& attribute : message.AttributesAfter<ifinfomsg>()) {
    if (attribute.type == IFLA_IFNAME) device.name = attribute.text();
    if (attribute.type == IFLA_ADDRESS && attribute.value.size() == device.mac.bytes.size()) {
      std::ranges::copy(attribute.value, device.mac.bytes.begin());
    }
    if (attribute.type != IFLA_LINKINFO) continue;
    for (const NetlinkAttribute& info : ParseAttributes(attribute.value)) {
      if (info.type == IFLA_INFO_KIND) device.kind = info.text();
      if (info.type == IFLA_INFO_SLAVE_KIND) device.slave_kind = info.text();
    }
  }
  return device;
}

}  // namespace

IpAddress SolicitedNodeGroup(const IpAddress& address) {
  IpAddress group{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
  std::copy_n(address.bytes.begin() + 13, 3, group.bytes.begin() + 13);
  return group;
}

absl::StatusOr<NodeNetwork> NodeNetwork::Open() {
  absl::StatusOr<NetlinkSocket> socket = NetlinkSocket::Open();
  if (!socket.ok()) return socket.status();
  const unsigned loopback = if_nametoindex("lo");
  if (loopback == 0) return KernelError(errno, "looking for the loopback device");
  return NodeNetwork(*std::move(socket), static_cast<int>(loopback));
}

absl::StatusOr<std::vector<Device>> NodeNetwork::Devices() {
  std::vector<Device> devices;
  NetlinkRequest request(RTM_GETLINK, NLM_F_DUMP);
  request.Add(ifinfomsg{.ifi_family = AF_UNSPEC});
  const int error = DumpWhole(
      socket_, request, [&] { devices.clear(); },
      [&](const NetlinkMessage& message) {
        const auto* header = message.As<ifinfomsg>();
        if (message.type == RTM_NEWLINK && header != nullptr) {
          devices.push_back(ParseDevice(message, *header));
        }
      });
  if (error != 0) return KernelError(error, "listing the network devices");
  std::ranges::sort(devices, {}, &Device::ifindex);
  return devices;
}

absl::StatusOr<std::vector<DeviceAddress>> NodeNetwork::Addresses() {
  std::vector<DeviceAddress> addresses;
  NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP);
  request.Add(ifaddrmsg{.ifa_family = AF_UNSPEC});
  const int error = DumpWhole(
      socket_, request, [&] { addresses.clear(); },
      [&](const NetlinkMessage& message) {
        const auto* header = message.As<ifaddrmsg>();
        if (message.type != RTM_NEWADDR || header == nullptr) return;
        DeviceAddress address{.ifindex = static_cast<int>(header->ifa_index),
                              .global = header->ifa_scope == RT_SCOPE_UNIVERSE};
        const AddressAttributes attributes = ParseAddress(message);
        address.address = attributes.address;
        if (!attributes.ours) addresses.push_back(address);
      });
  if (error != 0) return KernelError(error, "listing the node's addresses");
  return addresses;
}

absl::StatusOr<std::set<IpAddress>> NodeNetwork::VipRoutes() {
  std::set<IpAddress> routes;
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    std::set<IpAddress> found;
    NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP);
    request.Add(rtmsg{.rtm_family = family, .rtm_protocol = kProtocol});
    const int error = DumpWhole(
        socket_, request, [&] { found.clear(); },
        [&](const NetlinkMessage& message) {
          const auto* header = message.As<rtmsg>();
          if (message.type != RTM_NEWROUTE || header == nullptr ||
              header->rtm_protocol != kProtocol || header->rtm_type != RTN_LOCAL) {
            return;
          }
          for (const NetlinkAttribute& attribute : message.AttributesAfter<rtmsg>()) {
            if (attribute.type == RTA_DST) found.insert(AddressOf(attribute));
          }
        });
    // Without IPv6 in the kernel, or without any route of ours, there is nothing to list.
    if (error != 0 && error != EAFNOSUPPORT && error != EOPNOTSUPP && error != ENOENT) {
      return KernelError(error, "listing the VIP routes");
    }
    routes.merge(found);
  }
  return routes;
}

absl::Status NodeNetwork::ChangeVipRoute(uint16_t type, uint16_t flags, const IpAddress& address) {
  NetlinkRequest request(type, flags | NLM_F_ACK);
  request
      .Add(rtmsg{.rtm_family = FamilyOf(address),
                 .rtm_dst_len = PrefixOf(address),
                 .rtm_table = RT_TABLE_LOCAL,
                 .rtm_protocol = kProtocol,
                 .rtm_scope = RT_SCOPE_HOST,
                 .rtm_type = RTN_LOCAL})
      .AddAttribute(RTA_DST, RawBytes(address))
      .AddAttribute(RTA_OIF, static_cast<uint32_t>(loopback_));
  const int error = socket_.Execute(request);
  if (error == 0 || (type == RTM_DELROUTE && error == ESRCH)) return absl::OkStatus();
  if (error == EEXIST) {
    return absl::AlreadyExistsError(absl::StrCat("VIP ", address.ToString(),
                                                 " is already an address of this node (or has a "
                                                 "local route that is not ours)"));
  }
  return KernelError(error, absl::StrCat(type == RTM_NEWROUTE ? "adding" : "removing",
                                         " the local route of VIP ", address.ToString()));
}

absl::Status NodeNetwork::AddVipRoute(const IpAddress& address) {
  return ChangeVipRoute(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, address);
}

absl::Status NodeNetwork::RemoveVipRoute(const IpAddress& address) {
  return ChangeVipRoute(RTM_DELROUTE, 0, address);
}

absl::StatusOr<std::set<Group>> NodeNetwork::Groups() {
  std::set<Group> groups;
  NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP);
  request.Add(ifaddrmsg{.ifa_family = AF_INET6});
  const int error = DumpWhole(
      socket_, request, [&] { groups.clear(); },
      [&](const NetlinkMessage& message) {
        const auto* header = message.As<ifaddrmsg>();
        if (message.type != RTM_NEWADDR || header == nullptr) return;
        const AddressAttributes attributes = ParseAddress(message);
        if (!attributes.ours) return;
        groups.insert({static_cast<int>(header->ifa_index), attributes.address});
      });
  if (error != 0 && error != EAFNOSUPPORT && error != EOPNOTSUPP) {
    return KernelError(error, "listing the solicited-node groups");
  }
  return groups;
}

absl::Status NodeNetwork::ChangeGroup(uint16_t type, uint16_t flags, const Group& group) {
  NetlinkRequest request(type, flags | NLM_F_ACK);
  request
      .Add(ifaddrmsg{.ifa_family = AF_INET6,
                     .ifa_prefixlen = 128,
                     .ifa_scope = RT_SCOPE_LINK,
                     .ifa_index = static_cast<uint32_t>(group.ifindex)})
      .AddAttribute(IFA_LOCAL, group.address.bytes)
      .AddAttribute(IFA_ADDRESS, group.address.bytes)
      .AddAttribute(IFA_FLAGS, uint32_t{IFA_F_MCAUTOJOIN | IFA_F_NOPREFIXROUTE | IFA_F_NODAD})
      .AddAttribute(IFA_PROTO, kProtocol);
  const int error = socket_.Execute(request);
  const int no_matter = type == RTM_NEWADDR ? EEXIST : EADDRNOTAVAIL;
  if (error == 0 || error == no_matter) return absl::OkStatus();
  return KernelError(error, absl::StrCat(type == RTM_NEWADDR ? "joining " : "leaving ",
                                         group.address.ToString(), " on device ", group.ifindex));
}

absl::Status NodeNetwork::JoinGroup(const Group& group) {
  return ChangeGroup(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, group);
}

absl::Status NodeNetwork::LeaveGroup(const Group& group) {
  return ChangeGroup(RTM_DELADDR, 0, group);
}

absl::StatusOr<NetlinkSocket> OpenDeviceMonitor() {
  constexpr std::array kGroups = {int{RTNLGRP_LINK}, int{RTNLGRP_IPV4_IFADDR},
                                  int{RTNLGRP_IPV6_IFADDR}};
  return NetlinkSocket::Open(kGroups);
}

}  // namespace sluice::packet
