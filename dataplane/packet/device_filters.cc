#include "dataplane/packet/device_filters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bpf/packet.skel.h"
#include "dataplane/packet/bpf_map.h"
#include "dataplane/packet/kernel_error.h"
#include "dataplane/packet/shared_xdp.h"

namespace sluice::packet {
namespace {

constexpr std::string_view kIngress = "ingress", kEgress = "egress", kXdp = "xdp",
                           kXdpGeneric = "xdpgeneric";

uint32_t ProgramId(int program) {
  bpf_prog_info info = {};
  __u32 size = sizeof info;
  return bpf_prog_get_info_by_fd(program, &info, &size) == 0 ? info.id : 0;
}

bool operator==(const device_entry& a, const device_entry& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;  // no padding
}

// The sender of this node's own requests on `ifindex`: an address of the device, or of another.
__be32 OwnAddress(const std::vector<DeviceAddress>& addresses, int ifindex) {
  const DeviceAddress* best = nullptr;
  for (const DeviceAddress& candidate : addresses) {
    if (!candidate.address.is_v4() || !candidate.global) continue;
    if (candidate.ifindex == ifindex) {
      best = &candidate;
      break;
    }
    if (best == nullptr) best = &candidate;
  }
  __be32 result = 0;
  if (best != nullptr) std::memcpy(&result, best->address.v4().data(), sizeof result);
  return result;
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(folder.c_str()), &closedir);
  if (dir == nullptr) return names;
  while (const dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] != '.') names.push_back(entry->d_name);
  }
  return names;
}

void KeepFirst(absl::Status& first, absl::Status status) {
  if (first.ok()) first = std::move(status);
}

}  // namespace

absl::Status EnsureLink(std::optional<PinnedLink>& link, Hook hook, int program, int target,
                        uint32_t target_id, const std::string& path, Repairs& repairs) {
  if (!link.has_value()) {
    absl::StatusOr<std::optional<PinnedLink>> found = PinnedLink::Find(path);
    if (!found.ok()) return found.status();
    link = *std::move(found);
  }
  if (link.has_value()) {
    const absl::StatusOr<PinnedLink::Info> info = link->Read();
    if (!info.ok()) return info.status();
    if (info->target == target_id) {
      if (!link->IsPinned()) {
        ++repairs.count;
        if (absl::Status status = link->Pin(); !status.ok()) return status;
      }
      if (info->program_id == ProgramId(program)) return absl::OkStatus();
      ++repairs.count;
      return link->Replace(program);
    }
    // Its device or namespace is gone, or somebody detached it: the pin holds an empty shell.
    if (absl::Status status = link->Remove(); !status.ok()) return status;
    link.reset();
  }
  ++repairs.count;
  absl::StatusOr<PinnedLink> attached = PinnedLink::Attach(hook, program, target, path);
  if (!attached.ok()) return attached.status();
  link = *std::move(attached);
  return absl::OkStatus();
}

std::optional<size_t> DeviceFilters::BitOf(const Device& device) const {
  const auto found = std::ranges::find(interfaces_, device.name);
  if (found == interfaces_.end()) return std::nullopt;
  return found - interfaces_.begin();
}

const Device* DeviceFilters::Announcing(size_t bit) const {
  for (const auto& [ifindex, filter] : filters_) {
    if (BitOf(filter.device) == bit) return &filter.device;
  }
  return nullptr;
}

std::string DeviceFilters::LinkPath(std::string_view kind, int ifindex) const {
  return absl::StrCat(folder_, "/", kind, "-", ifindex);
}

absl::Status DeviceFilters::Sync(const std::vector<Device>& devices,
                                 const std::vector<DeviceAddress>& addresses, Repairs& repairs) {
  absl::Status first;
  std::set<int> wanted;
  for (const Device& device : devices) {
    if (!device.ethernet || device.is_port()) continue;
    wanted.insert(device.ifindex);
    KeepFirst(first, SyncDevice(device, repairs));
  }
  RemoveGone(wanted, repairs);
  KeepFirst(first, SyncMap(addresses, repairs));
  Report();
  return first;
}

absl::Status DeviceFilters::SyncDevice(const Device& device, Repairs& repairs) {
  Filter& filter = filters_[device.ifindex];
  filter.device = device;
  const auto ensure = [&](std::optional<PinnedLink>& link, Hook hook, const bpf_program* program,
                          std::string_view kind) -> absl::Status {
    const absl::Status status = EnsureLink(link, hook, bpf_program__fd(program), device.ifindex,
                                           device.ifindex, LinkPath(kind, device.ifindex), repairs);
    if (status.ok()) return status;
    filter.note = absl::StrCat(device.name, ": ", status.message());
    return absl::Status(status.code(), filter.note);
  };
  filter.mode = "silence";
  filter.note.clear();
  absl::Status first =
      ensure(filter.ingress, Hook::kTcxIngress, programs_->progs.vip_ingress, kIngress);
  KeepFirst(first, ensure(filter.egress, Hook::kTcxEgress, programs_->progs.vip_egress, kEgress));
  if (!first.ok() || !BitOf(device).has_value()) return first;
  filter.mode = "tcx";
  return SyncXdp(filter, repairs);
}

// XDP is an accelerator: whatever refuses it becomes a note, and tcx serves the device.
absl::Status DeviceFilters::SyncXdp(Filter& filter, Repairs& repairs) {
  const int ifindex = filter.device.ifindex;
  const bool generic = attach_ == AttachPreference::kGeneric;
  if (attach_ == AttachPreference::kTcx) return absl::OkStatus();
  if (attach_ == AttachPreference::kAuto && filter.device.kind == "veth") {
    filter.note = "a veth loses native XDP's answers unless its peer runs XDP too; served by tcx";
    return absl::OkStatus();
  }
  if (attach_ == AttachPreference::kLibxdp) {
    SyncSharedXdp(filter);
    return absl::OkStatus();
  }
  if (!filter.xdp.has_value() && !filter.xdp_refusal.empty()) {
    filter.note = filter.xdp_refusal;
    return absl::OkStatus();
  }
  const absl::Status status =
      EnsureLink(filter.xdp, generic ? Hook::kXdpGeneric : Hook::kXdpNative,
                 bpf_program__fd(programs_->progs.vip_xdp), ifindex, ifindex,
                 LinkPath(generic ? kXdpGeneric : kXdp, ifindex), repairs);
  if (status.ok()) {
    filter.mode = generic ? "xdp-generic" : "xdp";
  } else {
    filter.xdp_refusal = absl::StrCat(status.message(), "; served by tcx");
    filter.note = filter.xdp_refusal;
  }
  return absl::OkStatus();
}

void DeviceFilters::SyncSharedXdp(Filter& filter) {
  if (!filter.shared.has_value()) {
    filter.shared = AttachSharedXdp(map_folder_, filter.device.ifindex);
  }
  if (filter.shared->ok()) {
    filter.mode = "libxdp";
  } else {
    filter.note = absl::StrCat("libxdp: ", filter.shared->message(), "; served by tcx");
  }
}

// Links of devices that are gone or serve no more, and of another mode, of a former process too.
void DeviceFilters::RemoveGone(const std::set<int>& wanted, Repairs& repairs) {
  std::erase_if(filters_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  for (const std::string& name : FilesIn(folder_)) {
    const std::pair<std::string_view, std::string_view> parts = absl::StrSplit(name, '-');
    int ifindex;
    if (!absl::SimpleAtoi(parts.second, &ifindex)) continue;
    const auto filter = filters_.find(ifindex);
    const bool in_use = filter != filters_.end() &&
                        (parts.first == kIngress || parts.first == kEgress ||
                         (parts.first == kXdp && filter->second.mode == "xdp") ||
                         (parts.first == kXdpGeneric && filter->second.mode == "xdp-generic"));
    if (in_use) continue;
    ++repairs.count;
    unlink(absl::StrCat(folder_, "/", name).c_str());
  }
}

std::map<uint32_t, device_entry> DeviceFilters::Describe(
    const std::vector<DeviceAddress>& addresses) const {
  std::map<uint32_t, device_entry> entries;
  for (const auto& [ifindex, filter] : filters_) {
    const std::optional<size_t> bit = BitOf(filter.device);
    device_entry entry = {.ifindex = static_cast<__u32>(ifindex),
                          .bit = bit.has_value() ? 1u << *bit : 0,
                          .address_v4 = OwnAddress(addresses, ifindex)};
    std::ranges::copy(filter.device.mac.bytes, entry.mac);
    const auto [at, is_free] = entries.try_emplace(entry.ifindex % DEVICE_SLOTS, entry);
    if (!is_free && at->second.bit == 0) at->second = entry;
  }
  return entries;
}

absl::Status DeviceFilters::SyncMap(const std::vector<DeviceAddress>& addresses, Repairs& repairs) {
  const int map = bpf_map__fd(programs_->maps.devices);
  std::vector<std::pair<__u32, device_entry>> actual;
  int error = ReadMap(map, actual);
  const std::map<uint32_t, device_entry> wanted = Describe(addresses);
  for (size_t i = 0; error == 0 && i < actual.size(); ++i) {
    const auto found = wanted.find(actual[i].first);
    const device_entry entry = found == wanted.end() ? device_entry{} : found->second;
    if (actual[i].second == entry) continue;
    ++repairs.count;
    error = UpdateMap(map, actual[i].first, entry);
  }
  return error == 0 ? absl::OkStatus() : KernelError(error, "filling the map of devices");
}

void DeviceFilters::Report() {
  statuses_.clear();
  for (const auto& [ifindex, filter] : filters_) {
    statuses_.push_back({.name = filter.device.name,
                         .ifindex = ifindex,
                         .mac = filter.device.mac,
                         .announcing = BitOf(filter.device).has_value(),
                         .carrier = filter.device.carrier,
                         .mode = filter.mode,
                         .note = filter.note});
  }
  for (const std::string& name : interfaces_) {
    if (std::ranges::find(statuses_, name, &DeviceStatus::name) != statuses_.end()) continue;
    statuses_.push_back(
        {.name = name, .announcing = true, .mode = "none", .note = "no such interface now"});
  }
}

}  // namespace sluice::packet
