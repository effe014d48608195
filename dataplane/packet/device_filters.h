// The programs on the node's devices: vip_ingress and vip_egress on every Ethernet device that
// gives frames to the node's IP stack, and vip_xdp on those that announce, if the device takes it.
// Keeps the links, their pins and the map of devices as they should be. One thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/abi.h"
#include "dataplane/packet/node_network.h"
#include "dataplane/packet/packet_path.h"
#include "dataplane/packet/pinned_link.h"
#include "dataplane/packet/programs.h"

namespace sluice::packet {

// How many things were not as they should be: made anew at start, drift later.
struct Repairs {
  int count = 0;
};

// Makes `link` the pinned link at `path` with `program` on `target`: adopts, replaces or attaches.
absl::Status EnsureLink(std::optional<PinnedLink>& link, Hook hook, int program, int target,
                        uint32_t target_id, const std::string& path, Repairs& repairs);

class DeviceFilters {
 public:
  // Maps are pinned in `options.folder`, links go to `link_folder`, which exists. Outlived by
  // `programs`.
  DeviceFilters(const Programs& programs, const PacketPathOptions& options, std::string link_folder)
      : programs_(programs),
        map_folder_(options.folder),
        folder_(std::move(link_folder)),
        interfaces_(options.interfaces),
        attach_(options.attach) {}

  // Brings links and map in line with the devices that there are, and with the node's own
  // addresses. Goes on after an error, and returns the first.
  absl::Status Sync(const std::vector<Device>& devices, const std::vector<DeviceAddress>& addresses,
                    Repairs& repairs);

  const std::vector<DeviceStatus>& statuses() const { return statuses_; }
  // The announcing device that is `interfaces[bit]`; nullptr if it is not there now.
  const Device* Announcing(size_t bit) const;

 private:
  struct Filter {
    Device device;
    std::optional<PinnedLink> ingress, egress, xdp;
    std::string xdp_refusal;             // why XDP was refused; it is not tried again
    std::optional<absl::Status> shared;  // libxdp's answer; it is asked once
    std::string mode, note;
  };

  std::optional<size_t> BitOf(const Device& device) const;
  std::string LinkPath(std::string_view kind, int ifindex) const;
  absl::Status SyncDevice(const Device& device, Repairs& repairs);
  absl::Status SyncXdp(Filter& filter, Repairs& repairs);
  void SyncSharedXdp(Filter& filter);
  void RemoveGone(const std::set<int>& wanted, Repairs& repairs);
  absl::Status SyncMap(const std::vector<DeviceAddress>& addresses, Repairs& repairs);
  // The map of devices as it should be, by slot.
  std::map<uint32_t, device_entry> Describe(const std::vector<DeviceAddress>& addresses) const;
  void Report();

  const Programs& programs_;
  const std::string map_folder_;
  const std::string folder_;
  const std::vector<std::string> interfaces_;
  const AttachPreference attach_;
  std::map<int, Filter> filters_;  // by ifindex
  std::vector<DeviceStatus> statuses_;
};

}  // namespace sluice::packet
