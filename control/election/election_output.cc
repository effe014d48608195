// What an Election says: to the LAN, to the packet path, to people.
#include <algorithm>
#include <utility>

#include "control/election/election.h"

namespace sluice::election {
namespace {

// More claims fit where there are fewer peers: a heartbeat is one unfragmented datagram.
size_t ClaimRoom(size_t peers) { return std::min(kMaxClaims, 10 + kMaxPeers - peers); }

}  // namespace

absl::Time Election::NextDue() const {
  absl::Time due = sent_at_ + (news_ ? config_.min_gap : config_.interval);
  const auto consider = [&](absl::Time time) {
    if (time > advanced_at_) due = std::min(due, time);
  };
  consider(silent_until_);
  consider(ballots_due_);
  if (!settled_) consider(fit_since_ + config_.settle);
  for (const Peer& node : nodes_) consider(node.proved_at + config_.dead_after);
  for (const Address& address : addresses_) {
    if (address.held) consider(address.until);
  }
  return due;
}

std::optional<Heartbeat> Election::TakeHeartbeat(absl::Time now) {
  if (now < sent_at_ + (news_ ? config_.min_gap : config_.interval)) return std::nullopt;
  news_ = false;
  sent_at_ = now;
  ++sequence_;
  sent_[sequence_ % sent_.size()] = {sequence_, now};
  Heartbeat heartbeat{.sender = id(),
                      .name = nodes_[kMe].name.substr(0, kMaxNameBytes),
                      .boot = nodes_[kMe].boot,
                      .sequence = sequence_,
                      .standing = standing_};
  for (size_t i = 1; i < nodes_.size(); ++i) {
    const Peer& peer = nodes_[i];
    const bool supported = alive_ & Bit(i);
    heartbeat.peers.push_back({.node = peer.id,
                               .boot = peer.boot,
                               .heard = supported ? peer.proved_sequence : peer.sequence,
                               .supported = supported});
  }
  for (const Ballot& ballot : ballots_) {
    const NodeSet me = ballot.candidates & Bit(kMe) ? NodeSet{1} << kMaxPeers : 0;
    heartbeat.groups.push_back(
        {.id = ballot.group, .member = ballot.member, .candidates = ballot.candidates >> 1 | me});
  }
  PutClaims(heartbeat);
  return heartbeat;
}

// New ones first, then the others in turn.
void Election::PutClaims(Heartbeat& heartbeat) {
  const size_t room = ClaimRoom(heartbeat.peers.size());
  const auto put = [&](Address& address) {
    address.told = true;
    heartbeat.claims.push_back({address.entry.address, address.epoch});
  };
  size_t held = 0;
  for (Address& address : addresses_) {
    if (!address.held) continue;
    ++held;
    if (!address.told && heartbeat.claims.size() < room) put(address);
    news_ |= !address.told;
  }
  const size_t fresh = heartbeat.claims.size();
  for (size_t i = 0; i < addresses_.size() && heartbeat.claims.size() < std::min(room, held); ++i) {
    claim_cursor_ = (claim_cursor_ + 1) % addresses_.size();
    Address& address = addresses_[claim_cursor_];
    const auto end = heartbeat.claims.begin() + static_cast<std::ptrdiff_t>(fresh);
    const bool put_before =
        std::find_if(heartbeat.claims.begin(), end, [&](const Heartbeat::Claim& claim) {
          return claim.address == address.entry.address;
        }) != end;
    if (address.held && address.told && !put_before) put(address);
  }
  heartbeat.all_claims = heartbeat.claims.size() == held;
}

std::vector<Election::Holding> Election::Holdings() const {
  std::vector<Holding> holdings;
  for (const Address& address : addresses_) {
    if (address.held) holdings.push_back({address.entry.address, address.until});
  }
  return holdings;
}

bool Election::holds_any() const { return std::ranges::any_of(addresses_, &Address::held); }

std::vector<Event> Election::TakeEvents() { return std::exchange(events_, {}); }

std::vector<std::string> Election::KnownNodes() const {
  std::vector<std::string> names;
  for (size_t i = 1; i < nodes_.size(); ++i) {
    if (nodes_[i].known) names.push_back(nodes_[i].name);
  }
  return names;
}

std::vector<NodeState> Election::Nodes(absl::Time now) const {
  std::vector<NodeState> states;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Peer& node = nodes_[i];
    const bool me = i == kMe;
    states.push_back({.name = node.name,
                      .id = node.id,
                      .known = node.known,
                      .alive = (alive_ & Bit(i)) != 0,
                      .standing = me ? standing_ : node.standing,
                      .unheard = me ? absl::ZeroDuration() : now - node.heard_at});
  }
  return states;
}

std::vector<AddressState> Election::Addresses(absl::Time now) const {
  std::vector<AddressState> states;
  for (const Address& address : addresses_) {
    AddressState& state = states.emplace_back();
    state.address = address.entry.address;
    state.owned = address.held;
    state.epoch = address.epoch;
    state.moved_at = address.moved_at;
    if (address.held) state.owner = nodes_[kMe].name;
    for (const Peer& peer : nodes_) {
      const Heartbeat::Claim* claim = peer.FindClaim(address.entry.address);
      const bool heard = now < peer.heard_at + config_.dead_after;
      if (state.owner.empty() && heard && claim != nullptr) state.owner = peer.name;
    }
    const Ballot* mine = MyBallot(address.entry.group);
    for (const uint8_t node : address.preference) {
      if (mine != nullptr && mine->candidates & Bit(node))
        state.candidates.push_back(nodes_[node].name);
    }
  }
  return states;
}

}  // namespace sluice::election
