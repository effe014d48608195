// What this node says on the LAN about the VIPs that it owns, as whole Ethernet frames, and when.
// Pure: no socket, no clock.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/time/time.h"
#include "dataplane/packet/address.h"

namespace sluice::packet {

using Frame = std::vector<uint8_t>;

// Gratuitous ARP as request and as reply (some hosts heed only one: RFC 5227 3), or an unsolicited
// neighbour advertisement with the Override flag to all nodes (RFC 4861 7.2.6).
std::vector<Frame> AnnouncementFrames(const IpAddress& vip, const MacAddress& mac);

// One VIP on one device.
struct Announcement {
  IpAddress vip;
  int ifindex = 0;

  auto operator<=>(const Announcement&) const = default;
};

// A burst at takeover (0, 50, 200, 1000 ms), then a refresh every 30 s. One thread.
class AnnouncementSchedule {
 public:
  // Begins the burst; one that is under way goes on.
  void TakeOver(const Announcement& announcement, absl::Time now);
  // No burst: the LAN knows already. The first refresh is due in 30 s.
  void Adopt(const Announcement& announcement, absl::Time now);
  // Announces at once, at most once per 10 s (RFC 5227 2.4 c); nothing if it is not scheduled.
  void Defend(const Announcement& announcement, absl::Time now);
  void Stop(const Announcement& announcement);

  bool Has(const Announcement& announcement) const { return entries_.contains(announcement); }
  std::vector<Announcement> All() const;

  // What is due at `now`, each once however late it is.
  std::vector<Announcement> TakeDue(absl::Time now);
  absl::Time Next() const;  // InfiniteFuture if there is nothing

 private:
  struct Entry {
    absl::Time begin;  // of the burst
    size_t step = 0;   // how much of it is done
    absl::Time due;
    absl::Time defended = absl::InfinitePast();
  };
  static void Advance(Entry& entry, absl::Time now);

  std::map<Announcement, Entry> entries_;
};

}  // namespace sluice::packet
