// Properties of Compile as a whole: order of input, isolation of errors, validity of the result.
#include "control/compile/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/snapshot/validate.h"
#include "random_cluster.h"

namespace sluice::compile {
namespace {

using namespace gateway_api;  // NOLINT: the types of every line below

using testing::FakeCertificates;
using testing::Print;
using testing::RandomCluster;
using testing::SetOf;

TEST(Compile, GivesTheSameBytesInAnyOrderOfInput) {
  CompileOptions options = FakeCertificates();
  for (uint32_t seed = 0; seed < 300; ++seed) {
    ObjectSet set = SetOf(RandomCluster(seed).Make());
    std::vector<Object> objects;
    set.ForEach([&](const auto& object) { objects.emplace_back(object); });
    std::string expected = Print(Compile(set, options));
    std::mt19937 random(seed);
    for (int i = 0; i < 3; ++i) {
      std::ranges::shuffle(objects, random);
      ASSERT_EQ(Print(Compile(SetOf(objects), options)), expected) << "seed " << seed;
    }
  }
}

TEST(Compile, AlwaysGivesAValidSnapshot) {
  CompileOptions options = FakeCertificates();
  for (uint32_t seed = 1000; seed < 2000; ++seed) {
    Compiled compiled = Compile(SetOf(RandomCluster(seed).Make()), options);
    ASSERT_EQ(snapshot::Validate(compiled.snapshot), absl::OkStatus()) << "seed " << seed;
  }
}

TEST(Compile, IsStableOverItsOwnAllocations) {
  for (uint32_t seed = 2000; seed < 2100; ++seed) {
    CompileOptions options = FakeCertificates();
    ObjectSet set = SetOf(RandomCluster(seed).Make());
    Compiled first = Compile(set, options);
    options.allocations = first.allocations;
    ASSERT_EQ(Print(Compile(set, options)), Print(first)) << "seed " << seed;
  }
}

constexpr char kBase[] = R"(
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: sluice}
spec: {controllerName: sluice.edgeprime.io/gateway-controller}
---
apiVersion: sluice.edgeprime.io/v1alpha1
kind: AddressPool
metadata: {name: lan}
spec: {ranges: [192.0.2.1]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: n}
spec:
  gatewayClassName: sluice
  listeners: [{name: http, port: 80, protocol: HTTP}]
)";

std::string RouteText(std::string_view name, std::string_view hostname, std::string_view rules) {
  return absl::StrCat(
      "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: ", name,
      ", namespace: n}\nspec: {parentRefs: [{name: gw}], hostnames: [", hostname, "], rules: [",
      rules, "]}\n");
}

// A cluster of 1,000 good routes, each with a Service.
std::string ThousandRoutes() {
  std::string text = kBase;
  for (int i = 0; i < 1000; ++i) {
    absl::StrAppend(&text, "---\napiVersion: v1\nkind: Service\nmetadata: {name: s", i,
                    ", namespace: n}\nspec: {ports: [{port: 80}]}\n",
                    RouteText(absl::StrCat("r", i), absl::StrCat("h", i, ".example"),
                              absl::StrCat("{backendRefs: [{name: s", i, ", port: 80}]}")));
  }
  return text;
}

// Takes what belongs to the route n/bad out of a result.
void Forget(Compiled& compiled) {
  auto* hosts = compiled.snapshot.mutable_hosts();
  for (int i = hosts->size() - 1; i >= 0; --i) {
    if (hosts->Get(i).hostname() == "bad.example") hosts->DeleteSubrange(i, 1);
  }
  auto* rules = compiled.snapshot.mutable_rules();
  for (int i = rules->size() - 1; i >= 0; --i) {
    if (rules->Get(i).route() == "n/bad") rules->DeleteSubrange(i, 1);
  }
  compiled.statuses.routes.erase({"HTTPRoute", {"n", "bad"}});
}

TEST(Compile, OneBadObjectAmongAThousandChangesNothingElse) {
  const std::string bad[] = {
      RouteText("bad", "bad.example", "{backendRefs: [{name: none, port: 80}]}"),
      RouteText("bad", "bad.example", "{backendRefs: [{name: s1, port: 80, namespace: other}]}"),
      RouteText("bad", "bad.example", "{matches: [{path: {type: RegularExpression, value: '('}}]}"),
      RouteText("bad", "bad.example", "{matches: [{path: {value: no-slash}}]}"),
      RouteText("bad", "'BAD..example'", "{}"),
      RouteText("bad", "bad.example",
                "{filters: [{type: ExtensionRef, extensionRef: {group: g, kind: K, name: n}}]}"),
      RouteText("bad", "bad.example",
                "{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: "
                "Host, value: x}]}}]}"),
      "---\n{ not: [yaml\n",
      "---\napiVersion: v1\nkind: Secret\nmetadata: {name: bad}\ndata: {a: '!'}\n",
      "---\napiVersion: v1\nkind: Service\nmetadata: {name: s1, namespace: n}\nspec: {}\n",
      "---\napiVersion: sluice.edgeprime.io/v1alpha1\nkind: AddressPool\nmetadata: {name: bad}\n"
      "spec: {ranges: [1.2.3]}\n",
  };
  CompileOptions options = FakeCertificates();
  const ObjectSet good = LoadYaml({{"f", ThousandRoutes()}}).objects;
  Compiled expected = Compile(good, options);
  ASSERT_EQ(expected.snapshot.rules_size(), 1000);
  const ListenerStatus& before = expected.statuses.gateways.at({"n", "gw"}).listeners.front();
  ASSERT_EQ(before.attached_routes, 1000);
  for (const std::string& text : bad) {
    ObjectSet objects = good;
    LoadYaml({{"g", text}}).objects.ForEach([&](const auto& object) {
      objects.Insert(object).IgnoreError();  // the first of a name stays
    });
    Compiled actual = Compile(objects, options);
    Forget(actual);
    ListenerStatus& after = actual.statuses.gateways.at({"n", "gw"}).listeners.front();
    EXPECT_THAT(after.attached_routes, ::testing::AnyOf(1000, 1001)) << text;
    after.attached_routes = 1000;  // the bad one may have attached
    EXPECT_EQ(Print(actual), Print(expected)) << text;
  }
}

// 98 routes with 16 hostnames of 128 matches are more than a Snapshot holds.
TEST(Compile, RouteBeyondTheSnapshotsLimitsIsRefusedAndCostsTheOlderNothing) {
  ObjectSet set = LoadYaml({{"f", kBase}}).objects;
  for (int i = 0; i < 98; ++i) {
    HttpRoute route;
    route.meta.name = absl::StrCat("r", i);
    route.meta.namespace_ = "n";
    route.meta.creation_time = absl::FromUnixSeconds(1000 - i);  // r0 is the youngest
    route.parent_refs.push_back({.name = "gw"});
    for (int j = 0; j < 16; ++j) route.hostnames.push_back(absl::StrCat("h", j, ".example"));
    route.rules.resize(2);
    for (HttpRouteRule& rule : route.rules) rule.matches.resize(64);
    set.Put(route);
  }
  Compiled compiled = Compile(set, {});
  EXPECT_EQ(snapshot::Validate(compiled.snapshot), absl::OkStatus());
  EXPECT_EQ(compiled.snapshot.rules_size(), 2 * 97);
  std::vector<std::string> refused;
  for (const auto& [key, status] : compiled.statuses.routes) {
    const Condition& accepted = status.parents.front().conditions.front();
    if (!accepted.status) refused.push_back(absl::StrCat(key.name.name, " ", accepted.reason));
  }
  EXPECT_THAT(refused, ::testing::ElementsAre("r0 TooManyMatches"));
}

}  // namespace
}  // namespace sluice::compile
