// The publisher against a proxy that is played by the test: it holds parts as a real one does.
#include "control/publish/publisher.h"

#include <gtest/gtest.h>

#include "../../certs/make_certificate.h"

namespace sluice::publish {
namespace {

using compile::Condition;

// What a proxy does with updates, without serving anything.
struct FakeProxy {
  uint64_t generation = 0;
  channel::PartSet parts;
  std::vector<std::string> certificates;

  channel::Hello Hello() const {
    channel::Hello hello;
    hello.set_generation(generation);
    for (std::string& hash : parts.Hashes()) hello.add_have_parts(std::move(hash));
    for (const std::string& id : certificates) hello.add_have_certificates(id);
    return hello;
  }

  channel::Ack Take(const channel::Update& update, const std::string& refuse = "") {
    channel::Ack ack;
    ack.set_generation(update.generation());
    if (update.base() != generation && update.base() != 0) {
      ack.set_error("another base");
      ack.set_resend(true);
      return ack;
    }
    auto next = (update.base() == 0 ? channel::PartSet() : parts).Edit(update);
    if (!refuse.empty() || !next.ok()) {
      ack.set_error(refuse.empty() ? std::string(next.status().message()) : refuse);
      return ack;
    }
    generation = update.generation();
    parts = *std::move(next);
    certificates.assign(update.certificate_ids().begin(), update.certificate_ids().end());
    return ack;
  }
};

compile::Compiled CompiledOf(const std::string& cluster, bool programmed = true) {
  compile::Compiled compiled;
  compiled.snapshot.add_clusters()->set_id(cluster);
  compile::GatewayStatus gateway{.conditions = {{"Accepted", true, "Accepted", "", 3}}};
  gateway.conditions.push_back(
      {"Programmed", programmed, programmed ? "Programmed" : "AddressNotAssigned", cluster, 3});
  gateway.listeners.push_back(
      {.name = "http", .conditions = {{"Programmed", true, "Programmed", "", 3}}});
  compiled.statuses.gateways[{"ns", "gw"}] = gateway;
  return compiled;
}

class PublisherTest : public ::testing::Test {
 protected:
  PublisherTest()
      : publisher_(
            {.send = [this](channel::Message m) { sent_.push_back(std::move(m)); },
             .on_applied = [this](const Publication& p) { applied_.push_back(p.generation); },
             .on_report = [this](const Report& r) { reports_.push_back(r); }}) {}

  const channel::Update& Last() const { return sent_.back().update(); }
  Condition Programmed() const {
    const auto found = publisher_.report().statuses.gateways.find({"ns", "gw"});
    return found == publisher_.report().statuses.gateways.end() ? Condition{}
                                                                : found->second.conditions[1];
  }
  Condition ListenerProgrammed() const {
    return publisher_.report().statuses.gateways.at({"ns", "gw"}).listeners[0].conditions[0];
  }

  CertificateStore store_;
  std::vector<channel::Message> sent_;
  std::vector<uint64_t> applied_;
  std::vector<Report> reports_;
  Publisher publisher_;
  FakeProxy proxy_;
};

TEST_F(PublisherTest, ProgrammedIsSaidOnlyAfterTheAck) {
  publisher_.Publish(CompiledOf("a"), store_);
  EXPECT_TRUE(sent_.empty());
  publisher_.ProxyConnected(proxy_.Hello());
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(Programmed(), Condition{});  // nothing is said yet
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  EXPECT_EQ(Programmed(), (Condition{"Programmed", true, "Programmed", "a", 3}));
  EXPECT_EQ(applied_, (std::vector<uint64_t>{1}));
  EXPECT_EQ(publisher_.report().applied, 1u);
  EXPECT_FALSE(publisher_.waiting());
}

TEST_F(PublisherTest, WithoutAProxyItIsPending) {
  publisher_.Publish(CompiledOf("a"), store_);
  publisher_.ProxyIsLate();
  EXPECT_EQ(Programmed(), (Condition{"Programmed", false, "Pending",
                                     "no proxy has applied this configuration yet", 3}));
  EXPECT_EQ(ListenerProgrammed().reason, "Pending");
  publisher_.ProxyConnected(proxy_.Hello());
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  publisher_.ProxyIsLate();
  EXPECT_TRUE(Programmed().status);
}

TEST_F(PublisherTest, ARefusedGenerationIsVisibleAndThePreviousOneStays) {
  publisher_.ProxyConnected(proxy_.Hello());
  publisher_.Publish(CompiledOf("a"), store_);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  publisher_.Publish(CompiledOf("b"), store_);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last(), "clusters[0]: no")).ok());
  EXPECT_EQ(Programmed(), (Condition{"Programmed", false, "Invalid",
                                     "the proxy refused generation 2: clusters[0]: no", 3}));
  EXPECT_EQ(publisher_.report().refused, "clusters[0]: no");
  EXPECT_EQ(publisher_.report().applied, 1u);
  EXPECT_EQ(publisher_.report().latest, 2u);
  EXPECT_EQ(applied_, (std::vector<uint64_t>{1}));
  EXPECT_EQ(sent_.size(), 2u);                  // and it is not sent again
  publisher_.Publish(CompiledOf("a"), store_);  // back to what is served: a generation of no parts
  EXPECT_EQ(Last().added_size() + Last().removed_size(), 0);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  EXPECT_TRUE(Programmed().status);
  EXPECT_EQ(publisher_.report().refused, "");
}

TEST_F(PublisherTest, OneUpdateIsUnderWayAndTheNewestGoesNext) {
  publisher_.ProxyConnected(proxy_.Hello());
  for (const char* cluster : {"a", "b", "c"}) publisher_.Publish(CompiledOf(cluster), store_);
  ASSERT_EQ(sent_.size(), 1u);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  ASSERT_EQ(sent_.size(), 2u);
  EXPECT_EQ(Last().generation(), 3u);
  EXPECT_EQ(Last().base(), 1u);
  EXPECT_EQ(Programmed(), Condition{});  // the statuses of generation 3 wait for its own answer
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  EXPECT_EQ(Programmed().message, "c");
  EXPECT_EQ(proxy_.parts.Assemble()->clusters(0).id(), "c");
}

TEST_F(PublisherTest, WhatChangesOnlyStatusesIsNoGeneration) {
  publisher_.ProxyConnected(proxy_.Hello());
  publisher_.Publish(CompiledOf("a"), store_);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  publisher_.Publish(CompiledOf("a", false), store_);
  EXPECT_EQ(sent_.size(), 1u);
  EXPECT_EQ(publisher_.report().latest, 1u);
  EXPECT_EQ(Programmed().reason, "AddressNotAssigned");
}

TEST_F(PublisherTest, ARestartedProxyGetsEverything) {
  publisher_.ProxyConnected(proxy_.Hello());
  publisher_.Publish(CompiledOf("a"), store_);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  publisher_.ProxyGone();
  EXPECT_FALSE(publisher_.report().proxy_connected);
  EXPECT_TRUE(Programmed().status);  // it was, and a restart takes milliseconds
  proxy_ = FakeProxy();
  publisher_.ProxyConnected(proxy_.Hello());
  EXPECT_EQ(Last().base(), 0u);
  EXPECT_EQ(Last().added_size(), 1);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  EXPECT_EQ(publisher_.report().applied, 1u);
}

TEST_F(PublisherTest, AProxyThatDiedWithAnUpdateUnderWayGetsItAgain) {
  publisher_.ProxyConnected(proxy_.Hello());
  publisher_.Publish(CompiledOf("a"), store_);
  publisher_.ProxyGone();
  publisher_.ProxyConnected(proxy_.Hello());
  ASSERT_EQ(sent_.size(), 2u);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  EXPECT_TRUE(Programmed().status);
}

TEST_F(PublisherTest, ARestartedAgentEditsWhatTheProxyServes) {
  proxy_.generation = 41;
  auto parts = channel::PartSet::Split(CompiledOf("a").snapshot, {});
  ASSERT_TRUE(parts.ok());
  proxy_.parts = *parts;
  publisher_.Publish(CompiledOf("a"), store_);
  publisher_.ProxyConnected(proxy_.Hello());
  EXPECT_EQ(Last().generation(), 42u);
  EXPECT_EQ(Last().base(), 41u);
  EXPECT_EQ(Last().added_size() + Last().removed_size(), 0);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  publisher_.Publish(CompiledOf("b"), store_);
  EXPECT_EQ(Last().generation(), 43u);
  EXPECT_EQ(Last().base(), 42u);
}

TEST_F(PublisherTest, ALinkThatBrokeBetweenTheSameTwoNeedsNoUpdate) {
  publisher_.ProxyConnected(proxy_.Hello());
  publisher_.Publish(CompiledOf("a"), store_);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  publisher_.ProxyGone();
  publisher_.ProxyConnected(proxy_.Hello());
  EXPECT_EQ(sent_.size(), 1u);
  EXPECT_TRUE(publisher_.report().proxy_connected);
  EXPECT_FALSE(publisher_.waiting());
}

TEST_F(PublisherTest, NumbersGrowPastThoseOfAProxyThatCameFirst) {
  proxy_.generation = 7;
  publisher_.ProxyConnected(proxy_.Hello());
  publisher_.Publish(CompiledOf("a"), store_);
  EXPECT_EQ(Last().generation(), 8u);
  EXPECT_EQ(Last().base(), 7u);
}

TEST_F(PublisherTest, AnEditThatDoesNotFitIsSentWhole) {
  publisher_.ProxyConnected(proxy_.Hello());
  publisher_.Publish(CompiledOf("a"), store_);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  proxy_.generation = 99;  // it lost its way
  publisher_.Publish(CompiledOf("b"), store_);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  EXPECT_EQ(Last().base(), 0u);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  EXPECT_EQ(Programmed().message, "b");
}

TEST_F(PublisherTest, AnswersToNothingAreErrors) {
  channel::Ack ack;
  ack.set_generation(1);
  EXPECT_FALSE(publisher_.ProxyAnswered(ack).ok());
  publisher_.ProxyConnected(proxy_.Hello());
  publisher_.Publish(CompiledOf("a"), store_);
  ack.set_generation(2);
  EXPECT_FALSE(publisher_.ProxyAnswered(ack).ok());
  ack.set_generation(1);
  ack.set_resend(true);  // of what was complete
  EXPECT_FALSE(publisher_.ProxyAnswered(ack).ok());
}

TEST_F(PublisherTest, KeysAreSentOnceToEachProxy) {
  const auto pair = testing::MakePair();
  gateway_api::Secret secret{.meta = {.name = "web", .namespace_ = "ns"},
                             .type = gateway_api::Secret::kTlsType};
  secret.data["tls.crt"] = gateway_api::PrivateBytes(pair.chain);
  secret.data["tls.key"] = gateway_api::PrivateBytes(pair.key);
  const compile::CertificateUse use{store_.Check(secret).id, {"ns", "web"}};
  const auto compiled = [&](const char* cluster) {
    compile::Compiled result = CompiledOf(cluster);
    result.certificates = {use};
    return result;
  };
  publisher_.ProxyConnected(proxy_.Hello());
  publisher_.Publish(compiled("a"), store_);
  ASSERT_EQ(Last().certificates().certificates_size(), 1);
  EXPECT_EQ(Last().certificates().certificates(0).id(), use.id);
  EXPECT_EQ(Last().certificates().certificates(0).chain_pem(), pair.chain);
  EXPECT_TRUE(certs::PrivateKey::Parse(Last().certificates().certificates(0).key_pem()).ok());
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  publisher_.Publish(compiled("b"), store_);
  EXPECT_EQ(Last().certificates().certificates_size(), 0);
  EXPECT_EQ(Last().certificate_ids_size(), 1);
  ASSERT_TRUE(publisher_.ProxyAnswered(proxy_.Take(Last())).ok());
  publisher_.ProxyGone();
  proxy_ = FakeProxy();
  publisher_.ProxyConnected(proxy_.Hello());
  EXPECT_EQ(Last().certificates().certificates_size(), 1);
}

TEST_F(PublisherTest, ARestoredGenerationIsServedAndTheSameObjectsChangeNothing) {
  FakeProxy before;
  publisher_.ProxyConnected(before.Hello());
  publisher_.Publish(CompiledOf("a"), store_);
  EXPECT_EQ(publisher_.Complete(), std::nullopt);
  ASSERT_TRUE(publisher_.ProxyAnswered(before.Take(Last())).ok());
  const auto saved = publisher_.Complete();
  ASSERT_TRUE(saved.has_value());

  std::vector<channel::Message> sent;
  Publisher next({.send = [&](channel::Message m) { sent.push_back(std::move(m)); },
                  .on_applied = [](const Publication&) {},
                  .on_report = [](const Report&) {}});
  ASSERT_TRUE(next.Restore(saved->update()).ok());
  FakeProxy proxy;
  next.ProxyConnected(proxy.Hello());
  ASSERT_EQ(sent.size(), 1u);
  ASSERT_TRUE(next.ProxyAnswered(proxy.Take(sent[0].update())).ok());
  EXPECT_EQ(proxy.parts.Digest(), before.parts.Digest());
  EXPECT_TRUE(next.report().statuses.gateways.empty());
  next.Publish(CompiledOf("a"), store_);
  EXPECT_EQ(sent.size(), 1u);
  EXPECT_EQ(next.report().applied, next.report().latest);
  EXPECT_EQ(next.report().statuses.gateways.size(), 1u);
}

TEST_F(PublisherTest, AnUnfitSavedGenerationIsRefused) {
  channel::Update saved;
  saved.set_generation(3);
  saved.add_added("no snapshot");
  EXPECT_FALSE(publisher_.Restore(saved).ok());
  EXPECT_EQ(publisher_.latest(), nullptr);
}

}  // namespace
}  // namespace sluice::publish
