#include "control/status/gateway_services.h"

#include <gtest/gtest.h>

#include "fake_api.h"

namespace sluice::status {
namespace {

using gateway_api::NamespacedName;
using Json = nlohmann::json;

gateway_api::Gateway MakeGateway(std::string name, gateway_api::StringMap labels = {},
                                 gateway_api::StringMap annotations = {}) {
  gateway_api::Gateway gateway;
  gateway.meta.namespace_ = "ns";
  gateway.meta.uid = "u-" + name;
  gateway.meta.name = std::move(name);
  gateway.infrastructure = {.labels = std::move(labels), .annotations = std::move(annotations)};
  return gateway;
}

TEST(ServiceName, IsALabelAndDiffersForEachGateway) {
  const std::string longest(253, 'a');
  EXPECT_EQ(ServiceName("web"), "sluice-web");
  EXPECT_EQ(ServiceName("7"), "sluice-7");
  EXPECT_EQ(ServiceName(std::string(56, 'a')), "sluice-" + std::string(56, 'a'));
  EXPECT_EQ(ServiceName(longest),
            "sluice-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-3ef83709ea");
  EXPECT_NE(ServiceName(std::string(252, 'a')), ServiceName(longest));
  EXPECT_NE(ServiceName("a.b"), ServiceName("a-b"));
  for (const std::string& name : {longest, std::string("a.b"), "x." + std::string(250, 'y')}) {
    EXPECT_LE(ServiceName(name).size(), 63u);
    EXPECT_EQ(ServiceName(name).find('.'), std::string::npos);
  }
}

TEST(ServiceFor, CarriesWhatTheGatewaySays) {
  EXPECT_EQ(
      ServiceFor(MakeGateway("web", {{"team", "a"}}, {{"note", "x"}, {"n2", "y"}})),
      (Json{{"apiVersion", "v1"},
            {"kind", "Service"},
            {"metadata",
             {{"name", "sluice-web"},
              {"namespace", "ns"},
              {"labels",
               {{"team", "a"},
                {"gateway.networking.k8s.io/gateway-name", "web"},
                {"app.kubernetes.io/managed-by", "sluice"}}},
              {"annotations",
               {{"note", "x"}, {"n2", "y"}, {"sluice.edgeprime.io/from-gateway", "team;n2,note"}}},
              {"ownerReferences", Json::array({{{"apiVersion", "gateway.networking.k8s.io/v1"},
                                                {"kind", "Gateway"},
                                                {"name", "web"},
                                                {"uid", "u-web"},
                                                {"controller", true},
                                                {"blockOwnerDeletion", false}}})}}},
            {"spec", {{"type", "ClusterIP"}, {"clusterIP", "None"}}}}));
}

class GatewayServicesTest : public testing::Test {
 protected:
  void Want() {
    std::set<NamespacedName> gateways;
    for (const auto& [name, gateway] : objects_.All<gateway_api::Gateway>()) gateways.insert(name);
    services_.Want(gateways, objects_);
  }
  // The watch has told of the Service.
  void Echo() {
    const Json service = api_.Get(kPath);
    objects_.Erase<gateway_api::Service>({"ns", "sluice-web"});
    if (service.is_null()) return;
    gateway_api::Service known;
    known.meta.namespace_ = "ns";
    known.meta.name = "sluice-web";
    known.meta.labels = service["metadata"]["labels"].get<gateway_api::StringMap>();
    objects_.Put(known);
  }
  Json Metadata() const { return api_.Get(kPath)["metadata"]; }

  static constexpr char kPath[] = "/api/v1/namespaces/ns/services/sluice-web";
  core::EventLoop loop_;
  FakeApi api_;
  gateway_api::ObjectSet objects_;
  bool leads_ = true;
  GatewayServices services_{loop_, api_, {.may_write = [this] { return leads_; }}};
};

TEST_F(GatewayServicesTest, CreatesOneForEachGatewayOnce) {
  objects_.Put(MakeGateway("web", {{"team", "a"}}));
  Want();
  api_.Answer();
  EXPECT_EQ(api_.TakeLog(), (std::vector<std::string>{absl::StrCat("GET ", kPath),
                                                      "POST /api/v1/namespaces/ns/services"}));
  EXPECT_EQ(Metadata()["labels"]["team"], "a");
  Want();
  Echo();
  Want();
  EXPECT_EQ(api_.waiting(), 0u);
}

TEST_F(GatewayServicesTest, FollowsTheGatewayAndKeepsWhatOthersAdded) {
  objects_.Put(MakeGateway("web", {{"team", "a"}, {"old", "1"}}, {{"note", "x"}}));
  Want();
  api_.Answer();
  api_.Change(kPath, [](Json& service) {
    service["metadata"]["annotations"]["example.com/theirs"] = "kept";
    service["metadata"]["labels"]["theirs"] = "kept";
    service["spec"]["clusterIPs"] = Json::array({"None"});
  });
  Echo();
  objects_.Put(MakeGateway("web", {{"team", "b"}}));
  Want();
  api_.Answer();
  EXPECT_EQ(Metadata()["labels"], (Json{{"team", "b"},
                                        {"theirs", "kept"},
                                        {"gateway.networking.k8s.io/gateway-name", "web"},
                                        {"app.kubernetes.io/managed-by", "sluice"}}));
  EXPECT_EQ(Metadata()["annotations"],
            (Json{{"example.com/theirs", "kept"}, {"sluice.edgeprime.io/from-gateway", "team;"}}));
  EXPECT_EQ(api_.Get(kPath)["spec"]["clusterIPs"], Json::array({"None"}));
}

TEST_F(GatewayServicesTest, RepairsWhatIsBroken) {
  objects_.Put(MakeGateway("web", {{"team", "a"}}));
  Want();
  api_.Answer();
  Echo();
  Want();
  api_.Change(kPath, [](Json& service) { service["metadata"]["labels"].erase("team"); });
  Echo();
  Want();
  api_.Answer();
  EXPECT_EQ(Metadata()["labels"]["team"], "a");
  Echo();
  Want();
  api_.Remove(kPath);
  Echo();
  Want();
  api_.Answer();
  EXPECT_EQ(Metadata()["labels"]["team"], "a");
}

TEST_F(GatewayServicesTest, NeverTouchesWhatItDidNotMake) {
  const Json theirs = {{"metadata", {{"name", "sluice-web"}, {"labels", {{"app", "x"}}}}}};
  const Json lookalike = {
      // of another Gateway
      {"metadata",
       {{"name", "sluice-web"},
        {"labels", {{"app.kubernetes.io/managed-by", "sluice"}}},
        {"ownerReferences",
         Json::array({{{"kind", "Gateway"}, {"controller", true}, {"uid", "else"}}})}}}};
  for (const Json& service : {theirs, lookalike}) {
    services_.Stop();
    api_.Put(kPath, service);
    const Json before = api_.Get(kPath);
    objects_ = {};
    objects_.Put(MakeGateway("web"));
    Echo();
    Want();
    api_.Answer();
    Want();
    api_.Answer();
    EXPECT_EQ(api_.Get(kPath), before);
  }
  // One that only looks like ours in the labels is not removed either.
  api_.Put(kPath, {{"metadata",
                    {{"name", "sluice-web"},
                     {"labels",
                      {{"app.kubernetes.io/managed-by", "sluice"},
                       {"gateway.networking.k8s.io/gateway-name", "web"}}}}}});
  objects_ = {};
  Echo();
  Want();
  api_.Answer();
  EXPECT_FALSE(api_.Get(kPath).is_null());
}

TEST_F(GatewayServicesTest, RemovesThatOfAGatewayThatIsNotOursAnyMore) {
  objects_.Put(MakeGateway("web"));
  Want();
  api_.Answer();
  Echo();
  services_.Want({}, objects_);
  api_.Answer();
  EXPECT_TRUE(api_.Get(kPath).is_null());
  Echo();
  services_.Want({}, objects_);
  EXPECT_EQ(api_.waiting(), 0u);
}

TEST_F(GatewayServicesTest, FailuresAreTriedAgain) {
  objects_.Put(MakeGateway("web"));
  for (int code : {500, 403, 409}) {
    api_.fault = [code](const kube::Request& request) -> std::optional<kube::Response> {
      if (request.method != kube::Method::kPost) return std::nullopt;
      return FakeApi::Refusal(code);
    };
    Want();
    EXPECT_EQ(api_.Answer(), 2) << code;
    Want();
    EXPECT_EQ(api_.waiting(), 0u) << code;  // not at once
    loop_.timers().Advance(loop_.now_ms() + 30'100);
  }
  api_.fault = nullptr;
  api_.Answer();
  EXPECT_FALSE(api_.Get(kPath).is_null());
}

TEST_F(GatewayServicesTest, OnlyTheLeaderWrites) {
  objects_.Put(MakeGateway("web"));
  leads_ = false;
  Want();
  EXPECT_EQ(api_.waiting(), 0u);
}

}  // namespace
}  // namespace sluice::status
