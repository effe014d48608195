#include "dataplane/packet/packet_path.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "bpf/packet.skel.h"
#include "dataplane/core/fd.h"
#include "dataplane/packet/announcement.h"
#include "dataplane/packet/bpf_map.h"
#include "dataplane/packet/device_filters.h"
#include "dataplane/packet/kernel_error.h"
#include "dataplane/packet/node_network.h"
#include "dataplane/packet/pin_folder.h"
#include "dataplane/packet/programs.h"
#include "dataplane/packet/shared_xdp.h"
#include "dataplane/packet/vip_maps.h"

namespace sluice::packet {
namespace {

void KeepFirst(absl::Status& first, absl::Status status) {
  if (first.ok()) first = std::move(status);
}

int CollectClaim(void* claims, void* data, size_t size) {
  claim_event event;
  if (size < sizeof event) return 0;
  std::memcpy(&event, data, sizeof event);
  ForeignClaim claim{.address = FromPacketAddress(event.address),
                     .ifindex = static_cast<int>(event.ifindex)};
  std::ranges::copy(event.claimant, claim.claimant.bytes.begin());
  static_cast<std::vector<ForeignClaim>*>(claims)->push_back(claim);
  return 0;
}

struct CloseRing {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

}  // namespace

// What a PacketPath owns and wants. Sync compares it with what there is, and repairs.
class PacketPath::State {
 public:
  State(PinFolder folder, Programs programs, NodeNetwork network, NetlinkSocket monitor,
        PacketPathOptions options)
      : folder_(std::move(folder)),
        options_(std::move(options)),
        programs_(std::move(programs)),
        network_(std::move(network)),
        monitor_(std::move(monitor)),
        filters_(programs_, options_, folder_.links()),
        maps_(programs_, options_.interfaces),
        deadlines_(programs_) {}

  absl::Status Start();
  absl::Status Apply(VipTable table, absl::Time now);
  absl::Status Sync(absl::Time now, Repairs& repairs);
  absl::Status SetListeners(const ListenerSockets& sockets);
  VipDeadlines& deadlines() { return deadlines_; }
  absl::Time AnnounceDue(absl::Time now);
  absl::Status HandleDeviceEvents(absl::Time now);
  std::vector<ForeignClaim> TakeForeignClaims(absl::Time now);
  absl::StatusOr<int> Reconcile(absl::Time now);
  absl::StatusOr<Counters> ReadCounters() const;

  int device_events_fd() const { return monitor_.fd(); }
  int foreign_claims_fd() const { return ring_buffer__epoll_fd(claims_ring_.get()); }
  const std::vector<DeviceStatus>& devices() const { return filters_.statuses(); }

 private:
  absl::Status CheckInterfaces(const std::vector<Device>& devices) const;
  absl::Status SyncDevices(Repairs& repairs);
  absl::Status ChooseServed(const std::vector<Device>& devices,
                            const std::vector<DeviceAddress>& addresses);
  absl::Status SyncLookup(Repairs& repairs);
  absl::Status SyncRoutes(Repairs& repairs);
  absl::Status SyncGroups(Repairs& repairs, bool leave);
  absl::Status SyncPlaces();
  void SyncAnnouncements(absl::Time now);
  std::set<Group> WantedGroups() const;
  absl::Status SetFamily(uint32_t family, const std::vector<int>& sockets);
  void Send(const Announcement& announcement);

  const PinFolder folder_;
  const PacketPathOptions options_;
  Programs programs_;
  NodeNetwork network_;
  NetlinkSocket monitor_;
  DeviceFilters filters_;
  VipMaps maps_;
  VipDeadlines deadlines_;
  std::optional<PinnedLink> lookup_;
  std::unique_ptr<ring_buffer, CloseRing> claims_ring_;
  std::vector<ForeignClaim> claims_;  // where the ring puts them
  VipTable wanted_;
  VipTable served_;        // of them, those that are no address of the node's own
  absl::Status conflict_;  // names the first of the others
  bool applied_ = false;   // until then the maps are a former process's, and stand
  std::map<IpAddress, VipDeadlines::Place> places_;
  AnnouncementSchedule schedule_;
  uint64_t drift_repaired_ = 0;
};

absl::Status PacketPath::State::CheckInterfaces(const std::vector<Device>& devices) const {
  for (const std::string& name : options_.interfaces) {
    const auto device = std::ranges::find(devices, name, &Device::name);
    if (device == devices.end()) {
      return absl::NotFoundError(absl::StrCat("no such interface: ", name));
    }
    if (!device->ethernet) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is not an Ethernet device"));
    }
    if (device->is_port()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is the port of a ", device->slave_kind,
                                                     ": announce on that device instead"));
    }
  }
  return absl::OkStatus();
}

// Programs first: nothing else may be in the kernel before them.
absl::Status PacketPath::State::Start() {
  const absl::StatusOr<std::vector<Device>> devices = network_.Devices();
  if (!devices.ok()) return devices.status();
  if (absl::Status status = CheckInterfaces(*devices); !status.ok()) return status;
  claims_ring_.reset(
      ring_buffer__new(bpf_map__fd(programs_->maps.claims), &CollectClaim, &claims_, nullptr));
  if (claims_ring_ == nullptr) return KernelError(errno, "opening the ring of foreign claims");
  Repairs ignored;
  if (absl::Status status = SyncDevices(ignored); !status.ok()) return status;
  return SyncLookup(ignored);
}

absl::Status PacketPath::State::SyncDevices(Repairs& repairs) {
  const absl::StatusOr<std::vector<Device>> devices = network_.Devices();
  if (!devices.ok()) return devices.status();
  const absl::StatusOr<std::vector<DeviceAddress>> addresses = network_.Addresses();
  if (!addresses.ok()) return addresses.status();
  conflict_ = ChooseServed(*devices, *addresses);
  return filters_.Sync(*devices, *addresses, repairs);
}

// An address of the node's own is never a VIP: all of its other ports would be refused, ssh first.
absl::Status PacketPath::State::ChooseServed(const std::vector<Device>& devices,
                                             const std::vector<DeviceAddress>& addresses) {
  absl::Status first;
  served_.clear();
  for (const Vip& vip : wanted_) {
    const auto own = std::ranges::find(addresses, vip.address, &DeviceAddress::address);
    if (own == addresses.end()) {
      served_.push_back(vip);
      continue;
    }
    const auto device = std::ranges::find(devices, own->ifindex, &Device::ifindex);
    KeepFirst(first, absl::InvalidArgumentError(absl::StrCat(
                         "VIP ", vip.address.ToString(), " is an address of this node's ",
                         device == devices.end() ? "" : device->name, ": not served")));
  }
  return first;
}

absl::Status PacketPath::State::SyncLookup(Repairs& repairs) {
  const core::Fd network(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  struct stat info;
  if (!network.valid() || fstat(network.get(), &info) != 0) {
    return absl::ErrnoToStatus(errno, "opening this network namespace");
  }
  return EnsureLink(lookup_, Hook::kSkLookup, bpf_program__fd(programs_->progs.vip_lookup),
                    network.get(), static_cast<uint32_t>(info.st_ino), folder_.links() + "/lookup",
                    repairs);
}

absl::Status PacketPath::State::SyncRoutes(Repairs& repairs) {
  const absl::StatusOr<std::set<IpAddress>> actual = network_.VipRoutes();
  if (!actual.ok()) return actual.status();
  absl::Status first;
  std::set<IpAddress> wanted;
  for (const Vip& vip : served_) wanted.insert(vip.address);
  for (const IpAddress& address : *actual) {
    if (wanted.contains(address)) continue;
    ++repairs.count;
    KeepFirst(first, network_.RemoveVipRoute(address));
  }
  for (const IpAddress& address : wanted) {
    if (actual->contains(address)) continue;
    ++repairs.count;
    KeepFirst(first, network_.AddVipRoute(address));
  }
  return first;
}

std::set<Group> PacketPath::State::WantedGroups() const {
  std::set<Group> wanted;
  for (const Vip& vip : served_) {
    if (vip.address.is_v4()) continue;
    const uint32_t mask = maps_.DeviceMask(vip);
    for (size_t bit = 0; bit < options_.interfaces.size(); ++bit) {
      const Device* device = filters_.Announcing(bit);
      if (device == nullptr || !device->up || !(mask & 1u << bit)) continue;
      wanted.insert({device->ifindex, SolicitedNodeGroup(vip.address)});
    }
  }
  return wanted;
}

absl::Status PacketPath::State::SyncGroups(Repairs& repairs, bool leave) {
  const absl::StatusOr<std::set<Group>> actual = network_.Groups();
  if (!actual.ok()) return actual.status();
  const std::set<Group> wanted = WantedGroups();
  absl::Status first;
  for (const Group& group : leave ? *actual : wanted) {
    if ((leave ? wanted : *actual).contains(group)) continue;
    ++repairs.count;
    KeepFirst(first, leave ? network_.LeaveGroup(group) : network_.JoinGroup(group));
  }
  return first;
}

// The order is the invariant: filters, then what the filters know, then routes; and back.
absl::Status PacketPath::State::Sync(absl::Time now, Repairs& repairs) {
  if (absl::Status status = SyncDevices(repairs); !status.ok()) return status;
  absl::Status first = SyncLookup(repairs);
  if (!applied_) return first;
  KeepFirst(first, conflict_);
  const absl::StatusOr<int> upserted = maps_.Upsert(served_);
  if (!upserted.ok()) return upserted.status();
  repairs.count += *upserted;
  KeepFirst(first, SyncGroups(repairs, /*leave=*/false));
  KeepFirst(first, SyncRoutes(repairs));
  KeepFirst(first, SyncPlaces());
  const absl::StatusOr<int> pruned = maps_.Prune(served_);
  if (pruned.ok()) repairs.count += *pruned;
  KeepFirst(first, pruned.status());
  KeepFirst(first, SyncGroups(repairs, /*leave=*/true));
  SyncAnnouncements(now);
  return first;
}

absl::Status PacketPath::State::Apply(VipTable table, absl::Time now) {
  wanted_ = std::move(table);
  applied_ = true;
  Repairs wanted_changes;
  return Sync(now, wanted_changes);
}

absl::StatusOr<int> PacketPath::State::Reconcile(absl::Time now) {
  Repairs repairs;
  const absl::Status status = Sync(now, repairs);
  drift_repaired_ += repairs.count;
  if (!status.ok()) return status;
  return repairs.count;
}

absl::Status PacketPath::State::HandleDeviceEvents(absl::Time now) {
  if (!monitor_.Drain()) return absl::OkStatus();
  Repairs news;  // not drift: the node changed
  return Sync(now, news);
}

// After everything that serves a VIP is in place, and before anything of it is taken away.
absl::Status PacketPath::State::SyncPlaces() {
  const absl::StatusOr<std::map<IpAddress, uint32_t>> slots = maps_.Slots();
  if (!slots.ok()) return slots.status();
  std::map<IpAddress, VipDeadlines::Place> places;
  for (const Vip& vip : served_) {
    const auto slot = slots->find(vip.address);
    if (!vip.owned || slot == slots->end()) continue;
    VipDeadlines::Place& place = places[vip.address];
    place.slot = slot->second;
    const uint32_t mask = maps_.DeviceMask(vip);
    for (size_t bit = 0; bit < options_.interfaces.size(); ++bit) {
      const Device* device = filters_.Announcing(bit);
      if (device == nullptr || !device->carrier || !(mask & 1u << bit)) continue;
      place.ports.push_back({device->ifindex, device->mac});
    }
  }
  places_ = places;
  return deadlines_.SetPlaces(std::move(places));
}

// A carrier that was lost takes its announcements away, so that they begin anew when it is back.
void PacketPath::State::SyncAnnouncements(absl::Time now) {
  std::map<Announcement, bool> wanted;
  for (const auto& [vip, known] : deadlines_.Held()) {
    for (const auto& port : places_[vip].ports)
      wanted.emplace(Announcement{vip, port.ifindex}, known);
  }
  for (const Announcement& announcement : schedule_.All()) {
    if (!wanted.contains(announcement)) schedule_.Stop(announcement);
  }
  for (const auto& [announcement, known] : wanted) {
    if (known) {
      schedule_.Adopt(announcement, now);
    } else {
      schedule_.TakeOver(announcement, now);
    }
  }
}

absl::Time PacketPath::State::AnnounceDue(absl::Time now) {
  SyncAnnouncements(now);
  for (const Announcement& announcement : schedule_.TakeDue(now)) Send(announcement);
  return schedule_.Next();
}

// Failures are counted by the program; the next refresh tries again.
void PacketPath::State::Send(const Announcement& announcement) {
  const VipDeadlines::Place& place = places_[announcement.vip];
  const auto port =
      std::ranges::find(place.ports, announcement.ifindex, &VipDeadlines::Place::Port::ifindex);
  if (port != place.ports.end()) SendAnnouncement(programs_, announcement.vip, place.slot, *port);
}

absl::Status PacketPath::State::SetFamily(uint32_t family, const std::vector<int>& sockets) {
  const int listeners = bpf_map__fd(programs_->maps.listeners);
  const uint32_t base = family * MAX_WORKERS;
  const auto count = static_cast<uint32_t>(sockets.size());
  int error = 0;
  for (uint32_t i = 0; error == 0 && i < count; ++i) {
    error = UpdateMap(listeners, base + i, static_cast<__u64>(sockets[i]));
  }
  if (error == 0) error = UpdateMap(bpf_map__fd(programs_->maps.workers), family, count);
  for (uint32_t i = count; error == 0 && i < MAX_WORKERS; ++i) {
    error = DeleteFromMap(listeners, base + i);
    if (error == EINVAL) error = 0;  // a SOCKMAP's word for "there is none"
  }
  return error == 0 ? absl::OkStatus() : KernelError(error, "giving connections to the workers");
}

absl::Status PacketPath::State::SetListeners(const ListenerSockets& sockets) {
  if (std::max(sockets.tcp4.size(), sockets.tcp6.size()) > MAX_WORKERS) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", int{MAX_WORKERS}, " workers"));
  }
  if (absl::Status status = SetFamily(FAMILY_V4, sockets.tcp4); !status.ok()) return status;
  return SetFamily(FAMILY_V6, sockets.tcp6);
}

std::vector<ForeignClaim> PacketPath::State::TakeForeignClaims(absl::Time now) {
  ring_buffer__consume(claims_ring_.get());
  std::vector<ForeignClaim> claims = std::exchange(claims_, {});
  for (const ForeignClaim& claim : claims) schedule_.Defend({claim.address, claim.ifindex}, now);
  return claims;
}

absl::StatusOr<Counters> PacketPath::State::ReadCounters() const {
  absl::StatusOr<Counters> counters = maps_.ReadCounters();
  if (counters.ok()) counters->drift_repaired = drift_repaired_;
  return counters;
}

absl::StatusOr<AttachPreference> ParseAttachPreference(std::string_view name) {
  if (name == "auto") return AttachPreference::kAuto;
  if (name == "xdp") return AttachPreference::kXdp;
  if (name == "tcx") return AttachPreference::kTcx;
  if (name == "generic") return AttachPreference::kGeneric;
  if (name == "libxdp") return AttachPreference::kLibxdp;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown way to attach: \"", name, "\" (auto, xdp, tcx, generic, libxdp)"));
}

absl::StatusOr<std::unique_ptr<PacketPath>> PacketPath::Open(PacketPathOptions options) {
  if (options.folder.empty()) options.folder = PinFolder::DefaultPath();
  if (options.interfaces.size() > MAX_ANNOUNCERS) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", int{MAX_ANNOUNCERS}, " announcing interfaces"));
  }
  absl::StatusOr<NodeNetwork> network = NodeNetwork::Open();
  if (!network.ok()) return network.status();
  absl::StatusOr<NetlinkSocket> monitor = OpenDeviceMonitor();
  if (!monitor.ok()) return monitor.status();
  absl::StatusOr<PinFolder> folder = PinFolder::Make(options.folder);
  if (!folder.ok()) return folder.status();
  const bool was_new = folder->was_new();
  const std::string path = folder->path();
  const auto start = [&]() -> absl::StatusOr<std::unique_ptr<PacketPath>> {
    absl::StatusOr<Programs> programs = Programs::Load(path);
    if (!programs.ok()) return programs.status();
    auto state =
        std::make_unique<State>(*std::move(folder), *std::move(programs), *std::move(network),
                                *std::move(monitor), std::move(options));
    if (absl::Status status = state->Start(); !status.ok()) return status;
    return std::unique_ptr<PacketPath>(new PacketPath(std::move(state)));
  };
  auto opened = start();
  if (!opened.ok() && was_new) PinFolder::Remove(path).IgnoreError();  // leave nothing behind
  return opened;
}

absl::Status PacketPath::Detach(const std::string& folder) {
  absl::StatusOr<NodeNetwork> network = NodeNetwork::Open();
  if (!network.ok()) return network.status();
  absl::Status first;
  const absl::StatusOr<std::set<IpAddress>> routes = network->VipRoutes();
  if (!routes.ok()) return routes.status();
  for (const IpAddress& address : *routes) KeepFirst(first, network->RemoveVipRoute(address));
  const absl::StatusOr<std::set<Group>> groups = network->Groups();
  if (!groups.ok()) return groups.status();
  for (const Group& group : *groups) KeepFirst(first, network->LeaveGroup(group));
  if (!first.ok()) return first;  // the programs stay as long as a route does
  const absl::StatusOr<std::vector<Device>> devices = network->Devices();
  if (!devices.ok()) return devices.status();
  for (const Device& device : *devices) KeepFirst(first, DetachSharedXdp(device.ifindex));
  KeepFirst(first, PinFolder::Remove(folder.empty() ? PinFolder::DefaultPath() : folder));
  return first;
}

PacketPath::PacketPath(std::unique_ptr<State> state) : state_(std::move(state)) {}
PacketPath::~PacketPath() = default;

absl::Status PacketPath::Apply(VipTable table, absl::Time now) {
  return state_->Apply(std::move(table), now);
}
absl::Status PacketPath::SetListeners(const ListenerSockets& sockets) {
  return state_->SetListeners(sockets);
}
absl::StatusOr<bool> PacketPath::Hold(std::span<const VipDeadline> vips) {
  const absl::StatusOr<std::vector<IpAddress>> taken_over = state_->deadlines().Hold(vips);
  if (!taken_over.ok()) return taken_over.status();
  state_->deadlines().Announce(*taken_over);
  return !taken_over->empty();
}
absl::Status PacketPath::GiveUpLeftovers() { return state_->deadlines().GiveUpLeftovers(); }
absl::Status PacketPath::RenewDeadline(absl::Duration ttl) {
  return state_->deadlines().HoldAll(ttl).status();
}
std::vector<IpAddress> PacketPath::Held() const {
  std::vector<IpAddress> held;
  for (const auto& [vip, known] : state_->deadlines().Held()) held.push_back(vip);
  return held;
}
absl::Time PacketPath::AnnounceDue(absl::Time now) { return state_->AnnounceDue(now); }
int PacketPath::device_events_fd() const { return state_->device_events_fd(); }
absl::Status PacketPath::HandleDeviceEvents(absl::Time now) {
  return state_->HandleDeviceEvents(now);
}
int PacketPath::foreign_claims_fd() const { return state_->foreign_claims_fd(); }
std::vector<ForeignClaim> PacketPath::TakeForeignClaims(absl::Time now) {
  return state_->TakeForeignClaims(now);
}
absl::StatusOr<int> PacketPath::Reconcile(absl::Time now) { return state_->Reconcile(now); }
absl::StatusOr<Counters> PacketPath::ReadCounters() const { return state_->ReadCounters(); }
const std::vector<DeviceStatus>& PacketPath::devices() const { return state_->devices(); }

}  // namespace sluice::packet
