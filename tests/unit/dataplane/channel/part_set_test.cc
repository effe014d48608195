#include "dataplane/channel/part_set.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sluice::channel {
namespace {

using google::protobuf::util::MessageDifferencer;
using snapshot::Snapshot;

Snapshot Example(int rules) {
  Snapshot snapshot;
  snapshot.add_vips()->set_address("192.0.2.1");
  snapshot.add_listeners()->set_id("ns/gw/http");
  snapshot.mutable_settings()->set_max_connections(7);
  for (int i = 0; i < rules; ++i) {
    const std::string name = absl::StrFormat("r%05d", i);
    auto* host = snapshot.add_hosts();
    host->set_listener_id("ns/gw/http");
    host->set_hostname(absl::StrCat(name, ".example"));
    host->add_matches()->set_rule_id(name);
    auto* rule = snapshot.add_rules();
    rule->set_id(name);
    rule->add_backends()->set_cluster_id("ns/s:80");
  }
  snapshot.add_clusters()->set_id("ns/s:80");
  auto* endpoints = snapshot.add_endpoints();
  endpoints->set_cluster_id("ns/s:80");
  endpoints->add_endpoints()->set_address("10.0.0.1");
  return snapshot;
}

PartSet SplitOrDie(const Snapshot& snapshot, const PartSet& previous = {}) {
  auto parts = PartSet::Split(snapshot, previous);
  EXPECT_TRUE(parts.ok()) << parts.status();
  return *std::move(parts);
}

HeldParts Held(uint64_t generation, const PartSet& parts) {
  HeldParts held{.generation = generation};
  for (std::string& hash : parts.Hashes()) held.hashes.insert(std::move(hash));
  return held;
}

TEST(PartSet, SplitAndAssembleAreInverse) {
  const Snapshot snapshot = Example(100);
  const PartSet parts = SplitOrDie(snapshot);
  EXPECT_EQ(parts.size(), 205u);
  const auto assembled = parts.Assemble();
  ASSERT_TRUE(assembled.ok());
  EXPECT_TRUE(MessageDifferencer::Equals(*assembled, snapshot));
  EXPECT_EQ(assembled->SerializeAsString(), snapshot.SerializeAsString());
}

TEST(PartSet, TheFirstUpdateCarriesEverything) {
  const PartSet mine = SplitOrDie(Example(3));
  Update update;
  mine.WriteDifference({}, update);
  EXPECT_EQ(update.base(), 0u);
  EXPECT_EQ(update.added_size(), static_cast<int>(mine.size()));
  EXPECT_EQ(update.removed_size(), 0);
  const auto theirs = PartSet().Edit(update);
  ASSERT_TRUE(theirs.ok()) << theirs.status();
  EXPECT_EQ(theirs->Digest(), mine.Digest());
}

TEST(PartSet, OneChangedRouteAmong5000CostsItsOwnSize) {
  Snapshot snapshot = Example(5000);
  const PartSet before = SplitOrDie(snapshot);
  snapshot.mutable_rules(2500)->set_request_timeout_ms(1000);
  const PartSet after = SplitOrDie(snapshot, before);
  Update update;
  after.WriteDifference(Held(1, before), update);
  EXPECT_EQ(update.added_size(), 1);
  EXPECT_EQ(update.removed_size(), 1);
  EXPECT_LT(update.ByteSizeLong(), 200u);
  const auto theirs = before.Edit(update);
  ASSERT_TRUE(theirs.ok()) << theirs.status();
  EXPECT_TRUE(MessageDifferencer::Equals(theirs->Assemble().value(), snapshot));
}

// Random generations: whatever the edits, both sides end with the same snapshot.
TEST(PartSet, RandomEditsConverge) {
  std::mt19937 random(1);
  PartSet mine, theirs;
  for (uint64_t generation = 1; generation < 100; ++generation) {
    Snapshot snapshot;
    for (int i = 0; i < 50; ++i) {
      if (random() % 3 == 0) continue;
      auto* cluster = snapshot.add_clusters();
      cluster->set_id(absl::StrFormat("c%02d", i));
      if (random() % 2 == 0) cluster->set_protocol(snapshot::Cluster::PROTOCOL_H2C);
    }
    if (random() % 2 == 0) snapshot.mutable_settings()->set_max_connections(random() % 3);
    const HeldParts held = Held(generation - 1, theirs);
    mine = SplitOrDie(snapshot, mine);
    Update update;
    mine.WriteDifference(held, update);
    auto edited = theirs.Edit(update);
    ASSERT_TRUE(edited.ok()) << edited.status();
    theirs = *std::move(edited);
    ASSERT_TRUE(MessageDifferencer::Equals(theirs.Assemble().value(), snapshot));
  }
}

TEST(PartSet, RefusesUpdatesThatDoNotAddUp) {
  const PartSet base = SplitOrDie(Example(2));
  const auto edit = [&](const std::function<void(Update&)>& spoil) {
    Update update;
    base.WriteDifference(Held(1, base), update);
    spoil(update);
    return std::string(base.Edit(update).status().message());
  };
  EXPECT_EQ(edit([](Update&) {}), "");
  EXPECT_EQ(edit([](Update& u) { u.set_digest("x"); }),
            "the parts do not add up to the update's digest");
  EXPECT_EQ(edit([](Update& u) { u.add_removed("x"); }),
            "the update removes parts that are not held");
  EXPECT_EQ(edit([](Update& u) { u.add_added("\xff"); }), "a part that is no Snapshot");
  EXPECT_EQ(edit([](Update& u) { u.add_added(""); }), "a part of 0 elements");
  EXPECT_EQ(edit([](Update& u) { u.add_added(Example(1).SerializeAsString()); }),
            "a part of 7 elements");
  Snapshot again;
  again.add_clusters()->set_id("ns/s:80");
  EXPECT_EQ(edit([&](Update& u) { u.add_added(again.SerializeAsString()); }),
            "two parts are called ns/s:80");
  Snapshot more;
  more.add_clusters()->set_id("ns/t:80");
  EXPECT_EQ(edit([&](Update& u) { u.add_added(more.SerializeAsString()); }),
            "the parts do not add up to the update's digest");
}

TEST(PartSet, TwoElementsWithOneKeyCannotTravel) {
  Snapshot snapshot;
  snapshot.add_clusters()->set_id("a");
  snapshot.add_clusters()->set_id("a");
  EXPECT_EQ(PartSet::Split(snapshot, {}).status().message(), "two parts are called a");
}

}  // namespace
}  // namespace sluice::channel
