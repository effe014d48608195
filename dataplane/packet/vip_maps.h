// The maps that tell the programs which VIPs there are: keeps them as the VipTable says, and reads
// their counters. The maps are the truth (they outlive the agent): each call reads them first, so
// that adoption, change and repair are one thing. Writes are ordered so that a VIP is never in
// front of its ports. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/abi.h"
#include "dataplane/packet/packet_path.h"
#include "dataplane/packet/programs.h"
#include "dataplane/packet/vip_table.h"

namespace sluice::packet {

packet_address ToPacketAddress(const IpAddress& address);
IpAddress FromPacketAddress(const packet_address& address);

class VipMaps {
 public:
  // `interfaces`: the announcing ones; their place in the list is their bit. Outlived by
  // `programs`.
  VipMaps(const Programs& programs, std::vector<std::string> interfaces)
      : programs_(programs), interfaces_(std::move(interfaces)) {}

  // Adds and changes; returns how many entries were not as they should be.
  absl::StatusOr<int> Upsert(const VipTable& table);
  // Takes away what is not in the table; returns how many entries.
  absl::StatusOr<int> Prune(const VipTable& table);

  // The slots of VIPs that this node may own.
  absl::StatusOr<std::map<IpAddress, uint32_t>> Slots() const;

  absl::StatusOr<Counters> ReadCounters() const;

  // The announcing interfaces that `vip` is announced on, as a mask of their bits.
  uint32_t DeviceMask(const Vip& vip) const;

 private:
  using Entries = std::map<IpAddress, vip_entry>;
  absl::StatusOr<Entries> ReadVips() const;
  int UpdateVip(const IpAddress& address, const vip_entry& entry) const;
  int DeleteVip(const IpAddress& address) const;
  absl::Status RetireSlot(uint32_t slot);
  int ReadSlot(uint32_t slot, std::array<uint64_t, VERDICT_COUNT>& sums) const;
  absl::StatusOr<int> UpsertPorts(const Vip& vip, uint32_t slot,
                                  const std::map<std::string, uint32_t>& actual);

  const Programs& programs_;
  const std::vector<std::string> interfaces_;
};

}  // namespace sluice::packet
