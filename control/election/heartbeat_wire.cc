#include "control/election/heartbeat_wire.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"

namespace sluice::election {
namespace {

constexpr std::array<uint8_t, 4> kMagic = {'S', 'L', 'H', 'B'};
constexpr size_t kHeadBytes = 12 + 3 * 8;
constexpr size_t kPeerBytes = 25, kGroupBytes = 13, kClaimBytes = 24;
constexpr size_t kSignatureBytes = 4 + kMacBytes;
constexpr uint8_t kAllClaims = 1, kSupported = 1, kMember = 1;
// Epochs count moves; one that leaves no room above it would win for ever.
constexpr uint64_t kMostEpochs = uint64_t{1} << 62;

static_assert(kHeadBytes + kMaxNameBytes + kMaxPeers * kPeerBytes + kMaxGroups * kGroupBytes +
                  10 * kClaimBytes + kMaxKeys * kSignatureBytes <=
              kMaxHeartbeatBytes);

void Put(std::vector<uint8_t>& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<uint8_t>(value >> shift));
  }
}

// Reads from the front. Callers have checked the size.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint64_t Number(size_t size) {
    uint64_t value = 0;
    for (const uint8_t byte : Take(size)) value = value << 8 | byte;
    return value;
  }
  std::span<const uint8_t> Take(size_t size) {
    const std::span<const uint8_t> taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }

 private:
  std::span<const uint8_t> bytes_;
};

struct Head {
  uint8_t flags = 0, standing = 0, name = 0, peers = 0, groups = 0, claims = 0, signatures = 0;

  size_t signed_bytes() const {
    return kHeadBytes + name + peers * kPeerBytes + groups * kGroupBytes + claims * kClaimBytes;
  }
  bool in_bounds() const {
    return flags <= kAllClaims && standing <= static_cast<uint8_t>(Standing::kSettled) &&
           name <= kMaxNameBytes && peers <= kMaxPeers && groups <= kMaxGroups &&
           claims <= kMaxClaims && signatures <= kMaxKeys;
  }
};

bool IsNameByte(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_'; }

// Bits of peers that are not there would be nobody's.
bool IsOfPeers(uint32_t candidates, size_t peers) {
  const uint32_t sender = uint32_t{1} << kMaxPeers;
  return ((candidates & ~sender) >> peers) == 0;
}

bool ReadBody(Reader& reader, const Head& head, Heartbeat& out) {
  out.sender = reader.Number(8);
  out.boot = reader.Number(8);
  out.sequence = reader.Number(8);
  const auto name = reader.Take(head.name);
  out.name.assign(name.begin(), name.end());
  bool well = out.sender != 0 && out.sequence != 0 && std::ranges::all_of(out.name, &IsNameByte);
  out.standing = static_cast<Standing>(head.standing);
  out.all_claims = head.flags & kAllClaims;
  out.peers.resize(head.peers);
  for (Heartbeat::Peer& peer : out.peers) {
    peer.node = reader.Number(8);
    peer.boot = reader.Number(8);
    peer.heard = reader.Number(8);
    const uint64_t flags = reader.Number(1);
    peer.supported = flags & kSupported;
    well &= flags <= kSupported;
  }
  out.groups.resize(head.groups);
  for (Heartbeat::Group& group : out.groups) {
    group.id = reader.Number(8);
    group.candidates = static_cast<uint32_t>(reader.Number(4));
    const uint64_t flags = reader.Number(1);
    group.member = flags & kMember;
    well &= flags <= kMember && IsOfPeers(group.candidates, head.peers);
  }
  out.claims.resize(head.claims);
  for (Heartbeat::Claim& claim : out.claims) {
    std::ranges::copy(reader.Take(claim.address.size()), claim.address.begin());
    claim.epoch = reader.Number(8);
    well &= claim.epoch < kMostEpochs;
  }
  return well;
}

bool IsSigned(std::span<const uint8_t> body, Reader signatures, size_t count,
              const HeartbeatKeys& keys) {
  bool fits = false;
  for (size_t i = 0; i < count; ++i) {
    HeartbeatKeys::Signature signature;
    signature.key = static_cast<uint32_t>(signatures.Number(4));
    std::ranges::copy(signatures.Take(kMacBytes), signature.mac.begin());
    fits = fits || keys.Verify(body, signature);
  }
  return fits;
}

}  // namespace

std::vector<uint8_t> Encode(const Heartbeat& heartbeat, const HeartbeatKeys& keys) {
  std::vector<uint8_t> out(kMagic.begin(), kMagic.end());
  out.reserve(kMaxHeartbeatBytes);
  for (const size_t octet :
       {size_t{kHeartbeatVersion}, size_t{heartbeat.all_claims}, size_t(heartbeat.standing),
        heartbeat.name.size(), heartbeat.peers.size(), heartbeat.groups.size(),
        heartbeat.claims.size(), keys.size()}) {
    Put(out, octet, 1);
  }
  for (const uint64_t number : {heartbeat.sender, heartbeat.boot, heartbeat.sequence})
    Put(out, number, 8);
  out.insert(out.end(), heartbeat.name.begin(), heartbeat.name.end());
  for (const Heartbeat::Peer& peer : heartbeat.peers) {
    for (const uint64_t number : {peer.node, peer.boot, peer.heard}) Put(out, number, 8);
    Put(out, peer.supported, 1);
  }
  for (const Heartbeat::Group& group : heartbeat.groups) {
    Put(out, group.id, 8);
    Put(out, group.candidates, 4);
    Put(out, group.member, 1);
  }
  for (const Heartbeat::Claim& claim : heartbeat.claims) {
    out.insert(out.end(), claim.address.begin(), claim.address.end());
    Put(out, claim.epoch, 8);
  }
  for (const HeartbeatKeys::Signature& signature : keys.Sign(out)) {
    Put(out, signature.key, 4);
    out.insert(out.end(), signature.mac.begin(), signature.mac.end());
  }
  return out;
}

HeartbeatError Decode(std::span<const uint8_t> bytes, const HeartbeatKeys& keys,
                      Heartbeat& heartbeat) {
  if (bytes.size() < kHeadBytes || bytes.size() > kMaxHeartbeatBytes)
    return HeartbeatError::kMalformed;
  Reader reader(bytes);
  if (!std::ranges::equal(reader.Take(kMagic.size()), kMagic)) return HeartbeatError::kMalformed;
  if (reader.Number(1) != kHeartbeatVersion) return HeartbeatError::kOtherVersion;
  Head head;
  for (uint8_t* field : {&head.flags, &head.standing, &head.name, &head.peers, &head.groups,
                         &head.claims, &head.signatures}) {
    *field = static_cast<uint8_t>(reader.Number(1));
  }
  const size_t body = head.signed_bytes();
  if (!head.in_bounds() || bytes.size() != body + head.signatures * kSignatureBytes) {
    return HeartbeatError::kMalformed;
  }
  if (!IsSigned(bytes.first(body), Reader(bytes.subspan(body)), head.signatures, keys)) {
    return HeartbeatError::kForeign;
  }
  Heartbeat read;
  if (!ReadBody(reader, head, read)) return HeartbeatError::kMalformed;
  heartbeat = std::move(read);
  return HeartbeatError::kNone;
}

}  // namespace sluice::election
