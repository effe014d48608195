#include "control/election/peer.h"

#include <algorithm>

namespace sluice::election {
namespace {

// A node with more addresses than a heartbeat holds names each of them in turn; what it has given
// up is forgotten only so late, and blocks nobody but by its own ballot.
constexpr size_t kMostClaims = 1024;

}  // namespace

const Ballot* Peer::FindBallot(GroupId group) const {
  const auto found = std::ranges::find(ballots, group, &Ballot::group);
  return found == ballots.end() ? nullptr : &*found;
}

const Heartbeat::Claim* Peer::FindClaim(const AddressKey& address) const {
  const auto found = std::ranges::find(claims, address, &Heartbeat::Claim::address);
  return found == claims.end() ? nullptr : &*found;
}

void Peer::TakeClaims(const Heartbeat& heartbeat) {
  if (heartbeat.all_claims) {
    claims = heartbeat.claims;
    return;
  }
  for (const Heartbeat::Claim& claim : heartbeat.claims) {
    std::erase_if(claims, [&](const auto& old) { return old.address == claim.address; });
    claims.push_back(claim);
  }
  if (claims.size() > kMostClaims) claims.erase(claims.begin(), claims.end() - kMostClaims);
}

void Peer::Reset(uint64_t new_boot) {
  boot = new_boot;
  sequence = proved_sequence = 0;
  heard_at = proved_at = support = absl::InfinitePast();
  standing = Standing::kOut;
  ballots.clear();
  claims.clear();
}

}  // namespace sluice::election
