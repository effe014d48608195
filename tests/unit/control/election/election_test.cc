// What the simulation cannot name: single rules of the election, by a few nodes on a perfect LAN.
#include "control/election/election.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/election/rendezvous.h"

namespace sluice::election {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr AddressKey KeyOf(uint8_t last) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, last};
}
const absl::Time kStart = absl::UnixEpoch() + absl::Hours(1);

// Nodes that hear each other at once, in steps of a millisecond.
class Lan : public ::testing::Test {
 protected:
  struct Node {
    std::unique_ptr<Election> election;
    Fitness fitness = {.proxy_answers = true, .applied = true, .link_up = true};
    bool up = true;
    std::vector<Event> events;
  };

  Election& Add(const std::string& name, const std::vector<std::string>& known = {},
                uint64_t boot = 1) {
    Node& node = nodes_[name];
    node = {};
    node.election =
        std::make_unique<Election>(ElectionConfig{}, Election::Self{name, boot}, known, now_);
    EXPECT_TRUE(node.election->SetAddresses(addresses_).ok());
    return *node.election;
  }

  void Run(absl::Duration time) {
    for (const absl::Time end = now_ + time; now_ < end; now_ += absl::Milliseconds(1)) Step();
  }

  void Step() {
    for (auto& [name, node] : nodes_) {
      if (!node.up) continue;
      node.election->SetFitness(node.fitness);
      node.election->Advance(now_);
      for (const Event& event : node.election->TakeEvents()) node.events.push_back(event);
      const auto heartbeat = node.election->TakeHeartbeat(now_);
      if (!heartbeat) continue;
      for (auto& [other, to] : nodes_) {
        if (other != name && to.up && !deaf_.contains({name, other}))
          to.election->Receive(*heartbeat, now_);
      }
    }
  }

  // Who holds the address, by name.
  std::vector<std::string> Owners(uint8_t last) const {
    std::vector<std::string> owners;
    for (const auto& [name, node] : nodes_) {
      for (const Election::Holding& holding : node.election->Holdings()) {
        if (node.up && holding.address == KeyOf(last)) owners.push_back(name);
      }
    }
    return owners;
  }

  std::map<std::string, Node> nodes_;
  std::set<std::pair<std::string, std::string>> deaf_;  // {from, to}
  std::vector<ElectedAddress> addresses_ = {{KeyOf(1), 1}, {KeyOf(2), 1}, {KeyOf(3), 1}};
  absl::Time now_ = kStart;
};

TEST_F(Lan, ALoneNodeOwnsEverythingForAMinuteAhead) {
  const Election& a = Add("a");
  Run(absl::Milliseconds(150));
  EXPECT_THAT(a.Holdings(), IsEmpty());  // it may have been here before
  Run(absl::Milliseconds(50));
  ASSERT_THAT(a.Holdings(), SizeIs(3));
  EXPECT_GT(a.Holdings()[0].until, now_ + absl::Seconds(59));
}

TEST_F(Lan, TheLoneLeaseEndsWhenAnotherNodeAppears) {
  const Election& a = Add("a");
  Run(absl::Milliseconds(300));
  Add("b");
  Run(absl::Milliseconds(300));
  ASSERT_THAT(a.Holdings(), SizeIs(3));  // b has just begun
  for (const auto& holding : a.Holdings()) EXPECT_LE(holding.until, now_ + absl::Milliseconds(150));
}

TEST_F(Lan, ThreeNodesShareAddressesAsTheRendezvousSays) {
  for (const char* name : {"a", "b", "c"}) Add(name, {"a", "b", "c"});
  Run(absl::Seconds(11));
  const std::vector<std::string> names = {"a", "b", "c"};
  const std::vector<NodeId> ids = {IdOf("a"), IdOf("b"), IdOf("c")};
  for (const uint8_t last : {1, 2, 3}) {
    EXPECT_THAT(Owners(last), ElementsAre(names[Preference(KeyOf(last), ids)[0]]));
  }
}

TEST_F(Lan, TheDeadOwnersAddressesAreTakenWithinAFifthOfASecond) {
  for (const char* name : {"a", "b", "c"}) Add(name, {"a", "b", "c"});
  Run(absl::Seconds(11));
  const std::string owner = Owners(1)[0];
  nodes_[owner].up = false;
  const absl::Time died = now_;
  while (Owners(1).empty()) Run(absl::Milliseconds(1));
  EXPECT_GE(now_ - died, absl::Milliseconds(130));  // its own deadline has to pass
  EXPECT_LE(now_ - died, absl::Milliseconds(200));
}

TEST_F(Lan, ADrainingNodeStopsOnlyWhenTheSuccessorHasClaimed) {
  for (const char* name : {"a", "b", "c"}) Add(name, {"a", "b", "c"});
  Run(absl::Seconds(11));
  const std::string owner = Owners(1)[0];
  nodes_[owner].fitness.draining = true;
  nodes_[owner].events.clear();
  const absl::Time began = now_;
  while (nodes_[owner].election->holds_any()) {
    Step();
    ASSERT_THAT(Owners(1), ::testing::Not(IsEmpty()));
    now_ += absl::Milliseconds(1);
  }
  EXPECT_LE(now_ - began, absl::Milliseconds(15));
  for (const Event& event : nodes_[owner].events)
    EXPECT_EQ(event.kind, Event::Kind::kHandover) << static_cast<int>(event.kind);
}

TEST_F(Lan, ADrainingNodeThatNobodyCanSucceedStays) {
  for (const char* name : {"a", "b"}) Add(name, {"a", "b"});
  nodes_["b"].fitness.proxy_answers = false;
  Run(absl::Seconds(1));
  nodes_["a"].fitness.draining = true;
  Run(absl::Seconds(1));
  EXPECT_THAT(Owners(1), ElementsAre("a"));
}

TEST_F(Lan, OwnershipReturnsAfterTenSecondsOfHealth) {
  for (const char* name : {"a", "b", "c"}) Add(name, {"a", "b", "c"});
  Run(absl::Seconds(11));
  const std::string owner = Owners(1)[0];
  Add(owner, {"a", "b", "c"}, 2);
  Run(absl::Seconds(10));
  ASSERT_THAT(Owners(1), SizeIs(1));
  EXPECT_NE(Owners(1)[0], owner);
  Run(absl::Milliseconds(500));
  EXPECT_THAT(Owners(1), ElementsAre(owner));
}

TEST_F(Lan, AMinorityGivesUpAndAMajorityGoesOn) {
  for (const char* name : {"a", "b", "c"}) Add(name, {"a", "b", "c"});
  Run(absl::Seconds(11));
  nodes_["b"].up = nodes_["c"].up = false;
  Run(absl::Milliseconds(200));
  EXPECT_THAT(nodes_["a"].election->Holdings(), IsEmpty());
  nodes_["b"].up = true;
  Run(absl::Milliseconds(400));
  for (const uint8_t last : {1, 2, 3}) EXPECT_THAT(Owners(last), SizeIs(1));
}

TEST_F(Lan, OfTwoNodesEachHalfOwnsAndOneGivesWayAfterwards) {
  for (const char* name : {"a", "b"}) Add(name, {"a", "b"});
  Run(absl::Seconds(11));
  deaf_ = {{"a", "b"}, {"b", "a"}};
  Run(absl::Seconds(1));
  EXPECT_THAT(Owners(1), ElementsAre("a", "b"));
  deaf_.clear();
  Run(absl::Milliseconds(300));
  for (const uint8_t last : {1, 2, 3}) EXPECT_THAT(Owners(last), SizeIs(1));
}

TEST_F(Lan, WhoIsNotHeardDoesNotContestWhatItHears) {
  for (const char* name : {"a", "b"}) Add(name, {"a", "b"});
  Run(absl::Seconds(11));
  deaf_ = {{"a", "b"}};  // b does not hear a
  Run(absl::Seconds(1));
  for (const uint8_t last : {1, 2, 3}) EXPECT_THAT(Owners(last), ElementsAre("b"));
}

TEST_F(Lan, RecordedHeartbeatsKeepNobodyAlive) {
  Election& a = Add("a", {"a", "b"});
  Add("b", {"a", "b"});
  Run(absl::Seconds(1));
  std::vector<Heartbeat> recorded;
  for (int i = 0; i < 10; ++i) {
    Run(absl::Milliseconds(1));
    if (auto heartbeat = nodes_["b"].election->TakeHeartbeat(now_ + absl::Milliseconds(40))) {
      recorded.push_back(*heartbeat);
    }
  }
  ASSERT_THAT(recorded, ::testing::Not(IsEmpty()));
  nodes_.erase("b");
  for (int i = 0; i < 400; ++i) {
    for (const Heartbeat& heartbeat : recorded) a.Receive(heartbeat, now_);
    Run(absl::Milliseconds(1));
  }
  EXPECT_FALSE(a.Nodes(now_)[1].alive);
  EXPECT_THAT(a.Holdings(), SizeIs(3));
}

TEST_F(Lan, ARestartBehindASetBackClockIsHeardOnceItProvesItself) {
  Add("a", {"a", "b"}, 1000);
  Add("b", {"a", "b"}, 1000);
  Run(absl::Seconds(1));
  Add("b", {"a", "b"}, 5);
  Run(absl::Milliseconds(500));
  EXPECT_TRUE(nodes_["a"].election->Nodes(now_)[1].alive);
}

TEST_F(Lan, MeetsStrangersAndForgetsThemAfterADay) {
  const Election& a = Add("a");
  Add("b");
  Run(absl::Milliseconds(500));
  EXPECT_THAT(a.KnownNodes(), ElementsAre("b"));
  nodes_.erase("b");
  Run(absl::Milliseconds(500));
  EXPECT_THAT(a.KnownNodes(), ElementsAre("b"));
  now_ += absl::Hours(25);
  Run(absl::Milliseconds(500));
  EXPECT_THAT(a.KnownNodes(), IsEmpty());
}

TEST_F(Lan, AListOfNodesRulesWhoIsKnown) {
  Election& a = Add("a", {"gone"});
  a.SetMembers({"a", "b", "c"});
  Run(absl::Milliseconds(500));
  EXPECT_THAT(a.KnownNodes(), ElementsAre("b", "c"));
  EXPECT_THAT(a.Holdings(), IsEmpty());  // one of three
  a.SetMembers({"a"});
  Run(absl::Milliseconds(500));
  EXPECT_THAT(a.KnownNodes(), IsEmpty());
  EXPECT_THAT(a.Holdings(), SizeIs(3));
}

TEST_F(Lan, OnlyMembersOfTheGroupOwnItsAddresses) {
  addresses_ = {{KeyOf(1), 1}, {KeyOf(2), 7, /*may_own=*/false}};
  Add("a", {"a", "b"});
  addresses_[1].may_own = true;
  Add("b", {"a", "b"});
  Run(absl::Seconds(1));
  EXPECT_THAT(Owners(2), ElementsAre("b"));
  nodes_["b"].up = false;
  Run(absl::Seconds(1));
  EXPECT_THAT(Owners(2), IsEmpty());
  EXPECT_THAT(Owners(1), ElementsAre("a"));
}

TEST_F(Lan, AnAddressThatIsTakenAwayIsGivenUp) {
  Election& a = Add("a");
  Run(absl::Milliseconds(200));
  ASSERT_TRUE(a.SetAddresses({{KeyOf(1), 1}}).ok());
  EXPECT_THAT(a.TakeEvents(), ElementsAre(Event{Event::Kind::kLapsed, KeyOf(2)},
                                          Event{Event::Kind::kLapsed, KeyOf(3)}));
  EXPECT_THAT(Owners(1), ElementsAre("a"));
}

TEST_F(Lan, NamesAMachineWithTheSameName) {
  Add("a");
  Run(absl::Milliseconds(200));
  Election& a = *nodes_["a"].election;
  a.Receive({.sender = IdOf("a"), .boot = 99, .sequence = 1}, now_);
  EXPECT_THAT(a.TakeEvents(), ElementsAre(Event{Event::Kind::kNameTaken}));
}

TEST_F(Lan, BoundsGroups) {
  Election& a = Add("a");
  std::vector<ElectedAddress> many;
  for (uint8_t i = 0; i <= kMaxGroups; ++i) many.push_back({KeyOf(i), GroupId{i} + 1});
  EXPECT_EQ(a.SetAddresses(many).code(), absl::StatusCode::kResourceExhausted);
  Run(absl::Milliseconds(200));
  EXPECT_THAT(a.Holdings(), SizeIs(kMaxGroups));
}

TEST_F(Lan, NodesBeyondTheBoundAreStrangers) {
  Election& a = Add("a");
  for (int i = 0; i < 100; ++i) {
    a.Receive({.sender = IdOf(absl::StrCat("n", i)), .boot = 1, .sequence = 1}, now_);
  }
  EXPECT_THAT(a.Nodes(now_), SizeIs(kMaxPeers + 1));
  EXPECT_THAT(a.KnownNodes(), IsEmpty());
}

// Every claim is heard, however many there are, and the new ones first.
TEST_F(Lan, ManyClaimsTakeTurns) {
  addresses_.clear();
  for (int i = 0; i < 200; ++i) addresses_.push_back({KeyOf(static_cast<uint8_t>(i)), 1});
  Election& a = Add("a");
  std::set<AddressKey> heard;
  for (int i = 0; i < 1000 && heard.size() < 200; ++i) {
    a.SetFitness(nodes_["a"].fitness);
    a.Advance(now_);
    if (const auto heartbeat = a.TakeHeartbeat(now_)) {
      EXPECT_LE(heartbeat->claims.size(), kMaxClaims);
      for (const auto& claim : heartbeat->claims) heard.insert(claim.address);
    }
    now_ += absl::Milliseconds(1);
  }
  EXPECT_THAT(heard, SizeIs(200));
  EXPECT_LE(now_ - kStart, absl::Milliseconds(250));
  std::set<AddressKey> again;
  for (int i = 0; i < 300; ++i) {
    a.Advance(now_);
    if (const auto heartbeat = a.TakeHeartbeat(now_)) {
      EXPECT_FALSE(heartbeat->all_claims);
      for (const auto& claim : heartbeat->claims) again.insert(claim.address);
    }
    now_ += absl::Milliseconds(1);
  }
  EXPECT_THAT(again, SizeIs(200));
}

TEST(Rendezvous, SpreadsEvenlyAndMovesOnlyWhatWasTheGoneNodes) {
  std::vector<NodeId> nodes;
  for (const char* name : {"node-1", "node-2", "node-3", "node-4"}) nodes.push_back(IdOf(name));
  std::vector<int> owned(nodes.size());
  for (int i = 0; i < 10'000; ++i) {
    AddressKey address = KeyOf(static_cast<uint8_t>(i));
    address[0] = static_cast<uint8_t>(i >> 8);
    const std::vector<uint8_t> order = Preference(address, nodes);
    ++owned[order[0]];
    const std::vector<NodeId> fewer(nodes.begin(), nodes.begin() + 3);
    if (order[0] != 3) EXPECT_EQ(Preference(address, fewer)[0], order[0]);
  }
  for (const int count : owned) EXPECT_NEAR(count, 2500, 250);
}

}  // namespace
}  // namespace sluice::election
