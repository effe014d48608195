// What a node tells the others on the LAN every few tens of milliseconds: whom it hears, whom it
// would elect, which addresses it answers for. Plain data; the wire form is in heartbeat_wire.h.
//
// There are no votes by address: the candidates of each group are the sender's ballot, and with
// rendezvous.h everybody works out whom it elects for each address. So a heartbeat grows with the
// nodes, not with the addresses.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::election {

using NodeId = uint64_t;                     // of a node's name: see rendezvous.h
using GroupId = uint64_t;                    // addresses that the same nodes may own
using AddressKey = std::array<uint8_t, 16>;  // IPv4 in its IPv4-mapped form

inline constexpr size_t kMaxPeers = 31;  // of one node: 32 nodes share a LAN
inline constexpr size_t kMaxGroups = 16;
inline constexpr size_t kMaxClaims = 32;     // in one heartbeat; more take turns
inline constexpr size_t kMaxNameBytes = 63;  // of a name on the wire, which is for people

// How good a candidate the sender is; the best that there are share the addresses.
enum class Standing : uint8_t {
  kOut = 0,         // owns nothing new, elects nobody
  kLastResort = 1,  // draining: only if nobody else can
  kProbation = 2,   // serves, but not yet for long
  kSettled = 3,
};

struct Heartbeat {
  struct Peer {
    NodeId node = 0;
    uint64_t boot = 0;
    uint64_t heard = 0;      // sequence of a heartbeat of its; 0: none
    bool supported = false;  // the sender's ballot counts for this node, on the strength of `heard`

    bool operator==(const Peer&) const = default;
  };
  struct Group {
    GroupId id = 0;
    bool member = false;      // the sender may own addresses of the group
    uint32_t candidates = 0;  // bit i: peers[i]; bit kMaxPeers: the sender

    bool operator==(const Group&) const = default;
  };
  struct Claim {
    AddressKey address = {};
    uint64_t epoch = 0;

    bool operator==(const Claim&) const = default;
  };

  NodeId sender = 0;
  std::string name;
  uint64_t boot = 0;      // of the sender's process; a later one is greater
  uint64_t sequence = 0;  // grows with each heartbeat of a boot, from 1
  Standing standing = Standing::kOut;
  std::vector<Peer> peers;
  std::vector<Group> groups;
  bool all_claims = true;     // else `claims` is a part of them
  std::vector<Claim> claims;  // addresses that the sender answers for

  bool operator==(const Heartbeat&) const = default;
};

}  // namespace sluice::election
