// What one node knows of another from its heartbeats. Part of Election, one thread.
//
// A heartbeat of the peer that says "I heard yours number s" proves that the link works both ways,
// and that nothing of it is older than our number s: a recording of it proves nothing later on.
// Only such proofs keep a peer alive and give its ballot weight; what is merely heard counts for
// claims alone.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/election/heartbeat.h"

namespace sluice::election {

// Of nodes, by their place in Election's list; bit 0 is this node.
using NodeSet = uint32_t;

constexpr NodeSet Bit(size_t node) { return NodeSet{1} << node; }

struct Ballot {
  GroupId group = 0;
  bool member = false;
  NodeSet candidates = 0;

  bool operator==(const Ballot&) const = default;
};

struct Peer {
  NodeId id = 0;
  std::string name;
  bool known = false;  // counts for the majority; else a stranger that has proved nothing yet
  absl::Time met_at = absl::InfinitePast();
  uint64_t boot = 0;
  uint64_t sequence = 0;  // the highest heard
  absl::Time heard_at = absl::InfinitePast();
  absl::Time proved_at = absl::InfinitePast();
  uint64_t proved_sequence = 0;
  // When we sent the heartbeat on whose strength it supports us; InfinitePast: it does not.
  absl::Time support = absl::InfinitePast();
  Standing standing = Standing::kOut;
  std::vector<Ballot> ballots;
  // When it was put on our ballot of a group, or taken from it alive; by the group's place.
  std::array<absl::Time, kMaxGroups> ballot_changed_at = [] {
    std::array<absl::Time, kMaxGroups> never;
    never.fill(absl::InfinitePast());
    return never;
  }();
  std::vector<Heartbeat::Claim> claims;

  // Until then our promise binds: what we sent last may still make it renew.
  bool alive(absl::Time now, absl::Duration dead_after) const {
    return known && now < proved_at + dead_after;
  }
  const Ballot* FindBallot(GroupId group) const;
  const Heartbeat::Claim* FindClaim(const AddressKey& address) const;
  // Takes what the heartbeat claims; a part replaces what it names.
  void TakeClaims(const Heartbeat& heartbeat);
  // A new process of the node: nothing of the old one counts.
  void Reset(uint64_t new_boot);
};

}  // namespace sluice::election
