#include "control/election/heartbeat_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sluice::election {
namespace {

constexpr const char* kOld = "an-old-key-of-the-lan-0123456789";
constexpr const char* kNew = "a-new-key-of-the-lan-0123456789";

HeartbeatKeys Keys(std::string_view text) { return HeartbeatKeys::Parse(text).value(); }

Heartbeat Full() {
  Heartbeat heartbeat{.sender = 0x0102030405060708,
                      .name = "node-1.example_test",
                      .boot = 7,
                      .sequence = 9,
                      .standing = Standing::kProbation,
                      .all_claims = false};
  heartbeat.peers = {{.node = 11, .boot = 12, .heard = 13, .supported = true}, {.node = 14}};
  heartbeat.groups = {{.id = 21, .member = true, .candidates = 0x80000003}, {.id = 22}};
  heartbeat.claims = {
      {.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}, .epoch = 31}};
  return heartbeat;
}

Heartbeat Largest() {
  Heartbeat heartbeat{.sender = 1, .name = std::string(kMaxNameBytes, 'n'), .sequence = 1};
  heartbeat.peers.resize(kMaxPeers);
  heartbeat.groups.resize(kMaxGroups);
  heartbeat.claims.resize(10);
  return heartbeat;
}

TEST(HeartbeatWire, RoundTrips) {
  for (const Heartbeat& sent : {Heartbeat{.sender = 1, .sequence = 1}, Full(), Largest()}) {
    const std::vector<uint8_t> bytes = Encode(sent, Keys(absl::StrCat(kOld, "\n", kNew)));
    EXPECT_LE(bytes.size(), kMaxHeartbeatBytes);
    Heartbeat received;
    ASSERT_EQ(Decode(bytes, Keys(kNew), received), HeartbeatError::kNone);
    EXPECT_EQ(received, sent);
  }
}

TEST(HeartbeatWire, LayoutIsFixed) {
  const std::vector<uint8_t> bytes = Encode(Full(), HeartbeatKeys());
  const std::vector<uint8_t> head(bytes.begin(), bytes.begin() + 36);
  EXPECT_EQ(head, (std::vector<uint8_t>{'S', 'L', 'H', 'B', 1, 0, 2, 19, 2, 2, 1, 0,  // counts
                                        1,   2,   3,   4,   5, 6, 7, 8,               // sender
                                        0,   0,   0,   0,   0, 0, 0, 7,               // boot
                                        0,   0,   0,   0,   0, 0, 0, 9}));            // sequence
  EXPECT_EQ(bytes.size(), 36u + 19 + 2 * 25 + 2 * 13 + 24);
}

// While the key changes, nodes have one or both of them, in any order.
TEST(HeartbeatWire, KeysMayBeChangedInAnyOrder) {
  const std::string both = absl::StrCat(kNew, "\n", kOld, "\n");
  struct Row {
    std::string from, to;
    HeartbeatError error;
  };
  for (const Row& row :
       {Row{kOld, kOld, HeartbeatError::kNone}, Row{kOld, both, HeartbeatError::kNone},
        Row{both, kOld, HeartbeatError::kNone}, Row{both, kNew, HeartbeatError::kNone},
        Row{kNew, both, HeartbeatError::kNone}, Row{kNew, kNew, HeartbeatError::kNone},
        Row{kOld, kNew, HeartbeatError::kForeign}}) {
    Heartbeat received;
    EXPECT_EQ(Decode(Encode(Full(), Keys(row.from)), Keys(row.to), received), row.error)
        << row.from << " -> " << row.to;
  }
}

TEST(HeartbeatWire, WithoutAKeyNothingIsAccepted) {
  Heartbeat received;
  EXPECT_EQ(Decode(Encode(Full(), HeartbeatKeys()), HeartbeatKeys(), received),
            HeartbeatError::kForeign);
  EXPECT_EQ(Decode(Encode(Full(), HeartbeatKeys()), Keys(kOld), received),
            HeartbeatError::kForeign);
  EXPECT_EQ(Decode(Encode(Full(), Keys(kOld)), HeartbeatKeys(), received),
            HeartbeatError::kForeign);
  EXPECT_EQ(received, Heartbeat());
}

TEST(HeartbeatWire, EveryFlippedBitIsSeen) {
  const HeartbeatKeys keys = Keys(kOld);
  const std::vector<uint8_t> good = Encode(Full(), keys);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::vector<uint8_t> bad = good;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    Heartbeat received;
    EXPECT_NE(Decode(bad, keys, received), HeartbeatError::kNone) << bit;
  }
}

TEST(HeartbeatWire, EveryOtherLengthIsRefused) {
  const HeartbeatKeys keys = Keys(kOld);
  std::vector<uint8_t> bytes = Encode(Full(), keys);
  for (size_t size = 0; size < bytes.size(); ++size) {
    Heartbeat received;
    EXPECT_EQ(Decode(std::span(bytes).first(size), keys, received), HeartbeatError::kMalformed);
  }
  bytes.push_back(0);
  Heartbeat received;
  EXPECT_EQ(Decode(bytes, keys, received), HeartbeatError::kMalformed);
}

// Signed by one who has the key, and wrong all the same.
TEST(HeartbeatWire, RefusesWhatNoNodeSays) {
  const HeartbeatKeys keys = Keys(kOld);
  const std::vector<std::pair<const char*, std::function<void(Heartbeat&)>>> rows = {
      {"no sender", [](Heartbeat& h) { h.sender = 0; }},
      {"no sequence", [](Heartbeat& h) { h.sequence = 0; }},
      {"name", [](Heartbeat& h) { h.name = "a\nb"; }},
      {"long name", [](Heartbeat& h) { h.name.assign(kMaxNameBytes + 1, 'a'); }},
      {"standing", [](Heartbeat& h) { h.standing = static_cast<Standing>(4); }},
      {"peers", [](Heartbeat& h) { h.peers.resize(kMaxPeers + 1); }},
      {"groups", [](Heartbeat& h) { h.groups.resize(kMaxGroups + 1); }},
      {"claims", [](Heartbeat& h) { h.claims.resize(kMaxClaims + 1); }},
      {"a candidate that is no peer", [](Heartbeat& h) { h.groups[0].candidates = 4; }},
      {"epoch", [](Heartbeat& h) { h.claims[0].epoch = uint64_t{1} << 62; }},
  };
  for (const auto& [what, spoil] : rows) {
    Heartbeat heartbeat = Full(), received;
    spoil(heartbeat);
    EXPECT_EQ(Decode(Encode(heartbeat, keys), keys, received), HeartbeatError::kMalformed) << what;
  }
}

TEST(HeartbeatWire, OtherVersionsAreToldFromNoise) {
  std::vector<uint8_t> bytes = Encode(Full(), Keys(kOld));
  bytes[4] = 2;
  Heartbeat received;
  EXPECT_EQ(Decode(bytes, Keys(kOld), received), HeartbeatError::kOtherVersion);
}

TEST(HeartbeatKeys, RefusesWhatIsNoKeyAndDoesNotRepeatIt) {
  struct Row {
    std::string text, message;
  };
  for (const Row& row :
       {Row{"", "no key"}, Row{"\n \n", "no key"},
        Row{"short", "line 1 is not a key of 16 to 256 printable characters"},
        Row{"0123456789abcdef\nwith a blank 0123456789",
            "line 2 is not a key of 16 to 256 printable characters"},
        Row{std::string(257, 'x'), "line 1 is not a key of 16 to 256 printable characters"},
        Row{"0123456789abcdef\n0123456789abcdeg\n0123456789abcdeh", "more than 2 keys"}}) {
    EXPECT_EQ(HeartbeatKeys::Parse(row.text).status().message(), row.message);
  }
}

TEST(HeartbeatKeys, AKeyThatEverybodyMayReadIsRefused) {
  std::string name = "/tmp/sluice_keyXXXXXX";
  const std::string folder = ::mkdtemp(name.data());
  const std::string path = folder + "/key";
  std::ofstream(path) << kOld << "\n";
  ::chmod(path.c_str(), 0644);
  EXPECT_EQ(HeartbeatKeys::Read(path).status().code(), absl::StatusCode::kPermissionDenied);
  ::chmod(path.c_str(), 0640);
  EXPECT_TRUE(HeartbeatKeys::Read(path).ok());
  EXPECT_EQ(HeartbeatKeys::Read(folder + "/none").status().code(), absl::StatusCode::kNotFound);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sluice::election
