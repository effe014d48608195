// The packet path of one node: owns everything that Sluice puts into the kernel (programs, maps,
// links and their pins, AnyIP routes, solicited-node groups) and keeps it as the VipTable says.
//
// One thread (the agent's event loop), but for what says so. Works on the network namespace of
// the thread that called Open. Nothing is undone by the destructor: pinned programs work on when
// the agent dies, and the next Open adopts them without a gap; only Detach takes them away.
//
// Invariant: programs stand before the first AnyIP route is added and until the last one is gone,
// so that the kernel never answers ARP for a VIP. Needs CAP_BPF and CAP_NET_ADMIN; CAP_PERFMON
// while Open runs (without it programs are slower). Nothing needs CAP_SYS_ADMIN.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bpf/verdict_reasons.h"
#include "dataplane/packet/vip_deadlines.h"
#include "dataplane/packet/vip_table.h"

namespace sluice::packet {

enum class AttachPreference {
  kAuto,     // as kXdp; but tcx on a veth, which loses XDP's answers unless its peer runs XDP too
  kXdp,      // native XDP where the device is free and its driver can, else tcx alone
  kTcx,      // tcx alone
  kGeneric,  // generic XDP: linearises every packet of the device, so only on request
  kLibxdp,   // share an occupied device through libxdp's dispatcher (freplace)
};

absl::StatusOr<AttachPreference> ParseAttachPreference(std::string_view name);

struct PacketPathOptions {
  // On a bpffs; made with mode 0700. One for each map layout: a build with another layout uses
  // another folder. Empty: "/sys/fs/bpf/sluice/v<layout>".
  std::string folder;
  std::vector<std::string> interfaces;  // to announce on: names that exist
  AttachPreference attach = AttachPreference::kAuto;
};

// How one device of the node is served. Every Ethernet device is silenced for VIPs; those of
// PacketPathOptions.interfaces answer.
struct DeviceStatus {
  std::string name;
  int ifindex = 0;
  MacAddress mac;
  bool announcing = false;
  bool carrier = false;
  std::string mode;  // "xdp", "xdp-generic", "libxdp", "tcx"; "silence" where it does not announce
  std::string note;  // why it is not what was asked for; empty if it is
};

struct VipCounters {
  IpAddress address;
  std::array<uint64_t, VERDICT_COUNT> by_reason{};
};

struct Counters {
  std::array<uint64_t, VERDICT_COUNT> by_reason{};  // node total, retired VIPs included
  std::vector<VipCounters> vips;                    // sorted by address
  uint64_t drift_repaired = 0;                      // by Reconcile, since Open
};

// Somebody else on the LAN answered or announced for a VIP that we own.
struct ForeignClaim {
  IpAddress address;
  MacAddress claimant;
  int ifindex = 0;
};

// One listening socket a worker, in worker order. They may be bound to anything (loopback, port
// 0): sk_lookup brings connections for every VIP:port to them. Not owned; may be closed after.
struct ListenerSockets {
  std::vector<int> tcp4;
  std::vector<int> tcp6;  // empty: no IPv6
};

class PacketPath {
 public:
  // Loads the programs, adopts the pins of `options.folder` or makes them, and attaches to every
  // device. Programs in adopted links are replaced atomically. Errors name the missing capability
  // or kernel feature. A device that cannot have XDP is served by tcx: see devices().
  static absl::StatusOr<std::unique_ptr<PacketPath>> Open(PacketPathOptions options);

  // Takes away what a PacketPath on `folder` left in the kernel, whether or not one is running:
  // routes, groups, links, pins, folder. Succeeds if there is nothing. Loads nothing.
  static absl::Status Detach(const std::string& folder = "");

  PacketPath(const PacketPath&) = delete;
  PacketPath& operator=(const PacketPath&) = delete;
  ~PacketPath();

  // Makes `table` the desired state and applies it. A VIP that is held and announced starts its
  // burst of announcements at `now`; call AnnounceDue after. On an error the rest is applied, and
  // Reconcile tries again.
  absl::Status Apply(VipTable table, absl::Time now);

  // New connections go to these sockets from now on. All are in place before any is used.
  absl::Status SetListeners(const ListenerSockets& sockets);

  // ARP and NDP are answered for these VIPs and no others, each until its deadline and never longer
  // (rounded down to a kernel tick, 1-10 ms). One that is new here is announced at once; call
  // AnnounceDue after, for the rest of its burst, if this returns true. VIPs that Apply has not
  // seen, or only with owned = false, are left out. Any thread; a few system calls.
  absl::StatusOr<bool> Hold(std::span<const VipDeadline> vips);
  // What is not held is given up, although a former process may have left it a deadline. Any
  // thread.
  absl::Status GiveUpLeftovers();
  // The same as Hold for all VIPs of the table with owned = true, without announcing. Any thread.
  absl::Status RenewDeadline(absl::Duration ttl);
  // Stops answering at once. Any thread.
  absl::Status ExpireDeadline() { return RenewDeadline(absl::ZeroDuration()); }
  // VIPs that are held now. Any thread.
  std::vector<IpAddress> Held() const;

  // Sends the gratuitous ARP and unsolicited NA that are due (0, 50, 200, 1000 ms after takeover
  // or carrier up, then every 30 s); returns when to call next, InfiniteFuture if never.
  absl::Time AnnounceDue(absl::Time now);

  // Readable when devices or addresses of the node changed: call HandleDeviceEvents, which gives
  // new devices their filters and starts a burst where a carrier came up.
  int device_events_fd() const;
  absl::Status HandleDeviceEvents(absl::Time now);

  // Readable when foreign claims wait. Taking them defends each VIP at most once per 10 s.
  int foreign_claims_fd() const;
  std::vector<ForeignClaim> TakeForeignClaims(absl::Time now);

  // Compares routes, groups, links, filters and map contents with what they should be and repairs
  // them. Returns how many things had drifted.
  absl::StatusOr<int> Reconcile(absl::Time now);

  absl::StatusOr<Counters> ReadCounters() const;
  const std::vector<DeviceStatus>& devices() const;

 private:
  class State;
  explicit PacketPath(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::packet
