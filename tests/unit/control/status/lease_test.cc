#include "control/status/lease.h"

#include <gtest/gtest.h>

#include "fake_api.h"

namespace sluice::status {
namespace {

using Json = nlohmann::json;

constexpr char kCollection[] = "/apis/coordination.k8s.io/v1/namespaces/sluice/leases";
constexpr char kPath[] = "/apis/coordination.k8s.io/v1/namespaces/sluice/leases/agent";
constexpr absl::Time kWall = absl::FromUnixSeconds(1'700'000'000);

class LeaseTest : public testing::Test {
 protected:
  void Pass(uint64_t ms) { loop_.timers().Advance(loop_.now_ms() + ms); }

  core::EventLoop loop_;
  FakeApi api_;
  std::vector<bool> changes_;
  Lease lease_{loop_,
               api_,
               {.name = {"sluice", "agent"}, .identity = "me", .wall_clock = [] { return kWall; }},
               [this](bool leads) { changes_.push_back(leads); }};
};

TEST_F(LeaseTest, CreatesItAndRenewsIt) {
  lease_.Start();
  EXPECT_EQ(api_.Answer(), 2);
  EXPECT_EQ(api_.TakeLog(), (std::vector<std::string>{absl::StrCat("GET ", kPath),
                                                      absl::StrCat("POST ", kCollection)}));
  EXPECT_EQ(api_.Get(kPath)["spec"], (Json{{"holderIdentity", "me"},
                                           {"leaseDurationSeconds", 15},
                                           {"acquireTime", "2023-11-14T22:13:20.000000Z"},
                                           {"renewTime", "2023-11-14T22:13:20.000000Z"},
                                           {"leaseTransitions", 0}}));
  EXPECT_TRUE(lease_.leads());
  EXPECT_EQ(changes_, std::vector<bool>{true});

  Pass(2100);
  EXPECT_EQ(api_.Answer(), 1);
  EXPECT_EQ(api_.TakeLog(), std::vector<std::string>{absl::StrCat("PUT ", kPath)});
  Pass(9000);
  EXPECT_TRUE(lease_.leads());
}

TEST_F(LeaseTest, KeepsWhatOthersPutOnIt) {
  api_.Put(kPath, {{"metadata", {{"name", "agent"}, {"labels", {{"a", "b"}}}}},
                   {"spec", {{"holderIdentity", ""}, {"strategy", "OldestEmulationVersion"}}}});
  lease_.Start();
  api_.Answer();
  EXPECT_TRUE(lease_.leads());
  const Json lease = api_.Get(kPath);
  EXPECT_EQ(lease["metadata"]["labels"], (Json{{"a", "b"}}));
  EXPECT_EQ(lease["spec"]["strategy"], "OldestEmulationVersion");
  EXPECT_EQ(lease["spec"]["leaseTransitions"], 1);
}

TEST_F(LeaseTest, LeadsNoMoreBeforeAnotherMayBegin) {
  lease_.Start();
  api_.Answer();
  api_.fault = [](const kube::Request&) { return FakeApi::Lost(); };
  for (int i = 0; i < 99; ++i) {
    Pass(100);
    api_.Answer();
    EXPECT_TRUE(lease_.leads());
  }
  Pass(130);
  EXPECT_FALSE(lease_.leads());
  EXPECT_EQ(changes_, (std::vector<bool>{true, false}));
  api_.fault = nullptr;
  for (int i = 0; i < 5; ++i) {
    Pass(1000);
    api_.Answer();
  }
  EXPECT_EQ(changes_, (std::vector<bool>{true, false, true}));
}

TEST_F(LeaseTest, AlsoWhileARequestHangs) {
  lease_.Start();
  api_.Answer();
  Pass(2100);
  EXPECT_EQ(api_.waiting(), 1u);  // never answered
  Pass(8000);
  EXPECT_EQ(changes_, (std::vector<bool>{true, false}));
}

TEST_F(LeaseTest, ALostAnswerDoesNotEndIt) {
  lease_.Start();
  api_.Answer();
  Pass(2100);
  bool lost = false;
  api_.fault = [&](const kube::Request& request) -> std::optional<kube::Response> {
    if (lost || request.method != kube::Method::kPut) return std::nullopt;
    lost = true;
    api_.Change(kPath, [](Json& lease) { lease["spec"]["renewTime"] = "2023-11-14T22:13:21Z"; });
    return FakeApi::Lost();
  };
  api_.Answer();
  Pass(2100);
  api_.Answer();
  Pass(2100);
  api_.Answer();
  Pass(7000);
  EXPECT_TRUE(lease_.leads());
  EXPECT_EQ(changes_, std::vector<bool>{true});
}

TEST_F(LeaseTest, WaitsForAnotherAndTakesOverWhenItIsSilent) {
  api_.Put(kPath, {{"metadata", {{"name", "agent"}}},
                   {"spec",
                    {{"holderIdentity", "other"},
                     {"leaseDurationSeconds", 3},
                     {"renewTime", "2030-01-01T00:00:00.000000Z"}}}});
  lease_.Start();
  api_.Answer();
  EXPECT_EQ(lease_.holder(), "other");
  for (int i = 0; i < 2; ++i) {
    Pass(1400);
    api_.Answer();
    EXPECT_FALSE(lease_.leads());
  }
  for (int i = 0; i < 3; ++i) {
    Pass(1400);
    api_.Answer();
  }
  EXPECT_TRUE(lease_.leads());
  EXPECT_EQ(api_.Get(kPath)["spec"]["holderIdentity"], "me");
}

TEST_F(LeaseTest, LosesARaceToCreateIt) {
  lease_.Start();
  api_.Answer(1);
  api_.Put(kPath, {{"metadata", {{"name", "agent"}}},
                   {"spec", {{"holderIdentity", "other"}, {"leaseDurationSeconds", 15}}}});
  api_.Answer();
  EXPECT_FALSE(lease_.leads());
  EXPECT_EQ(lease_.holder(), "other");
  EXPECT_EQ(api_.Get(kPath)["spec"]["holderIdentity"], "other");
}

TEST_F(LeaseTest, GivesItUp) {
  lease_.Start();
  api_.Answer();
  bool done = false;
  lease_.Release([&] { done = true; });
  EXPECT_FALSE(lease_.leads());
  EXPECT_FALSE(done);
  api_.Answer();
  EXPECT_TRUE(done);
  EXPECT_EQ(changes_, (std::vector<bool>{true, false}));
  EXPECT_EQ(api_.Get(kPath)["spec"]["holderIdentity"], "");
  Pass(60'000);
  EXPECT_EQ(api_.waiting(), 0u);
}

TEST_F(LeaseTest, GivesUpNothingThatItDoesNotHave) {
  api_.Put(kPath, {{"metadata", {{"name", "agent"}}},
                   {"spec", {{"holderIdentity", "other"}, {"leaseDurationSeconds", 15}}}});
  lease_.Start();
  api_.Answer();
  bool done = false;
  lease_.Release([&] { done = true; });
  EXPECT_TRUE(done);
  EXPECT_EQ(api_.waiting(), 0u);
}

}  // namespace
}  // namespace sluice::status
