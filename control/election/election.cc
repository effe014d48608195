#include "control/election/election.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/election/rendezvous.h"

namespace sluice::election {
namespace {

constexpr size_t kMaxNodes = kMaxPeers + 1;

bool IsNewer(uint64_t epoch, NodeId node, uint64_t than_epoch, NodeId than_node) {
  return std::pair(epoch, node) > std::pair(than_epoch, than_node);
}

}  // namespace

Election::Election(const ElectionConfig& config, const Self& self,
                   const std::vector<std::string>& known, absl::Time now)
    : config_(config), advanced_at_(now), silent_until_(now + config.dead_after) {
  nodes_.push_back({.id = IdOf(self.name), .name = self.name, .known = true, .boot = self.boot});
  for (const std::string& name : known) {
    if (IdOf(name) == id() || nodes_.size() == kMaxNodes) continue;
    nodes_.push_back({.id = IdOf(name), .name = name, .known = true, .met_at = now});
  }
}

// ---- inputs ------------------------------------------------------------------------------------

absl::Status Election::SetAddresses(const std::vector<ElectedAddress>& addresses) {
  std::vector<GroupId> groups;
  for (const ElectedAddress& entry : addresses) groups.push_back(entry.group);
  std::ranges::sort(groups);
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  const size_t dropped = groups.size() - std::min(groups.size(), kMaxGroups);
  groups.resize(groups.size() - dropped);
  if (groups_ != groups) {
    for (Peer& node : nodes_) node.ballot_changed_at.fill(absl::InfinitePast());
  }
  groups_ = std::move(groups);

  std::vector<Address> former = std::exchange(addresses_, {});
  for (const ElectedAddress& entry : addresses) {
    if (!std::ranges::binary_search(groups_, entry.group)) continue;
    const auto old =
        std::ranges::find(former, entry.address, [](const Address& a) { return a.entry.address; });
    addresses_.push_back(old == former.end() ? Address{} : *old);
    addresses_.back().entry = entry;
    if (old != former.end()) old->held = false;  // not given up
  }
  for (Address& gone : former) {
    if (gone.held) Stop(gone, Event::Kind::kLapsed, advanced_at_);
  }
  Rank();
  if (dropped == 0) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("addresses of ", dropped,
                                                   " node selectors are not announced: at most ",
                                                   kMaxGroups, " different ones"));
}

void Election::SetFitness(const Fitness& fitness) { fitness_ = fitness; }

void Election::SetMembers(const std::vector<std::string>& names) {
  members_.emplace();
  for (const std::string& name : names) {
    const NodeId node = IdOf(name);
    members_->push_back(node);
    const auto found = std::ranges::find(nodes_, node, &Peer::id);
    if (found != nodes_.end()) {
      found->known = true;
      found->name = name;
    } else if (nodes_.size() < kMaxNodes) {
      nodes_.push_back({.id = node, .name = name, .known = true, .met_at = advanced_at_});
    }
  }
  Rank();
}

void Election::Receive(const Heartbeat& heartbeat, absl::Time now) {
  if (heartbeat.sender == id()) {
    if (heartbeat.boot != nodes_[kMe].boot) events_.push_back({.kind = Event::Kind::kNameTaken});
    return;  // else our own, looped back
  }
  Peer* peer = FindOrMeet(heartbeat);
  if (peer == nullptr || !IsNews(*peer, heartbeat, now)) return;
  if (peer->boot != heartbeat.boot) peer->Reset(heartbeat.boot);
  peer->sequence = heartbeat.sequence;
  peer->heard_at = now;
  peer->standing = heartbeat.standing;
  const Heartbeat::Peer* me = AboutMe(heartbeat);
  const absl::Time answered = me == nullptr ? absl::InfinitePast() : SentAt(me->heard);
  peer->support = me != nullptr && me->supported ? answered : absl::InfinitePast();
  if (answered + config_.dead_after > now) {
    peer->known = true;
    peer->proved_at = now;
    peer->proved_sequence = heartbeat.sequence;
  }
  TakeBallots(*peer, heartbeat);
  TakeClaims(*peer, heartbeat, now);
}

Peer* Election::FindOrMeet(const Heartbeat& heartbeat) {
  const auto found = std::ranges::find(nodes_, heartbeat.sender, &Peer::id);
  if (found != nodes_.end()) {
    if (found->name.empty()) found->name = heartbeat.name;
    return &*found;
  }
  if (nodes_.size() == kMaxNodes) return nullptr;
  nodes_.push_back({.id = heartbeat.sender, .name = heartbeat.name, .met_at = advanced_at_});
  Rank();
  return &nodes_.back();
}

// A new process of a node is not heard while a promise to the old one binds. Its boot is greater;
// or, after its clock was set back, it proves that it is no recording.
bool Election::IsNews(Peer& peer, const Heartbeat& heartbeat, absl::Time now) const {
  if (heartbeat.boot == peer.boot) return heartbeat.sequence > peer.sequence;
  if (peer.alive(now, config_.dead_after)) return false;
  if (heartbeat.boot > peer.boot) return true;
  const Heartbeat::Peer* me = AboutMe(heartbeat);
  return me != nullptr && SentAt(me->heard) + config_.dead_after > now;
}

const Heartbeat::Peer* Election::AboutMe(const Heartbeat& heartbeat) const {
  for (const Heartbeat::Peer& peer : heartbeat.peers) {
    if (peer.node == id() && peer.boot == nodes_[kMe].boot) return &peer;
  }
  return nullptr;
}

absl::Time Election::SentAt(uint64_t sequence) const {
  const Sent& sent = sent_[sequence % sent_.size()];
  return sequence != 0 && sent.sequence == sequence ? sent.at : absl::InfinitePast();
}

// From the sender's numbering of nodes into ours.
void Election::TakeBallots(Peer& peer, const Heartbeat& heartbeat) const {
  std::array<NodeSet, kMaxNodes> ours = {};
  for (size_t i = 0; i <= heartbeat.peers.size(); ++i) {
    const bool sender = i == heartbeat.peers.size();
    const NodeId node = sender ? heartbeat.sender : heartbeat.peers[i].node;
    const auto found = std::ranges::find(nodes_, node, &Peer::id);
    if (found == nodes_.end()) continue;
    ours[sender ? kMaxPeers : i] = Bit(static_cast<size_t>(found - nodes_.begin()));
  }
  peer.ballots.clear();
  for (const Heartbeat::Group& group : heartbeat.groups) {
    Ballot& ballot = peer.ballots.emplace_back();
    ballot.group = group.id;
    ballot.member = group.member;
    for (NodeSet rest = group.candidates; rest != 0; rest &= rest - 1) {
      ballot.candidates |= ours[static_cast<size_t>(std::countr_zero(rest))];
    }
  }
}

void Election::TakeClaims(Peer& peer, const Heartbeat& heartbeat, absl::Time now) {
  peer.TakeClaims(heartbeat);
  const int sender = static_cast<int>(&peer - nodes_.data());
  for (const Heartbeat::Claim& claim : heartbeat.claims) {
    for (Address& address : addresses_) {
      if (address.entry.address != claim.address) continue;
      if (address.held && IsNewer(claim.epoch, peer.id, address.epoch, id())) {
        const Ballot* mine = MyBallot(address.entry.group);
        const bool wanted = mine != nullptr && Elected(address, mine->candidates) == sender;
        Stop(address, wanted ? Event::Kind::kHandover : Event::Kind::kContested, now, peer.id);
      }
      address.epoch = std::max(address.epoch, claim.epoch);
    }
  }
}

// ---- decisions ---------------------------------------------------------------------------------

void Election::Advance(absl::Time now) {
  now = std::max(now, advanced_at_);
  // Stood still: for all we know others have taken over.
  if (now - advanced_at_ > config_.lease) silent_until_ = now + config_.dead_after;
  advanced_at_ = now;
  ForgetSilent(now);
  UpdateAlive(now);
  UpdateStanding(now);
  UpdateBallots();
  for (Address& address : addresses_) Decide(address, now);
}

void Election::UpdateAlive(absl::Time now) {
  NodeSet alive = Bit(kMe);
  for (size_t i = 1; i < nodes_.size(); ++i) {
    if (nodes_[i].alive(now, config_.dead_after)) alive |= Bit(i);
  }
  news_ |= alive != alive_;
  alive_ = alive;
}

// A node that hears no majority is no candidate: it would take votes and win nothing.
void Election::UpdateStanding(absl::Time now) {
  const Standing former = standing_;
  const bool heard = static_cast<size_t>(std::popcount(alive_)) >= quorum();
  if (!fitness_.fit() || !heard || now < silent_until_) {
    standing_ = Standing::kOut;
  } else if (fitness_.draining) {
    standing_ = Standing::kLastResort;
  } else {
    fit_since_ = std::min(fit_since_, now);
    settled_ |= now - fit_since_ >= config_.settle;
    standing_ = settled_ ? Standing::kSettled : Standing::kProbation;
  }
  if (standing_ < Standing::kProbation) {
    fit_since_ = absl::InfiniteFuture();
    settled_ = false;
  }
  news_ |= standing_ != former;
}

// The best of those that may own the group's addresses.
NodeSet Election::Candidates(const Ballot& mine) const {
  if (advanced_at_ < silent_until_) return 0;
  NodeSet candidates = 0;
  Standing best = Standing::kLastResort;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Ballot* theirs = i == kMe ? &mine : nodes_[i].FindBallot(mine.group);
    const Standing standing = i == kMe ? standing_ : nodes_[i].standing;
    if (!(alive_ & Bit(i)) || theirs == nullptr || !theirs->member || standing < best) continue;
    if (standing > best) candidates = 0;
    best = standing;
    candidates |= Bit(i);
  }
  return candidates;
}

void Election::UpdateBallots() {
  std::vector<Ballot> ballots;
  ballots_due_ = absl::InfiniteFuture();
  for (size_t group = 0; group < groups_.size(); ++group) {
    const Ballot* former = MyBallot(groups_[group]);
    Ballot& ballot = ballots.emplace_back(former == nullptr ? Ballot{} : *former);
    ballot.group = groups_[group];
    ballot.member = std::ranges::any_of(addresses_, [&](const Address& address) {
      return address.entry.group == ballot.group && address.entry.may_own;
    });
    ballot.candidates = Change(group, ballot.candidates, Candidates(ballot));
  }
  news_ |= ballots != ballots_;
  ballots_ = std::move(ballots);
}

// Who has lost a vote may hold what it had for a lease. So a node that was put on the ballot, or
// taken from it, stays there for so long, unless it is dead: votes that go to and fro would feed
// two owners.
NodeSet Election::Change(size_t group, NodeSet from, NodeSet to) {
  NodeSet changed = from & alive_;
  for (NodeSet rest = changed ^ to; rest != 0; rest &= rest - 1) {
    const auto node = static_cast<size_t>(std::countr_zero(rest));
    absl::Time& changed_at = nodes_[node].ballot_changed_at[group];
    if (advanced_at_ < changed_at + config_.dead_after) {
      ballots_due_ = std::min(ballots_due_, changed_at + config_.dead_after);
      continue;
    }
    changed_at = advanced_at_;
    changed ^= Bit(node);
  }
  return changed;
}

void Election::Decide(Address& address, absl::Time now) {
  const bool alone = known_count() == 1;
  if (address.alone && !alone) address.until = std::min(address.until, now + config_.lease);
  address.alone = alone;
  const Ballot* mine = MyBallot(address.entry.group);
  const int elected = mine == nullptr ? kNobody : Elected(address, mine->candidates);
  const absl::Time grant = Grant(address, elected, now);
  if (grant > now && !address.held && !IsContested(address, now)) Acquire(address, now);
  if (!address.held) return;
  address.until = std::max(address.until, grant);
  if (now >= address.until) Stop(address, Event::Kind::kLapsed, now);
}

// Until when those who elect this node have agreed to it.
absl::Time Election::Grant(const Address& address, int elected, absl::Time now) const {
  if (elected != kMe || standing_ == Standing::kOut) return absl::InfinitePast();
  if (address.alone) return now + config_.lone_lease;
  std::array<absl::Time, kMaxNodes> votes;
  size_t count = 0;
  votes[count++] = now;
  for (size_t i = 1; i < nodes_.size(); ++i) {
    const Peer& peer = nodes_[i];
    const Ballot* theirs = peer.known ? peer.FindBallot(address.entry.group) : nullptr;
    if (theirs == nullptr || Elected(address, theirs->candidates) != kMe) continue;
    votes[count++] = peer.support;
  }
  if (count < quorum()) return absl::InfinitePast();
  std::sort(votes.begin(), votes.begin() + count, std::greater<>());
  return votes[quorum() - 1] + config_.lease;
}

// Somebody who can be heard, perhaps without hearing us, has it and would keep it.
bool Election::IsContested(const Address& address, absl::Time now) const {
  for (size_t i = 1; i < nodes_.size(); ++i) {
    const Peer& peer = nodes_[i];
    if (now >= peer.heard_at + config_.dead_after) continue;
    if (peer.FindClaim(address.entry.address) == nullptr) continue;
    const Ballot* theirs = peer.FindBallot(address.entry.group);
    if (theirs != nullptr && Elected(address, theirs->candidates) == static_cast<int>(i))
      return true;
  }
  return false;
}

void Election::Acquire(Address& address, absl::Time now) {
  address.held = true;
  address.told = false;
  ++address.epoch;
  address.moved_at = now;
  settled_ |= standing_ == Standing::kProbation;  // there was none better
  news_ = true;
  events_.push_back({.kind = Event::Kind::kTakeover, .address = address.entry.address});
}

void Election::Stop(Address& address, Event::Kind kind, absl::Time now, NodeId peer) {
  address.held = false;
  address.until = absl::InfinitePast();
  address.moved_at = now;
  news_ = true;
  events_.push_back({.kind = kind, .address = address.entry.address, .peer = peer});
}

void Election::ForgetSilent(absl::Time now) {
  const size_t before = nodes_.size();
  std::erase_if(nodes_, [&](const Peer& peer) {
    if (&peer == nodes_.data() || peer.alive(now, config_.dead_after)) return false;
    const absl::Duration silent = now - std::max(peer.heard_at, peer.met_at);
    if (!peer.known) return silent > 10 * config_.dead_after;
    if (!members_) return silent > config_.forget;
    return std::ranges::find(*members_, peer.id) == members_->end();
  });
  if (nodes_.size() == before) return;
  // The others have moved up: what is said by place is void until it is said again.
  for (Peer& node : nodes_) {
    node.ballots.clear();
    node.ballot_changed_at.fill(absl::InfinitePast());
  }
  for (Ballot& ballot : ballots_) ballot.candidates = 0;
  Rank();
}

size_t Election::known_count() const {
  return static_cast<size_t>(std::ranges::count(nodes_, true, &Peer::known));
}

size_t Election::quorum() const {
  const size_t known = known_count();
  return known <= 2 ? 1 : known / 2 + 1;
}

const Ballot* Election::MyBallot(GroupId group) const {
  const auto found = std::ranges::find(ballots_, group, &Ballot::group);
  return found == ballots_.end() ? nullptr : &*found;
}

int Election::Elected(const Address& address, NodeSet candidates) {
  if (candidates == 0) return kNobody;
  for (const uint8_t node : address.preference) {
    if (candidates & Bit(node)) return node;
  }
  return kNobody;
}

void Election::Rank() {
  std::vector<NodeId> ids;
  for (const Peer& node : nodes_) ids.push_back(node.id);
  for (Address& address : addresses_) {
    address.preference = Preference(address.entry.address, ids);
  }
  news_ = true;
}

}  // namespace sluice::election
