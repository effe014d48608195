// Properties of Compile as a whole: order of input, isolation of errors, validity of the result.
#include "control/compile/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/snapshot/text.h"
#include "dataplane/snapshot/validate.h"

namespace sluice::compile {
namespace {

using namespace gateway_api;  // NOLINT: the types of every line below

CompileOptions FakeCertificates() {
  CompileOptions options;
  options.check_certificate = [](const Secret& secret) -> CertificateView {
    return {.id = ToString(secret.meta.key()) + "@1", .problem = absl::OkStatus()};
  };
  return options;
}

std::string Print(const Compiled& compiled) {
  std::string text = absl::StrCat(snapshot::ToText(compiled.snapshot), ToYaml(compiled.statuses));
  for (const auto& [address, gateway] : compiled.allocations) {
    absl::StrAppend(&text, address, " ", ToString(gateway), "\n");
  }
  for (const Problem& warning : compiled.warnings) absl::StrAppend(&text, ToString(warning), "\n");
  return text;
}

ObjectSet SetOf(const std::vector<Object>& objects) {
  ObjectSet set;
  for (const Object& object : objects) set.Put(object);
  return set;
}

// A cluster of random objects whose names, references and ages collide often.
class RandomCluster {
 public:
  explicit RandomCluster(uint32_t seed) : random_(seed) {}

  std::vector<Object> Make() {
    std::vector<Object> objects;
    objects.push_back(MakeClass());
    objects.push_back(MakePool());
    for (int i = 0; i < 4; ++i) objects.push_back(MakeGateway(i));
    for (int i = 0; i < 12; ++i) objects.push_back(MakeRoute(i));
    for (int i = 0; i < 6; ++i) objects.push_back(MakeService(i));
    for (int i = 0; i < 8; ++i) objects.push_back(MakeSlice(i));
    for (int i = 0; i < 4; ++i) objects.push_back(MakeGrant(i));
    for (int i = 0; i < 3; ++i) objects.push_back(MakeSecret(i));
    return objects;
  }

 private:
  int Pick(int count) { return static_cast<int>(random_() % count); }
  template <typename T>
  T OneOf(std::vector<T> values) {
    return values[Pick(static_cast<int>(values.size()))];
  }
  std::string Namespace() { return OneOf<std::string>({"a", "b", "c"}); }
  std::string Hostname() {
    return OneOf<std::string>({"", "x.example", "*.example", "y.x.example", "*.x.example"});
  }
  ObjectMeta Meta(std::string name, std::string ns) {
    ObjectMeta meta;
    meta.name = std::move(name);
    meta.namespace_ = std::move(ns);
    meta.generation = Pick(3);
    meta.creation_time = absl::FromUnixSeconds(Pick(3));
    return meta;
  }

  GatewayClass MakeClass() {
    GatewayClass object;
    object.meta = Meta("sluice", "");
    object.controller_name = kControllerName;
    return object;
  }
  AddressPool MakePool() {
    AddressPool pool;
    pool.meta = Meta("pool", "");
    pool.ranges = {OneOf<std::string>({"192.0.2.0/29", "192.0.2.1", "2001:db8::/126"})};
    return pool;
  }
  Gateway MakeGateway(int index) {
    Gateway gateway;
    gateway.meta = Meta(absl::StrCat("g", index % 3), Namespace());
    gateway.gateway_class_name = Pick(8) == 0 ? "other" : "sluice";
    if (Pick(2) == 0) gateway.addresses.push_back({.value = absl::StrCat("192.0.2.", Pick(4))});
    for (int i = 0; i < 3; ++i) gateway.listeners.push_back(MakeListener(i));
    return gateway;
  }
  Listener MakeListener(int index) {
    Listener listener;
    listener.name = absl::StrCat("l", index);
    listener.port = 80 + Pick(3);
    listener.hostname = Hostname();
    listener.protocol = OneOf<std::string>({"HTTP", "HTTP", "HTTPS", "TCP"});
    if (listener.protocol == "HTTPS") {
      listener.tls.emplace().certificate_refs.push_back(
          {.namespace_ = Pick(2) == 0 ? "" : Namespace(), .name = absl::StrCat("s", Pick(4))});
    }
    listener.allowed_routes.namespaces.from =
        OneOf<FromNamespaces>({FromNamespaces::kAll, FromNamespaces::kSame});
    return listener;
  }
  HttpRoute MakeRoute(int index) {
    HttpRoute route;
    route.meta = Meta(absl::StrCat("r", index % 5), Namespace());
    for (int i = 0; i < 2; ++i) {
      route.parent_refs.push_back({.namespace_ = Namespace(),
                                   .name = absl::StrCat("g", Pick(3)),
                                   .section_name = Pick(3) == 0 ? "l1" : ""});
    }
    if (std::string hostname = Hostname(); !hostname.empty()) route.hostnames.push_back(hostname);
    for (int i = 0; i < 2; ++i) route.rules.push_back(MakeRule());
    return route;
  }
  HttpRouteRule MakeRule() {
    HttpRouteRule rule;
    for (int i = 0; i < 2; ++i) {
      HttpRouteMatch& match = rule.matches.emplace_back();
      match.path.type =
          OneOf<PathMatch::Type>({PathMatch::Type::kExact, PathMatch::Type::kPathPrefix,
                                  PathMatch::Type::kRegularExpression});
      match.path.value = OneOf<std::string>({"/", "/a", "/a/", "/a/b"});
      if (match.path.type == PathMatch::Type::kRegularExpression && Pick(3) == 0) {
        match.path.value = "/(";
      }
      match.method = OneOf<std::string>({"", "GET"});
    }
    for (int i = 0; i < 2; ++i) {
      rule.backend_refs.emplace_back().backend.object = {
          .namespace_ = Pick(2) == 0 ? "" : Namespace(),
          .name = absl::StrCat("s", Pick(4)),
          .port = 80 + Pick(2)};
    }
    if (Pick(6) == 0) {
      RouteFilter& filter = rule.filters.emplace_back();
      filter.type = RouteFilter::Type::kExtensionRef;
      filter.extension_ref = LocalObjectReference{"g", "K", "n"};
    }
    return rule;
  }
  Service MakeService(int index) {
    Service service;
    service.meta = Meta(absl::StrCat("s", index % 3), Namespace());
    service.ports = {{.name = "a", .port = 80}, {.name = "b", .port = 81}};
    if (Pick(4) == 0) service.ports[1].app_protocol = "kubernetes.io/h2c";
    return service;
  }
  EndpointSlice MakeSlice(int index) {
    EndpointSlice slice;
    slice.meta = Meta(absl::StrCat("e", index), Namespace());
    slice.meta.labels[EndpointSlice::kServiceNameLabel] = absl::StrCat("s", Pick(3));
    slice.ports = {{.name = OneOf<std::string>({"a", "b"}), .port = 8080}};
    for (int i = 0; i < 3; ++i) {
      EndpointSlice::Endpoint& endpoint = slice.endpoints.emplace_back();
      endpoint.addresses = {absl::StrCat("10.0.0.", Pick(5))};
      endpoint.ready = Pick(2) == 0;
      endpoint.terminating = Pick(2) == 0;
      endpoint.serving = Pick(2) == 0;
    }
    return slice;
  }
  ReferenceGrant MakeGrant(int index) {
    ReferenceGrant grant;
    grant.meta = Meta(absl::StrCat("t", index), Namespace());
    bool secret = Pick(2) == 0;
    grant.from.push_back({kGatewayGroup, secret ? "Gateway" : "HTTPRoute", Namespace()});
    grant.to.push_back({"", secret ? "Secret" : "Service", Pick(2) == 0 ? "" : "s1"});
    return grant;
  }
  Secret MakeSecret(int index) {
    Secret secret;
    secret.meta = Meta(absl::StrCat("s", index), Namespace());
    return secret;
  }

  std::mt19937 random_;
};

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
