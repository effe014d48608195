#include "control/kube/cluster_source.h"

#include <gtest/gtest.h>

#include "fake_api.h"
#include "gateway-api/object_set.h"

namespace sluice::kube {
namespace {

namespace api = gateway_api;

constexpr char kGateways[] = "/apis/gateway.networking.k8s.io/v1/gateways";
constexpr char kRoutes[] = "/apis/gateway.networking.k8s.io/v1/httproutes";
constexpr char kPools[] = "/apis/sluice.edgeprime.io/v1alpha1/addresspools";
constexpr char kSecrets[] = "/api/v1/secrets";
constexpr char kConfigMaps[] = "/api/v1/configmaps";
constexpr char kServices[] = "/api/v1/services";
constexpr char kNodesPath[] = "/api/v1/nodes";
constexpr char kCrds[] = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

std::string Route(std::string_view name, std::string_view path, std::string_view status = "{}") {
  return absl::StrCat(R"({"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute",)",
                      R"("metadata":{"name":")", name,
                      R"(","namespace":"ns","uid":"u","generation":1,"managedFields":[{}]},)",
                      R"("spec":{"rules":[{"matches":[{"path":{"value":")", path, R"("}}]}]},)",
                      R"("status":)", status, "}");
}

class ClusterSourceTest : public ::testing::Test {
 protected:
  ClusterSourceTest() {
    for (const char* path :
         {kGateways, kRoutes, kPools, kSecrets, kConfigMaps, kServices, kNodesPath, kCrds,
          "/api/v1/namespaces", "/apis/discovery.k8s.io/v1/endpointslices"}) {
      server_.Serve(path);
    }
  }

  void Make(ClusterSourceOptions options = {}) {
    options.timing.shortest_wait = absl::Milliseconds(1);
    source_ = std::make_unique<ClusterSource>(loop_, server_, std::move(options),
                                              [this](const source::SourceState&) { ++changes_; });
    source_->Start();
  }
  void MakeSynced(ClusterSourceOptions options = {}) {
    Make(std::move(options));
    ASSERT_TRUE(Turn([&] { return changes_ > 0; }));
    changes_ = 0;
  }
  // Turns the loop until `done`; false after 10 s.
  bool Turn(const std::function<bool()>& done) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!done() && absl::Now() < deadline) loop_.RunOnce(100);
    return done();
  }
  bool TurnUntilChanged() {
    const int before = changes_;
    return Turn([&] { return changes_ > before; });
  }
  // Everything that was under way has come through once a change that follows it has.
  void Settle() {
    server_.Put(kServices, absl::StrCat(R"({"metadata":{"name":"settle)", ++settled_,
                                        R"(","namespace":"ns"}})"));
    ASSERT_TRUE(TurnUntilChanged());
  }

  const api::ObjectSet& objects() const { return *source_->state().objects; }
  template <typename T>
  std::string Names() const {
    std::vector<std::string> names;
    for (const auto& [name, object] : objects().All<T>()) names.push_back(ToString(name));
    return absl::StrJoin(names, " ");
  }

  core::EventLoop loop_;
  FakeApi server_{loop_};
  std::unique_ptr<ClusterSource> source_;
  int changes_ = 0;
  int settled_ = 0;
};

TEST_F(ClusterSourceTest, TellsOnceWhenAllHasBeenListed) {
  server_.Put(kRoutes, Route("a", "/a"));
  server_.Put(kServices,
              R"({"metadata":{"name":"s","namespace":"ns"},"spec":{"ports":[{"port":80}]}})");
  Make();
  EXPECT_FALSE(source_->synced());
  ASSERT_TRUE(TurnUntilChanged());
  EXPECT_EQ(changes_, 1);
  EXPECT_TRUE(source_->synced());
  EXPECT_EQ(Names<api::HttpRoute>(), "ns/a");
  EXPECT_EQ(Names<api::Service>(), "ns/s");
  EXPECT_TRUE(source_->state().problems.empty());
  EXPECT_TRUE(source_->state().health.ok());
  // Kinds whose CRDs are not there are empty.
  EXPECT_EQ(source_->versions().count("HTTPRoute"), 1U);
  EXPECT_EQ(source_->versions().count("TCPRoute"), 0U);
}

TEST_F(ClusterSourceTest, HandsABurstOnAsOne) {
  MakeSynced();
  for (int i = 0; i < 50; ++i) server_.Put(kRoutes, Route(absl::StrCat("r", i), "/a"));
  ASSERT_TRUE(TurnUntilChanged());
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(objects().All<api::HttpRoute>().size(), 50U);
  server_.Delete(kRoutes, "ns/r7");
  ASSERT_TRUE(TurnUntilChanged());
  EXPECT_EQ(objects().All<api::HttpRoute>().size(), 49U);
}

TEST_F(ClusterSourceTest, RemembersAStatusButIsSilentAboutIt) {
  MakeSynced();
  server_.Put(kRoutes, Route("a", "/a"));
  ASSERT_TRUE(TurnUntilChanged());
  const Known before = *source_->Find("HTTPRoute", {"ns", "a"});
  EXPECT_EQ(before.status, "{}");
  EXPECT_EQ(before.uid, "u");
  EXPECT_EQ(before.generation, 1);
  changes_ = 0;
  server_.Put(kRoutes, Route("a", "/a", R"({"parents":[]})"));
  Settle();
  EXPECT_EQ(changes_, 1);  // Settle's own
  const Known* after = source_->Find("HTTPRoute", {"ns", "a"});
  EXPECT_EQ(after->status, R"({"parents":[]})");
  EXPECT_NE(after->resource_version, before.resource_version);
  EXPECT_EQ(source_->versions().at("HTTPRoute"), after->resource_version);
  server_.Delete(kRoutes, "ns/a");
  ASSERT_TRUE(TurnUntilChanged());
  EXPECT_EQ(source_->Find("HTTPRoute", {"ns", "a"}), nullptr);
  EXPECT_EQ(source_->Find("Service", {"ns", "settle1"}), nullptr);
}

TEST_F(ClusterSourceTest, ReadsTheAllocationsOfAPool) {
  const std::string_view pool =
      R"({"metadata":{"name":"lan"},"spec":{"ranges":["192.168.0.200"]},"status":{"allocations":[%s]}})";
  MakeSynced();
  server_.Put(kPools, absl::StrReplaceAll(pool, {{"%s", ""}}));
  ASSERT_TRUE(TurnUntilChanged());
  server_.Put(kPools, absl::StrReplaceAll(
                          pool, {{"%s", R"({"address":"192.168.0.200","gateway":"ns/g"})"}}));
  ASSERT_TRUE(TurnUntilChanged());
  const auto* found = objects().Find<api::AddressPool>({"", "lan"});
  ASSERT_NE(found, nullptr);
  ASSERT_EQ(found->allocations.size(), 1U);
  EXPECT_EQ(found->allocations[0].gateway, "ns/g");
  EXPECT_NE(source_->Find("AddressPool", {"", "lan"}), nullptr);
}

TEST_F(ClusterSourceTest, KeepsTheLastGoodValueOfWhatCannotBeParsed) {
  MakeSynced();
  server_.Put(kRoutes, Route("a", "/a"));
  server_.Put(kRoutes, Route("b", "/b"));
  ASSERT_TRUE(TurnUntilChanged());
  server_.Put(kRoutes, Route("a", "no-slash"));
  server_.Put(kRoutes, Route("b", "/new"));
  server_.Put(kRoutes, Route("c", "no-slash"));
  ASSERT_TRUE(TurnUntilChanged());
  EXPECT_EQ(Names<api::HttpRoute>(), "ns/a ns/b");
  ASSERT_EQ(source_->state().problems.size(), 2U);
  EXPECT_EQ(source_->state().problems[0].object, "HTTPRoute ns/a");
  EXPECT_EQ(source_->state().problems[0].path, "spec.rules[0].matches[0].path.value");
  EXPECT_EQ(source_->state().problems[1].object, "HTTPRoute ns/c");
  server_.Put(kRoutes, Route("a", "/good"));
  server_.Delete(kRoutes, "ns/c");
  ASSERT_TRUE(TurnUntilChanged());
  EXPECT_TRUE(source_->state().problems.empty());
}

TEST_F(ClusterSourceTest, AsksForCertificatesAndNamedSecretsOnly) {
  auto secret = [](std::string_view space, std::string_view name, std::string_view type) {
    return absl::StrCat(R"({"metadata":{"name":")", name, R"(","namespace":")", space,
                        R"("},"type":")", type, R"(","data":{"k":"dg=="}})");
  };
  server_.Put(kSecrets, secret("a", "tls", "kubernetes.io/tls"));
  server_.Put(kSecrets, secret("b", "tls", "kubernetes.io/tls"));
  server_.Put(kSecrets, secret("a", "password", "Opaque"));
  server_.Put(kSecrets, secret("s", "keys", "Opaque"));
  MakeSynced({.node = "", .secret_namespaces = {}, .secrets = {{"s", "keys"}}});
  EXPECT_EQ(Names<api::Secret>(), "a/tls b/tls s/keys");
  EXPECT_TRUE(server_.paths.contains("/api/v1/secrets?fieldSelector=type%3dkubernetes.io%2ftls"));
  EXPECT_TRUE(
      server_.paths.contains("/api/v1/namespaces/s/secrets?fieldSelector=metadata.name%3dkeys"));
  changes_ = 0;
  server_.paths.clear();
  MakeSynced({.node = "", .secret_namespaces = {"a"}, .secrets = {}});
  EXPECT_EQ(Names<api::Secret>(), "a/tls");
  EXPECT_FALSE(server_.paths.contains("/api/v1/secrets?fieldSelector=type%3dkubernetes.io%2ftls"));
}

TEST_F(ClusterSourceTest, KeepsOfConfigMapsTheAuthoritiesAlone) {
  server_.Put(kConfigMaps,
              R"({"metadata":{"name":"m","namespace":"ns","annotations":{"leader":"x"}},
                  "data":{"ca.crt":"PEM","huge":"..."},"binaryData":{"b":"dg=="}})");
  MakeSynced();
  const auto* map = objects().Find<api::ConfigMap>({"ns", "m"});
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->data, (api::StringMap{{"ca.crt", "PEM"}}));
  EXPECT_TRUE(map->meta.annotations.empty());
}

TEST_F(ClusterSourceTest, KnowsNodesAndTheBundle) {
  server_.Put(kNodesPath, R"({"metadata":{"name":"n1","labels":{"zone":"a"}}})");
  server_.Put(kNodesPath, R"({"metadata":{"name":"n2"}})");
  MakeSynced({.node = "n1", .secret_namespaces = {}, .secrets = {}});
  EXPECT_EQ(source_->node_labels(), (api::StringMap{{"zone", "a"}}));
  EXPECT_EQ(source_->nodes().size(), 2U);
  EXPECT_EQ(source_->bundle_version(), "");
  server_.Put(kNodesPath, R"({"metadata":{"name":"n1","labels":{"zone":"b"}}})");
  ASSERT_TRUE(TurnUntilChanged());
  EXPECT_EQ(source_->node_labels(), (api::StringMap{{"zone", "b"}}));
  server_.Put(kCrds, R"({"metadata":{"name":"gateways.gateway.networking.k8s.io",
      "annotations":{"gateway.networking.k8s.io/bundle-version":"v1.6.3"}}})");
  ASSERT_TRUE(TurnUntilChanged());
  EXPECT_EQ(source_->bundle_version(), "v1.6.3");
}

TEST_F(ClusterSourceTest, FindsKindsThatComeLater) {
  server_.Remove(kRoutes);
  MakeSynced();
  server_.Serve(kRoutes);
  server_.Put(kRoutes, Route("a", "/a"));
  server_.Put(kCrds, R"({"metadata":{"name":"gateways.gateway.networking.k8s.io"}})");
  ASSERT_TRUE(Turn([&] { return Names<api::HttpRoute>() == "ns/a"; }));
}

TEST_F(ClusterSourceTest, KeepsTheLastGoodObjectsWhileTheServerIsGone) {
  server_.Put(kRoutes, Route("a", "/a"));
  server_.Put(kRoutes, Route("b", "/b"));
  MakeSynced();
  server_.down = true;
  server_.BreakWatches();
  ASSERT_TRUE(Turn([&] { return !source_->state().health.ok(); }));
  EXPECT_EQ(Names<api::HttpRoute>(), "ns/a ns/b");
  EXPECT_TRUE(absl::StrContains(source_->state().health.message(), "down"));
  server_.down = false;
  ASSERT_TRUE(Turn([&] { return source_->state().health.ok(); }));
  server_.Delete(kRoutes, "ns/b");
  ASSERT_TRUE(Turn([&] { return Names<api::HttpRoute>() == "ns/a"; }));
}

TEST_F(ClusterSourceTest, GoesOnWithoutWhatItMayNotRead) {
  server_.Put(kRoutes, Route("a", "/a"));
  server_.denied = {kSecrets, kConfigMaps};
  MakeSynced({.node = "",
              .secret_namespaces = {},
              .secrets = {},
              .timing = {.certain = absl::Milliseconds(50)}});
  EXPECT_EQ(Names<api::HttpRoute>(), "ns/a");
  ASSERT_EQ(source_->state().problems.size(), 2U);
  EXPECT_EQ(source_->state().problems[0].message, "cannot list secrets: HTTP 403");
  EXPECT_EQ(source_->state().problems[1].message, "cannot list configmaps: HTTP 403");
  EXPECT_EQ(source_->state().health, absl::PermissionDeniedError("cannot list secrets: HTTP 403"));
}

TEST_F(ClusterSourceTest, SaysWhyItWaits) {
  server_.down = true;
  Make();
  ASSERT_TRUE(Turn([&] { return !source_->state().health.ok(); }));
  EXPECT_FALSE(source_->synced());
  EXPECT_EQ(changes_, 0);
  server_.down = false;
  ASSERT_TRUE(TurnUntilChanged());
  EXPECT_TRUE(source_->state().health.ok());
}

}  // namespace
}  // namespace sluice::kube
