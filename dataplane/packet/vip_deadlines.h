// Until when this node answers for each VIP: the map that moves a VIP here or away with one write.
// Any thread: the packet path says which VIPs there are, the thread of the election which of them
// are held. The lock is held for a few system calls at most, never for other work.
//
// A deadline is an absolute time, so nothing that happens between the decision and the write can
// make it later. Invariant: a VIP that is not in the table has deadline 0, so that its slot can be
// given to another.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dataplane/packet/address.h"
#include "dataplane/packet/programs.h"

namespace sluice::packet {

// CLOCK_MONOTONIC as a time since the epoch: to compare and to add to, not to show.
absl::Time MonotonicNow();

struct VipDeadline {
  IpAddress vip;
  absl::Time until;  // by MonotonicNow

  bool operator==(const VipDeadline&) const = default;
};

class VipDeadlines {
 public:
  // Where a VIP is, in the maps and on the LAN.
  struct Place {
    struct Port {
      int ifindex = 0;
      MacAddress mac;

      bool operator==(const Port&) const = default;
    };
    uint32_t slot = 0;
    std::vector<Port> ports;  // announcing devices with a carrier

    bool operator==(const Place&) const = default;
  };

  // Outlived by `programs`.
  explicit VipDeadlines(const Programs& programs) : programs_(programs) {}

  // The VIPs that may be held. Those that are not among them any more are given up.
  absl::Status SetPlaces(std::map<IpAddress, Place> places);

  // Answers for these and for no others. A VIP without a place is left out until it has one.
  // Returns those that nobody on the LAN knows here yet: they are to be announced.
  absl::StatusOr<std::vector<IpAddress>> Hold(std::span<const VipDeadline> vips);
  // The same for every VIP that has a place.
  absl::StatusOr<std::vector<IpAddress>> HoldAll(absl::Duration ttl);

  // Those that are not held lose what a former process left them: for whom others may answer now.
  absl::Status GiveUpLeftovers();

  // The first word on the LAN about VIPs that were taken over.
  void Announce(std::span<const IpAddress> vips) const;

  // Those that are held; true: the LAN knew it before (a former process answered until now).
  std::map<IpAddress, bool> Held() const;

 private:
  absl::StatusOr<std::vector<IpAddress>> HoldLocked(std::span<const VipDeadline> vips);
  absl::Status GiveUp(const IpAddress& vip, uint32_t slot);

  const Programs& programs_;
  mutable std::mutex mutex_;
  std::map<IpAddress, Place> places_;
  std::map<IpAddress, bool> held_;
};

// Sends the announcement frames of a VIP out of a device; false: the kernel refused one.
bool SendAnnouncement(const Programs& programs, const IpAddress& vip, uint32_t slot,
                      const VipDeadlines::Place::Port& port);

}  // namespace sluice::packet
