#include "dataplane/packet/vip_maps.h"

#include <bpf/libbpf.h>
#include <fnmatch.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/packet.skel.h"
#include "dataplane/packet/bpf_map.h"
#include "dataplane/packet/kernel_error.h"

namespace sluice::packet {
namespace {

using V4Key = std::array<uint8_t, 4>;

bool operator==(const vip_entry& a, const vip_entry& b) {
  return a.slot == b.slot && a.flags == b.flags && a.devices == b.devices;
}

// Ports in a comparable form.
std::string KeyBytes(const port_key& key) {
  return {reinterpret_cast<const char*>(&key), sizeof key};
}

port_key MakePortKey(const IpAddress& address, const VipPort& port) {
  port_key key = {};
  key.address = ToPacketAddress(address);
  key.port = port.port;
  key.protocol = static_cast<__u8>(port.transport);
  return key;
}

uint32_t LowestFreeSlot(const std::set<uint32_t>& used) {
  uint32_t slot = SLOT_FIRST_VIP;
  while (used.contains(slot)) ++slot;
  return slot;
}

}  // namespace

packet_address ToPacketAddress(const IpAddress& address) {
  packet_address result;
  std::memcpy(&result, address.bytes.data(), sizeof result);
  return result;
}

IpAddress FromPacketAddress(const packet_address& address) {
  IpAddress result;
  std::memcpy(result.bytes.data(), &address, sizeof address);
  return result;
}

uint32_t VipMaps::DeviceMask(const Vip& vip) const {
  if (!vip.announce) return 0;
  uint32_t mask = 0;
  for (size_t i = 0; i < interfaces_.size(); ++i) {
    const bool named = std::ranges::any_of(vip.interfaces, [&](const std::string& pattern) {
      return fnmatch(pattern.c_str(), interfaces_[i].c_str(), 0) == 0;
    });
    if (named || vip.interfaces.empty()) mask |= 1u << i;
  }
  return mask;
}

absl::StatusOr<VipMaps::Entries> VipMaps::ReadVips() const {
  std::vector<std::pair<V4Key, vip_entry>> v4;
  std::vector<std::pair<packet_address, vip_entry>> v6;
  int error = ReadMap(bpf_map__fd(programs_->maps.vips4), v4);
  if (error == 0) error = ReadMap(bpf_map__fd(programs_->maps.vips6), v6);
  if (error != 0) return KernelError(error, "reading the maps of VIPs");
  Entries entries;
  for (const auto& [key, value] : v4) entries.emplace(IpAddress::FromV4(key), value);
  for (const auto& [key, value] : v6) entries.emplace(FromPacketAddress(key), value);
  return entries;
}

int VipMaps::UpdateVip(const IpAddress& address, const vip_entry& entry) const {
  if (address.is_v4()) return UpdateMap(bpf_map__fd(programs_->maps.vips4), address.v4(), entry);
  return UpdateMap(bpf_map__fd(programs_->maps.vips6), address.bytes, entry);
}

int VipMaps::DeleteVip(const IpAddress& address) const {
  if (address.is_v4()) return DeleteFromMap(bpf_map__fd(programs_->maps.vips4), address.v4());
  return DeleteFromMap(bpf_map__fd(programs_->maps.vips6), address.bytes);
}

absl::StatusOr<std::map<IpAddress, uint32_t>> VipMaps::Slots() const {
  const absl::StatusOr<Entries> entries = ReadVips();
  if (!entries.ok()) return entries.status();
  std::map<IpAddress, uint32_t> slots;
  for (const auto& [address, entry] : *entries) {
    if (entry.flags & VIP_OWNED) slots.emplace(address, entry.slot);
  }
  return slots;
}

absl::StatusOr<int> VipMaps::UpsertPorts(const Vip& vip, uint32_t slot,
                                         const std::map<std::string, uint32_t>& actual) {
  int changes = 0;
  for (const VipPort& port : vip.ports) {
    const port_key key = MakePortKey(vip.address, port);
    const auto found = actual.find(KeyBytes(key));
    if (found != actual.end() && found->second == slot) continue;
    const int error = UpdateMap(bpf_map__fd(programs_->maps.vip_ports), key, port_entry{slot});
    if (error != 0) {
      return KernelError(error, absl::StrCat("adding port ", port.port, " of VIP ",
                                             vip.address.ToString(), " to its map"));
    }
    ++changes;
  }
  return changes;
}

absl::StatusOr<int> VipMaps::Upsert(const VipTable& table) {
  const absl::StatusOr<Entries> actual = ReadVips();
  if (!actual.ok()) return actual.status();
  std::vector<std::pair<port_key, port_entry>> ports;
  int error = ReadMap(bpf_map__fd(programs_->maps.vip_ports), ports);
  if (error != 0) return KernelError(error, "reading the map of ports");
  std::map<std::string, uint32_t> actual_ports;
  for (const auto& [key, value] : ports) actual_ports.emplace(KeyBytes(key), value.slot);
  std::set<uint32_t> used;
  for (const auto& [address, entry] : *actual) used.insert(entry.slot);

  int changes = 0;
  for (const Vip& vip : table) {
    const auto found = actual->find(vip.address);
    const bool known = found != actual->end();
    const vip_entry entry = {.slot = known ? found->second.slot : LowestFreeSlot(used),
                             .flags = vip.owned ? __u32{VIP_OWNED} : 0,
                             .devices = DeviceMask(vip)};
    if (entry.slot >= SLOT_END) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "VIP ", vip.address.ToString(), ": the packet path holds at most ", int{MAX_VIPS}));
    }
    used.insert(entry.slot);
    const absl::StatusOr<int> port_changes = UpsertPorts(vip, entry.slot, actual_ports);
    if (!port_changes.ok()) return port_changes.status();
    changes += *port_changes;
    if (known && found->second == entry) continue;
    error = UpdateVip(vip.address, entry);
    if (error != 0) {
      return KernelError(error, absl::StrCat("adding VIP ", vip.address.ToString(), " to its map"));
    }
    ++changes;
  }
  return changes;
}

absl::StatusOr<int> VipMaps::Prune(const VipTable& table) {
  std::set<IpAddress> wanted;
  std::set<std::string> wanted_ports;
  for (const Vip& vip : table) {
    wanted.insert(vip.address);
    for (const VipPort& port : vip.ports) {
      wanted_ports.insert(KeyBytes(MakePortKey(vip.address, port)));
    }
  }
  const absl::StatusOr<Entries> actual = ReadVips();
  if (!actual.ok()) return actual.status();
  int changes = 0;
  for (const auto& [address, entry] : *actual) {
    if (wanted.contains(address)) continue;
    const int error = DeleteVip(address);
    if (error != 0) return KernelError(error, "removing VIP " + address.ToString());
    if (absl::Status status = RetireSlot(entry.slot); !status.ok()) return status;
    ++changes;
  }
  std::vector<std::pair<port_key, port_entry>> ports;
  int error = ReadMap(bpf_map__fd(programs_->maps.vip_ports), ports);
  for (size_t i = 0; error == 0 && i < ports.size(); ++i) {
    if (wanted_ports.contains(KeyBytes(ports[i].first))) continue;
    error = DeleteFromMap(bpf_map__fd(programs_->maps.vip_ports), ports[i].first);
    ++changes;
  }
  if (error != 0) return KernelError(error, "removing ports of VIPs");
  return changes;
}

int VipMaps::ReadSlot(uint32_t slot, std::array<uint64_t, VERDICT_COUNT>& sums) const {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) return -cpus;
  std::vector<verdict_counters> by_cpu(cpus);
  const int map = bpf_map__fd(programs_->maps.verdicts);
  if (bpf_map_lookup_elem(map, &slot, by_cpu.data()) != 0) return errno;
  sums.fill(0);
  for (const verdict_counters& counters : by_cpu) {
    for (size_t reason = 0; reason < sums.size(); ++reason) {
      sums[reason] += counters.by_reason[reason];
    }
  }
  return 0;
}

// The node's totals must not fall when a VIP goes: what its slot has counted moves to the slot of
// the retired, and the next VIP finds it at zero.
absl::Status VipMaps::RetireSlot(uint32_t slot) {
  std::array<uint64_t, VERDICT_COUNT> gone, retired;
  int error = ReadSlot(slot, gone);
  if (error == 0) error = ReadSlot(SLOT_RETIRED, retired);
  std::vector<verdict_counters> sum(std::max(libbpf_num_possible_cpus(), 1));
  const std::vector<verdict_counters> zero(sum.size());
  for (size_t reason = 0; error == 0 && reason < gone.size(); ++reason) {
    sum[0].by_reason[reason] = gone[reason] + retired[reason];
  }
  const int map = bpf_map__fd(programs_->maps.verdicts);
  const uint32_t retired_slot = SLOT_RETIRED;
  if (error == 0) error = bpf_map_update_elem(map, &retired_slot, sum.data(), BPF_ANY) ? errno : 0;
  if (error == 0) error = bpf_map_update_elem(map, &slot, zero.data(), BPF_ANY) ? errno : 0;
  // The slot's next VIP is nobody's yet. (A former process may have held this one.)
  if (error == 0) error = UpdateMap(bpf_map__fd(programs_->maps.deadlines), slot, __u64{0});
  return error == 0 ? absl::OkStatus() : KernelError(error, "retiring a VIP's counters");
}

absl::StatusOr<Counters> VipMaps::ReadCounters() const {
  const absl::StatusOr<Entries> entries = ReadVips();
  if (!entries.ok()) return entries.status();
  Counters counters;
  const auto add = [&](const std::array<uint64_t, VERDICT_COUNT>& sums) {
    for (size_t i = 0; i < sums.size(); ++i) counters.by_reason[i] += sums[i];
  };
  std::array<uint64_t, VERDICT_COUNT> sums;
  for (const uint32_t slot : {uint32_t{SLOT_NO_VIP}, uint32_t{SLOT_RETIRED}}) {
    if (const int error = ReadSlot(slot, sums)) return KernelError(error, "reading counters");
    add(sums);
  }
  for (const auto& [address, entry] : *entries) {
    if (const int error = ReadSlot(entry.slot, sums)) return KernelError(error, "reading counters");
    add(sums);
    counters.vips.push_back({address, sums});
  }
  return counters;
}

}  // namespace sluice::packet
