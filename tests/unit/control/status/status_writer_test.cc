#include "control/status/status_writer.h"

#include <gtest/gtest.h>

#include <vector>

#include "fake_api.h"

namespace sluice::status {
namespace {

using compile::Condition;
using compile::ObjectKey;
using gateway_api::NamespacedName;

constexpr char kGroup[] = "/apis/gateway.networking.k8s.io/v1/";
constexpr absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
constexpr char kNowText[] = "2023-11-14T22:13:20Z";

std::string PathOf(std::string_view kind, const NamespacedName& name) {
  return absl::StrCat(kGroup, "namespaces/", name.namespace_,
                      kind == "Gateway" ? "/gateways/" : "/httproutes/", name.name);
}

Condition Accepted(bool status = true, int64_t generation = 1) {
  return {"Accepted", status, status ? "Accepted" : "Invalid", "text", generation};
}

Json AcceptedJson() {
  return {{"type", "Accepted"}, {"status", "True"},        {"reason", "Accepted"},
          {"message", "text"},  {"observedGeneration", 1}, {"lastTransitionTime", kNowText}};
}

compile::RouteStatus RouteOn(const std::string& gateway, bool accepted = true) {
  compile::RouteStatus status;
  status.parents.emplace_back().parent.name = gateway;
  status.parents.back().conditions = {Accepted(accepted)};
  return status;
}

compile::GatewayStatus GatewayWith(int attached_routes) {
  compile::GatewayStatus status;
  status.conditions = {Accepted()};
  status.listeners.push_back({.name = "web",
                              .supported_kinds = {},
                              .attached_routes = attached_routes,
                              .conditions = {Accepted()}});
  return status;
}

class StatusWriterTest : public testing::Test {
 protected:
  // The watch has told of everything that is there.
  void Echo() {
    for (auto& [key, known] : known_) known = api_.Known(PathOf(key.kind, key.name));
  }
  void Add(const ObjectKey& key) {
    api_.Put(PathOf(key.kind, key.name),
             {{"metadata", {{"name", key.name.name}, {"uid", "u"}, {"generation", 1}}},
              {"spec", {{"x", 1}}}});
    known_[key] = api_.Known(PathOf(key.kind, key.name));
    if (key.kind != "HTTPRoute") return;
    gateway_api::HttpRoute route;
    route.meta.namespace_ = key.name.namespace_;
    route.meta.name = key.name.name;
    objects_.Put(route);
  }
  Json StatusOf(const ObjectKey& key) const {
    return api_.Get(PathOf(key.kind, key.name)).value("status", Json());
  }
  // Answers all, and what follows from the answers, without time passing.
  void Settle() {
    while (api_.Answer() > 0 || !turned_) turned_ = (loop_.RunOnce(0), true);
    turned_ = false;
  }
  void Pass(uint64_t ms) { loop_.timers().Advance(loop_.now_ms() + ms); }

  const ObjectKey gateway_{"Gateway", {"ns", "gw"}};
  const ObjectKey route_{"HTTPRoute", {"ns", "r"}};

  core::EventLoop loop_;
  FakeApi api_;
  gateway_api::ObjectSet objects_;
  std::map<ObjectKey, std::optional<kube::Known>> known_;
  bool leads_ = true;
  bool turned_ = false;
  compile::Statuses statuses_;
  StatusWriter writer_{
      loop_,
      api_,
      {.may_write = [this] { return leads_; },
       .known = [this](std::string_view kind, const NamespacedName& name) -> const kube::Known* {
         auto found = known_.find({std::string(kind), name});
         return found == known_.end() || !found->second ? nullptr : &*found->second;
       },
       .wall_clock = [] { return kNow; }}};
};

TEST_F(StatusWriterTest, WritesAllOfAnObjectAtOnceAndNothingTwice) {
  Add(route_);
  statuses_.routes[route_] = RouteOn("gw");
  writer_.Want(statuses_);
  EXPECT_EQ(api_.TakeLog(),
            std::vector<std::string>{"PATCH /apis/gateway.networking.k8s.io/v1/namespaces/ns/"
                                     "httproutes/r/status"});  // within the call
  const Json parents =
      Json::array({{{"parentRef",
                     {{"group", "gateway.networking.k8s.io"}, {"kind", "Gateway"}, {"name", "gw"}}},
                    {"controllerName", compile::kControllerName},
                    {"conditions", Json::array({AcceptedJson()})}}});
  EXPECT_EQ(Json::parse(api_.last().body),
            (Json{{"metadata", {{"resourceVersion", "101"}}}, {"status", {{"parents", parents}}}}));
  Settle();
  EXPECT_EQ(StatusOf(route_), (Json{{"parents", parents}}));
  EXPECT_EQ(api_.Get(PathOf("HTTPRoute", route_.name))["spec"], (Json{{"x", 1}}));

  writer_.Want(statuses_);
  writer_.Review(objects_, {});
  Echo();
  writer_.Review(objects_, {});
  Settle();
  EXPECT_EQ(api_.TakeLog(), std::vector<std::string>{});
  EXPECT_EQ(writer_.counters().writes, 1u);
  EXPECT_TRUE(writer_.idle());
}

TEST_F(StatusWriterTest, WritesNothingUnlessItMay) {
  leads_ = false;
  Add(route_);
  statuses_.routes[route_] = RouteOn("gw");
  writer_.Want(statuses_);
  writer_.Review(objects_, {});
  EXPECT_EQ(api_.waiting(), 0u);

  leads_ = true;
  writer_.Review(objects_, {});
  EXPECT_EQ(api_.waiting(), 1u);
  leads_ = false;
  writer_.Stop();
  EXPECT_EQ(api_.waiting(), 0u);  // cancelled
  EXPECT_TRUE(writer_.idle());
}

TEST_F(StatusWriterTest, AConflictIsMergedIntoFreshData) {
  Add(route_);
  const Json foreign = {{"controllerName", "example.com/x"}, {"parentRef", {{"name", "other"}}}};
  api_.Change(PathOf("HTTPRoute", route_.name),
              [&](Json& route) { route["status"]["parents"] = Json::array({foreign}); });
  statuses_.routes[route_] = RouteOn("gw");
  writer_.Want(statuses_);
  Pass(100);
  Settle();
  Pass(100);
  Settle();
  const Json status = StatusOf(route_);
  ASSERT_EQ(status["parents"].size(), 2u);
  EXPECT_EQ(status["parents"][0], foreign);
  EXPECT_EQ(writer_.counters().conflicts, 1u);
  EXPECT_EQ(writer_.counters().writes, 1u);
}

TEST_F(StatusWriterTest, ASecondChangeNeedsNoEchoOfTheFirst) {
  Add(route_);
  statuses_.routes[route_] = RouteOn("gw");
  writer_.Want(statuses_);
  Settle();
  statuses_.routes[route_] = RouteOn("gw", false);
  writer_.Want(statuses_);
  Pass(50);
  Settle();
  EXPECT_EQ(StatusOf(route_)["parents"][0]["conditions"][0]["status"], "False");
  EXPECT_EQ(writer_.counters().conflicts, 0u);
}

TEST_F(StatusWriterTest, WhatChangesDuringAWriteIsWrittenAfterIt) {
  Add(route_);
  statuses_.routes[route_] = RouteOn("gw");
  writer_.Want(statuses_);
  statuses_.routes[route_] = RouteOn("gw", false);
  writer_.Want(statuses_);
  EXPECT_EQ(api_.waiting(), 1u);  // one at a time
  Settle();
  Pass(50);
  Settle();
  EXPECT_EQ(StatusOf(route_)["parents"][0]["conditions"][0]["status"], "False");
  EXPECT_EQ(writer_.counters().writes, 2u);
}

TEST_F(StatusWriterTest, ADeletedObjectIsForgotten) {
  Add(route_);
  api_.Remove(PathOf("HTTPRoute", route_.name));
  statuses_.routes[route_] = RouteOn("gw");
  writer_.Want(statuses_);
  Settle();
  writer_.Review(objects_, {});
  Settle();
  EXPECT_EQ(api_.TakeLog().size(), 1u);

  Add(route_);  // again, as another object
  writer_.Review(objects_, {});
  Pass(50);
  Settle();
  EXPECT_EQ(StatusOf(route_)["parents"].size(), 1u);
}

TEST_F(StatusWriterTest, AnOlderServerIsWrittenInItsVersion) {
  const ObjectKey tls{"TLSRoute", {"ns", "t"}};
  known_[tls] = kube::Known{.uid = "u", .resource_version = "5"};
  api_.fault = [](const kube::Request& request) -> std::optional<kube::Response> {
    if (request.path.find("/v1/") == std::string::npos) return std::nullopt;
    kube::Response response;
    response.code = 404;
    response.body = "404 page not found\n";
    return response;
  };
  statuses_.routes[tls] = RouteOn("gw");
  writer_.Want(statuses_);
  api_.Answer(1);
  Pass(50);
  EXPECT_EQ(api_.TakeLog().back(),
            "PATCH /apis/gateway.networking.k8s.io/v1alpha3/namespaces/ns/tlsroutes/t/status");
}

TEST_F(StatusWriterTest, ATroubledServerIsLeftAloneForAWhile) {
  for (const char* name : {"a", "b", "c"}) {
    const ObjectKey key{"HTTPRoute", {"ns", name}};
    Add(key);
    statuses_.routes[key] = RouteOn("gw");
  }
  api_.fault = [](const kube::Request&) {
    kube::Response response = FakeApi::Refusal(429);
    response.retry_after = absl::Seconds(3);
    return response;
  };
  writer_.Want(statuses_);
  Settle();
  EXPECT_EQ(api_.TakeLog().size(), 3u);
  Pass(2900);
  EXPECT_EQ(api_.waiting(), 0u);
  Pass(150);
  EXPECT_EQ(api_.waiting(), 3u);
  api_.fault = [](const kube::Request&) { return FakeApi::Lost(); };
  Settle();
  api_.fault = nullptr;
  Pass(300);
  Settle();
  EXPECT_EQ(writer_.counters().writes, 3u);
  EXPECT_EQ(writer_.counters().failures, 6u);
  EXPECT_TRUE(writer_.idle());
}

TEST_F(StatusWriterTest, WhatTheServerRefusesIsNotTriedAgainUntilItChanges) {
  Add(route_);
  api_.fault = [](const kube::Request&) { return FakeApi::Refusal(422); };
  statuses_.routes[route_] = RouteOn("gw");
  writer_.Want(statuses_);
  Settle();
  Pass(60'000);
  writer_.Review(objects_, {});
  Settle();
  EXPECT_EQ(api_.TakeLog().size(), 1u);
  api_.fault = nullptr;
  statuses_.routes[route_] = RouteOn("gw2");
  writer_.Want(statuses_);
  Settle();
  EXPECT_EQ(writer_.counters().writes, 1u);
}

TEST_F(StatusWriterTest, WhatIsDeniedIsTriedAgainNowAndThen) {
  Add(route_);
  Add(gateway_);
  api_.fault = [](const kube::Request& request) -> std::optional<kube::Response> {
    if (request.path.find("gateways") == std::string::npos) return std::nullopt;
    return FakeApi::Refusal(403);
  };
  statuses_.routes[route_] = RouteOn("gw");
  statuses_.gateways[gateway_.name] = GatewayWith(1);
  writer_.Want(statuses_);
  Settle();
  EXPECT_EQ(writer_.counters().writes, 1u);  // the other kind is not held up
  api_.fault = nullptr;
  Pass(15'100);
  Settle();
  EXPECT_EQ(StatusOf(gateway_)["listeners"][0]["attachedRoutes"], 1);
}

TEST_F(StatusWriterTest, WhatOthersBreakIsRepaired) {
  Add(route_);
  statuses_.routes[route_] = RouteOn("gw");
  writer_.Want(statuses_);
  Settle();
  api_.Change(PathOf("HTTPRoute", route_.name),
              [](Json& route) { route["status"]["parents"] = Json::array(); });
  Echo();
  writer_.Review(objects_, {});
  Pass(50);
  Settle();
  EXPECT_EQ(StatusOf(route_)["parents"].size(), 1u);
}

TEST_F(StatusWriterTest, StaleParentsGoOnceTheObjectWasJudged) {
  Add(route_);
  api_.Change(PathOf("HTTPRoute", route_.name), [](Json& route) {
    route["status"]["parents"] = Json::array(
        {{{"controllerName", compile::kControllerName}, {"parentRef", {{"name", "old"}}}},
         {{"controllerName", "example.com/x"}, {"parentRef", {{"name", "old"}}}}});
  });
  Echo();
  writer_.Want(statuses_);
  for (const Versions& covered :
       {Versions(), Versions{{"HTTPRoute", "101"}}, Versions{{"Gateway", "200"}}}) {
    writer_.Review(objects_, covered);
    EXPECT_EQ(api_.waiting(), 0u);  // it may be newer than what was compiled
  }
  writer_.Review(objects_, {{"HTTPRoute", "102"}});
  Settle();
  const Json status = StatusOf(route_);
  ASSERT_EQ(status["parents"].size(), 1u);
  EXPECT_EQ(status["parents"][0]["controllerName"], "example.com/x");
}

TEST_F(StatusWriterTest, ARouteThatLeavesUsLosesOurParent) {
  Add(route_);
  statuses_.routes[route_] = RouteOn("gw");
  writer_.Want(statuses_);
  Settle();
  statuses_.routes.clear();
  writer_.Want(statuses_);
  Pass(50);
  Settle();
  EXPECT_EQ(StatusOf(route_), (Json{{"parents", Json::array()}}));
}

TEST_F(StatusWriterTest, GatewaysGoFirst) {
  Add(route_);
  Add(gateway_);
  statuses_.routes[route_] = RouteOn("gw");
  statuses_.gateways[gateway_.name] = GatewayWith(1);
  leads_ = false;
  writer_.Want(statuses_);
  leads_ = true;
  writer_.Review(objects_, {});
  EXPECT_EQ(api_.TakeLog(),
            (std::vector<std::string>{
                absl::StrCat("PATCH ", kGroup, "namespaces/ns/gateways/gw/status"),
                absl::StrCat("PATCH ", kGroup, "namespaces/ns/httproutes/r/status")}));
}

// A thousand routes attach within ten seconds, a few with each compile.
TEST_F(StatusWriterTest, AThousandRoutesCostFewWritesToTheirGatewayAndOneEach) {
  Add(gateway_);
  std::map<std::string, int> writes;
  size_t most = 0;
  for (int batch = 0; batch < 200; ++batch) {
    for (int i = 0; i < 5; ++i) {
      const ObjectKey key{"HTTPRoute", {"ns", absl::StrCat("r", batch * 5 + i)}};
      Add(key);
      statuses_.routes[key] = RouteOn("gw");
    }
    statuses_.gateways[gateway_.name] = GatewayWith(batch * 5 + 5);
    writer_.Want(statuses_);
    most = std::max(most, api_.waiting());
    Settle();
    Pass(50);
    if (batch % 10 == 0) Echo();
  }
  Pass(1100);
  Settle();
  for (const std::string& request : api_.TakeLog()) ++writes[request];
  EXPECT_EQ(writes.size(), 1001u);
  const std::string gateway = absl::StrCat("PATCH ", PathOf("Gateway", gateway_.name), "/status");
  EXPECT_LE(writes[gateway], 40);
  writes.erase(gateway);
  for (const auto& [request, count] : writes) EXPECT_EQ(count, 1) << request;
  EXPECT_EQ(StatusOf(gateway_)["listeners"][0]["attachedRoutes"], 1000);
  EXPECT_EQ(writer_.counters().conflicts, 0u);
  EXPECT_LE(most, 16u);
}

TEST_F(StatusWriterTest, ManyAtOnceAreWrittenInTurnsAndInParallel) {
  for (int i = 0; i < 300; ++i) {
    const ObjectKey key{"HTTPRoute", {"ns", absl::StrCat("r", i)}};
    Add(key);
    statuses_.routes[key] = RouteOn("gw");
  }
  writer_.Want(statuses_);
  EXPECT_EQ(api_.waiting(), 16u);
  Settle();
  EXPECT_EQ(writer_.counters().writes, 300u);
  EXPECT_TRUE(writer_.idle());
}

TEST(Pace, OneChangeGoesAtOnceAndManySlowDown) {
  Pace pace;
  int writes = 0;
  for (uint64_t now = 1000; now < 31'000; now += 10) {
    if (pace.WaitMs(now, false) > 0) continue;
    pace.Wrote(now);
    ++writes;
  }
  EXPECT_LE(writes, 40);
  EXPECT_GE(writes, 30);
  EXPECT_GT(pace.WaitMs(31'000, false), 250u);
  EXPECT_LE(pace.WaitMs(31'000, true), 250u);
  EXPECT_EQ(pace.WaitMs(40'000, false), 0u);
  pace.Wrote(40'000);
  EXPECT_LE(pace.WaitMs(40'000, false), 20u);
}

}  // namespace
}  // namespace sluice::status
