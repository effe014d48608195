// Who owns which address, as one node sees it: a state machine without I/O and with the caller's
// clock (any monotonic one, as absl::Time). One thread. The caller hands it what was received and
// the time, sends the heartbeats that it asks for, and does what it says about addresses.
//
// The rules, with L the lease and D (dead_after) a little longer:
//  - A node elects, for each address, the best candidate of its ballot (rendezvous.h): the nodes
//    that hear it and that it hears, that may own the address, of the best standing there is.
//  - A node owns an address while a majority of the known nodes elects it (of two, itself is
//    enough), until L after it sent the youngest heartbeat that such a majority has answered. The
//    deadline is absolute, so a pause of the process cannot stretch it.
//  - A node goes on electing a peer until D after the peer's last heartbeat that it answered.
//    So when a majority elects another because a node is dead, paused or cut off, that node's
//    lease has ended. (Promise and lease count from the same heartbeat, at different ends.)
//  - Where a node makes room on purpose (draining, a better one has come back), the elder stops
//  when it
//    hears the successor's claim, whose epoch is newer, and at the latest after L.
//  - A process that has just started, or stood still for longer than L, elects nobody for D: it
//    does not know what it has promised. Ownership returns to it after `settle` of health.
//  - With two known nodes a partition leaves an owner in each half. A node that hears another's
//    claims without being heard does not contest them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control/election/heartbeat.h"
#include "control/election/peer.h"

namespace sluice::election {

struct ElectionConfig {
  absl::Duration interval = absl::Milliseconds(30);  // between heartbeats
  absl::Duration min_gap = absl::Milliseconds(2);    // news goes out sooner, but not sooner than so
  absl::Duration lease = absl::Milliseconds(150);
  absl::Duration dead_after = absl::Milliseconds(165);  // lease, clock drift and a timer's tick
  absl::Duration settle = absl::Seconds(10);
  absl::Duration lone_lease = absl::Seconds(60);  // where no other node is known
  absl::Duration forget = absl::Hours(24);        // an unheard node, where nobody lists the nodes
};

// One row of the address table. Nodes should agree on the group of an address.
struct ElectedAddress {
  AddressKey address = {};
  GroupId group = 0;
  bool may_own = true;  // this node matches the group's selector

  bool operator==(const ElectedAddress&) const = default;
};

// What makes this node fit to own anything.
struct Fitness {
  bool proxy_answers = false;
  bool applied = false;  // the generation that it should serve
  bool link_up = false;
  bool draining = false;

  bool fit() const { return proxy_answers && applied && link_up; }
  bool operator==(const Fitness&) const = default;
};

struct Event {
  enum class Kind {
    kTakeover,   // answer, then announce
    kHandover,   // the successor has it
    kContested,  // a newer claim: stopped at once
    kLapsed,     // no majority any more, or the address is gone
    kNameTaken,  // another machine says that it is this node
  };
  Kind kind = Kind::kTakeover;
  AddressKey address = {};
  NodeId peer = 0;  // successor or claimant

  bool operator==(const Event&) const = default;
};

// What people want to know.
struct NodeState {
  std::string name;
  NodeId id = 0;
  bool known = false;
  bool alive = false;
  Standing standing = Standing::kOut;
  absl::Duration unheard = absl::InfiniteDuration();  // since its last heartbeat

  bool operator==(const NodeState&) const = default;
};

struct AddressState {
  AddressKey address = {};
  bool owned = false;
  std::string owner;                    // as far as known here
  std::vector<std::string> candidates;  // by preference
  uint64_t epoch = 0;                   // of the newest claim heard or made
  absl::Time moved_at = absl::InfinitePast();
};

class Election {
 public:
  struct Self {
    std::string name;
    uint64_t boot = 0;
  };

  // `known`: nodes met in former lives, which count for the majority.
  Election(const ElectionConfig& config, const Self& self, const std::vector<std::string>& known,
           absl::Time now);

  // ResourceExhausted: more groups than kMaxGroups; the addresses of the others are not elected.
  absl::Status SetAddresses(const std::vector<ElectedAddress>& addresses);
  void SetFitness(const Fitness& fitness);
  // All nodes that there are, where somebody lists them: others are forgotten once they are silent.
  void SetMembers(const std::vector<std::string>& names);

  // A heartbeat that is authentic. Call Advance after.
  void Receive(const Heartbeat& heartbeat, absl::Time now);
  // Decides; call when NextDue has come, and after every input.
  void Advance(absl::Time now);
  absl::Time NextDue() const;

  // A heartbeat, if one is due.
  std::optional<Heartbeat> TakeHeartbeat(absl::Time now);

  struct Holding {
    AddressKey address = {};
    absl::Time until;

    bool operator==(const Holding&) const = default;
  };
  // What this node answers for, and until when at most.
  std::vector<Holding> Holdings() const;
  bool holds_any() const;
  std::vector<Event> TakeEvents();

  Standing standing() const { return standing_; }
  std::vector<std::string> KnownNodes() const;  // without this one
  std::vector<NodeState> Nodes(absl::Time now) const;
  std::vector<AddressState> Addresses(absl::Time now) const;

 private:
  struct Address {
    ElectedAddress entry;
    std::vector<uint8_t> preference;  // of nodes, by index
    bool held = false;
    bool told = true;  // the claim was in a heartbeat
    bool alone = false;
    uint64_t epoch = 0;  // the newest that is known
    absl::Time until = absl::InfinitePast();
    absl::Time moved_at = absl::InfinitePast();
  };
  struct Sent {
    uint64_t sequence = 0;
    absl::Time at = absl::InfinitePast();
  };

  static constexpr int kNobody = -1;
  static constexpr int kMe = 0;

  // Receive
  Peer* FindOrMeet(const Heartbeat& heartbeat);
  bool IsNews(Peer& peer, const Heartbeat& heartbeat, absl::Time now) const;
  const Heartbeat::Peer* AboutMe(const Heartbeat& heartbeat) const;
  absl::Time SentAt(uint64_t sequence) const;
  void TakeBallots(Peer& peer, const Heartbeat& heartbeat) const;
  void TakeClaims(Peer& peer, const Heartbeat& heartbeat, absl::Time now);

  // Advance
  void UpdateAlive(absl::Time now);
  void UpdateStanding(absl::Time now);
  NodeSet Candidates(const Ballot& mine) const;
  void UpdateBallots();
  NodeSet Change(size_t group, NodeSet from, NodeSet to);
  void Decide(Address& address, absl::Time now);
  absl::Time Grant(const Address& address, int elected, absl::Time now) const;
  bool IsContested(const Address& address, absl::Time now) const;
  void Acquire(Address& address, absl::Time now);
  void Stop(Address& address, Event::Kind kind, absl::Time now, NodeId peer = 0);
  void ForgetSilent(absl::Time now);

  NodeId id() const { return nodes_[0].id; }
  size_t known_count() const;
  size_t quorum() const;
  void PutClaims(Heartbeat& heartbeat);
  const Ballot* MyBallot(GroupId group) const;
  static int Elected(const Address& address, NodeSet candidates);
  void Rank();

  const ElectionConfig config_;
  std::vector<Peer> nodes_;  // [0] is this node, of which only id and name are used
  std::vector<Address> addresses_;
  std::vector<GroupId> groups_;
  Fitness fitness_;
  std::optional<std::vector<NodeId>> members_;

  absl::Time advanced_at_;
  absl::Time silent_until_;  // elects nobody
  absl::Time fit_since_ = absl::InfiniteFuture();
  bool settled_ = false;
  Standing standing_ = Standing::kOut;
  NodeSet alive_ = 1;
  std::vector<Ballot> ballots_;
  absl::Time ballots_due_ = absl::InfiniteFuture();  // a change that waits

  uint64_t sequence_ = 0;
  std::array<Sent, 128> sent_;
  absl::Time sent_at_ = absl::InfinitePast();
  bool news_ = true;
  size_t claim_cursor_ = 0;
  std::vector<Event> events_;
};

}  // namespace sluice::election
