// What a stranger on the LAN can send to the heartbeat port. As it is: the decoder refuses it. Then
// signed, as one who has the key could: what the decoder takes encodes to the same bytes, and an
// election that hears it, many times over, keeps its bounds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/log/check.h"
#include "absl/time/time.h"
#include "control/election/election.h"
#include "control/election/heartbeat_wire.h"

namespace {

using sluice::election::Decode;
using sluice::election::Election;
using sluice::election::Heartbeat;
using sluice::election::HeartbeatError;
using sluice::election::HeartbeatKeys;

constexpr size_t kSignatures = 11;  // their count, in the head
constexpr size_t kMostNodes = sluice::election::kMaxPeers + 1;

const HeartbeatKeys& Keys() {
  static const auto* const kKeys =
      new HeartbeatKeys(HeartbeatKeys::Parse("the-key-of-the-fuzz-target").value());
  return *kKeys;
}

// The input with one signature by our key behind it.
std::vector<uint8_t> Sign(std::span<const uint8_t> input) {
  std::vector<uint8_t> bytes(input.begin(), input.end());
  if (bytes.size() > kSignatures) bytes[kSignatures] = 1;
  for (const HeartbeatKeys::Signature& signature : Keys().Sign(bytes)) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(uint8_t(signature.key >> shift));
    bytes.insert(bytes.end(), signature.mac.begin(), signature.mac.end());
  }
  return bytes;
}

void Hear(const Heartbeat& heartbeat) {
  absl::Time now = absl::UnixEpoch() + absl::Hours(1);
  Election election({}, {.name = "node", .boot = 1}, {"other"}, now);
  CHECK_OK(election.SetAddresses({{.address = {1}, .group = 1}, {.address = {2}, .group = 2}}));
  election.SetFitness({.proxy_answers = true, .applied = true, .link_up = true});
  Heartbeat next = heartbeat;
  for (int i = 0; i < 20; ++i) {
    election.Receive(next, now);
    ++next.sequence;
    ++next.sender;
    election.Advance(now);
    if (const auto sent = election.TakeHeartbeat(now)) {
      CHECK_LE(Encode(*sent, Keys()).size(), sluice::election::kMaxHeartbeatBytes);
    }
    CHECK_LE(election.Nodes(now).size(), kMostNodes);
    now += absl::Milliseconds(20);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  Heartbeat heartbeat;
  CHECK(Decode(input, Keys(), heartbeat) != HeartbeatError::kNone);
  const std::vector<uint8_t> bytes = Sign(input);
  if (Decode(bytes, Keys(), heartbeat) != HeartbeatError::kNone) return 0;
  CHECK(std::ranges::equal(Encode(heartbeat, Keys()), bytes));
  Hear(heartbeat);
  return 0;
}
