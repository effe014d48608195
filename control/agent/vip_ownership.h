// Which VIPs this node answers for: joins the elections of the announcing interfaces with the
// packet path. Everything but the constructor, Start and what says so runs on the loop's thread,
// which is the liveness thread.
//
// A VIP is elected on the first announcing interface that it is announced on; on others it follows.
// A takeover is: the deadline in the packet path's map, the first announcement, then the claim on
// the LAN. The rest of the burst is the main thread's, which on_news tells.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control/election/lan_member.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/packet/packet_path.h"
#include "dataplane/packet/vip_table.h"

namespace sluice::agent {

struct VipOwnershipOptions {
  std::string node;
  std::vector<std::string> interfaces;
  std::vector<std::string> known;  // nodes of a former life: see OwnershipReport
  election::ElectionConfig config;
  uint16_t port = election::kHeartbeatPort;
  // On the loop's thread, for something to log or to save: post it to the main loop.
  std::function<void(const std::vector<std::string>& lines)> on_news;
};

// One VIP as the election sees it.
struct CandidateVip {
  packet::IpAddress address;
  std::vector<std::string> interfaces;  // names or globs; empty: every announcing one
  election::GroupId group = 1;          // VIPs that the same nodes may own
  bool may_own = true;

  bool operator==(const CandidateVip&) const = default;
};

// Those that are announced. All in one group.
std::vector<CandidateVip> CandidatesOf(const packet::VipTable& table);

struct OwnershipReport {
  struct Lan {
    std::string interface;
    election::Standing standing = election::Standing::kOut;
    std::vector<election::NodeState> nodes;  // [0] is this one
    std::vector<election::AddressState> addresses;
    election::LanCounters counters;
  };
  std::vector<Lan> lans;
  std::vector<std::string> known;  // to be kept over a restart
  uint64_t hold_failures = 0;
  absl::Time at;  // by the clock of `moved_at`, which is no wall clock
};

class VipOwnership {
 public:
  // `path` outlives it.
  VipOwnership(core::EventLoop& loop, packet::PacketPath& path, VipOwnershipOptions options);
  ~VipOwnership();

  // On the loop's thread, or before it runs.
  absl::Status Start();
  // All workers of the proxy have answered just now.
  void ProxyAnswered();
  // To be called every so often: without answers this node is no candidate.
  void CheckProxy();

  // From any thread.
  void SetKeys(election::HeartbeatKeys keys);
  void SetVips(std::vector<CandidateVip> vips);
  void SetApplied(bool applied);  // serves what it should; a node that lags is no candidate
  // For a planned stop: hands everything over, then calls `done` on the loop's thread, once. Does
  // not wait where nobody can succeed this node, nor longer than half a second.
  void Leave(std::function<void()> done);
  // The same, and returns when it is done. Not on the loop's thread; the loop runs.
  void LeaveAndWait();
  void SetMembers(std::vector<std::string> names);
  OwnershipReport Report() const;

 private:
  void OnDecided();
  void Publish();
  void UpdateFitness();
  void FinishLeaving(bool holds_any);

  core::EventLoop& loop_;
  packet::PacketPath& path_;
  const VipOwnershipOptions options_;
  std::vector<std::unique_ptr<election::LanMember>> members_;
  election::Fitness fitness_;
  absl::Time answered_at_ = absl::InfinitePast();
  std::vector<packet::VipDeadline> held_;  // as the packet path was told last
  absl::Time held_at_ = absl::InfinitePast();
  bool leftovers_given_up_ = false;
  bool told_foreign_ = false;
  std::function<void()> left_;  // to be called when everything is handed over
  absl::Time leave_by_;
  std::vector<std::string> known_;
  absl::Time published_at_ = absl::InfinitePast();

  mutable std::mutex mutex_;
  OwnershipReport report_;  // guarded by mutex_
  core::Mailbox mailbox_;
};

}  // namespace sluice::agent
