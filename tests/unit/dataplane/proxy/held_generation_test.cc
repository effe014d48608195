#include "dataplane/proxy/held_generation.h"

#include <gtest/gtest.h>

#include "../../certs/make_certificate.h"

namespace sluice::proxy {
namespace {

snapshot::Snapshot SnapshotOf(const std::string& cluster) {
  snapshot::Snapshot snapshot;
  snapshot.add_clusters()->set_id(cluster);
  return snapshot;
}

channel::Update UpdateTo(const snapshot::Snapshot& snapshot, uint64_t number,
                         const channel::HeldParts& held = {}) {
  channel::Update update;
  update.set_generation(number);
  channel::PartSet::Split(snapshot, {})->WriteDifference(held, update);
  return update;
}

channel::HeldParts HeldBy(const HeldGeneration& generation) {
  channel::Hello hello;
  generation.WriteTo(hello);
  channel::HeldParts held{.generation = hello.generation()};
  held.hashes.insert(hello.have_parts().begin(), hello.have_parts().end());
  return held;
}

TEST(HeldGeneration, GrowsByEdits) {
  HeldGeneration held;
  auto first = held.Prepare(UpdateTo(SnapshotOf("a"), 5));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(held.number(), 0u);  // nothing is held until it is served
  held.Commit(*std::move(first));
  EXPECT_EQ(held.number(), 5u);
  const auto second = held.Prepare(UpdateTo(SnapshotOf("b"), 6, HeldBy(held)));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->snapshot.clusters(0).id(), "b");
  EXPECT_EQ(second->number, 6u);
}

TEST(HeldGeneration, AnotherBaseMustBeSentWhole) {
  HeldGeneration held;
  channel::Update update = UpdateTo(SnapshotOf("a"), 5);
  update.set_base(4);
  EXPECT_EQ(held.Prepare(update).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(HeldGeneration, WhatIsWrongInItselfIsNotAskedForAgain) {
  HeldGeneration held;
  channel::Update update = UpdateTo(SnapshotOf("a"), 5);
  update.set_digest("x");
  EXPECT_EQ(held.Prepare(update).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(HeldGeneration, CertificatesAreParsedAndKept) {
  const auto pair = testing::MakePair();
  const std::string id = certs::Certificate::Parse({"ns/web", pair.chain, pair.key})->info().id;
  HeldGeneration held;
  channel::Update update = UpdateTo(SnapshotOf("a"), 1);
  update.add_certificate_ids(id);
  EXPECT_FALSE(held.Prepare(update).ok());  // nobody has it
  channel::Certificate& certificate = *update.mutable_certificates()->add_certificates();
  certificate.set_id(id);
  certificate.set_chain_pem(pair.chain);
  certificate.set_key_pem(pair.key);
  auto first = held.Prepare(update);
  ASSERT_TRUE(first.ok()) << first.status();
  held.Commit(*std::move(first));
  channel::Update next = UpdateTo(SnapshotOf("b"), 2, HeldBy(held));
  next.add_certificate_ids(id);
  auto second = held.Prepare(next);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(second->certificates->Find(id), nullptr);
  certificate.set_key_pem("garbage");
  const auto bad = held.Prepare(update);
  EXPECT_EQ(bad.status().message().substr(0, 12 + id.size()), "certificate " + id);
}

}  // namespace
}  // namespace sluice::proxy
