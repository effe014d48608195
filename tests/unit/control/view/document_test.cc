#include "control/view/document.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "../../certs/make_certificate.h"
#include "absl/strings/escaping.h"
#include "absl/strings/substitute.h"

namespace sluice::view {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kReferenceCluster[] = SLUICE_SOURCE_DIR "/examples/reference-cluster";
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

constexpr char kObjects[] = R"(
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: c}, spec:
  {controllerName: sluice.edgeprime.io/gateway-controller}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g, namespace: n}, spec:
  {gatewayClassName: c, addresses: [{value: 192.0.2.1}], listeners: [{name: l, port: 443,
   protocol: HTTPS, tls: {certificateRefs: [{name: s}]}}]}}
---
{apiVersion: sluice.edgeprime.io/v1alpha1, kind: AddressPool, metadata: {name: p}, spec:
  {ranges: [192.0.2.0/28]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: {name: b,
  namespace: n}, spec: {targetRefs: [{group: "", kind: Service, name: s}], validation:
  {wellKnownCACertificates: System, hostname: h.x}}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: ListenerSet, metadata: {name: ls, namespace: n},
  spec: {parentRef: {name: g}, listeners: [{name: l, port: 80, protocol: HTTP}]}}
---
{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: n}, type: kubernetes.io/tls, data:
  {tls.crt: $0, tls.key: $1}}
)";

gateway_api::ObjectSet OneGateway(const testing::PemPair& pair) {
  gateway_api::LoadResult loaded =
      gateway_api::LoadYaml({{"f.yaml", absl::Substitute(kObjects, absl::Base64Escape(pair.chain),
                                                         absl::Base64Escape(pair.key))}});
  EXPECT_THAT(loaded.problems, IsEmpty());
  return loaded.objects;
}

TEST(Document, ViewOfTheReferenceClusterComesBackWhole) {
  absl::StatusOr<View> view = ReadView(kReferenceCluster, kNow);
  ASSERT_TRUE(view.ok()) << view.status();
  absl::StatusOr<View> again = FromJson(ToJson(*view));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->statuses, view->statuses);
  EXPECT_EQ(again->certificates, view->certificates);
  EXPECT_EQ(again->problems, view->problems);
  EXPECT_EQ(again->objects.size(), view->objects.size());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(again->snapshot, view->snapshot));
  EXPECT_EQ(ToJson(*again), ToJson(*view));
}

TEST(Document, CarriesEveryKindOfStatusAndTheAgentsState) {
  const testing::PemPair pair = testing::MakePair();
  View view = MakeView(OneGateway(pair), compile::Compile(OneGateway(pair), {}), {});
  view.agent = AgentState{.node = "n1",
                          .build = "0.1",
                          .generation = 7,
                          .acknowledged = 6,
                          .refused = "no",
                          .proxy_connected = true,
                          .workers = 2,
                          .source = "gone",
                          .vips = {{"192.0.2.1", true, {{"arp_answered", 3}}}},
                          .devices = {{"eth0", "xdp", true, true, "note"}},
                          .counters = {{"steered", 9}},
                          .drift_repaired = 1};
  EXPECT_EQ(view.statuses.gateways.size(), 1u);
  EXPECT_EQ(view.statuses.gateway_classes.size(), 1u);
  EXPECT_EQ(view.statuses.listener_sets.size(), 1u);
  EXPECT_EQ(view.statuses.backend_tls_policies.size(), 1u);
  absl::StatusOr<View> again = FromJson(ToJson(view));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->statuses, view.statuses);
  EXPECT_EQ(again->certificates, view.certificates);
  EXPECT_EQ(again->agent, view.agent);
}

TEST(Document, HoldsWhatIsPublicOfASecretAndNothingElse) {
  const testing::PemPair pair = testing::MakePair({.names = {"a.x", "IP:192.0.2.9"}});
  const View view = MakeView(OneGateway(pair), {}, {});
  ASSERT_EQ(view.certificates.size(), 1u);
  EXPECT_EQ(view.certificates[0].problem, "");
  EXPECT_THAT(view.certificates[0].dns_names, ElementsAre("a.x"));
  EXPECT_THAT(view.certificates[0].ip_addresses, ElementsAre("192.0.2.9"));
  EXPECT_EQ(view.certificates[0].key, "EC P-256");
  EXPECT_EQ(view.certificates[0].not_after, absl::FromUnixSeconds(4'000'000'000));

  const std::string json = ToJson(view);
  EXPECT_THAT(json, Not(HasSubstr("BEGIN")));
  EXPECT_THAT(json, Not(HasSubstr(absl::Base64Escape(pair.key).substr(0, 40))));
  EXPECT_THAT(json, HasSubstr(R"("data":{"tls.crt":"","tls.key":""})"));
}

TEST(Document, SaysWhatIsWrongWithACertificate) {
  testing::PemPair pair = testing::MakePair();
  pair.key = testing::MakePair().key;
  const View view = MakeView(OneGateway(pair), {}, {});
  ASSERT_EQ(view.certificates.size(), 1u);
  EXPECT_EQ(view.certificates[0].id, "");
  EXPECT_EQ(view.certificates[0].problem,
            "the private key does not belong to the first certificate");
}

TEST(Document, RefusesWhatIsNoView) {
  for (
      const char* json :
      {"", "{}", "[]", R"({"kind":"View","version":2})", R"({"kind":"View","version":1})",
       R"({"kind":"View","version":1,"items":[{}],"snapshot":"","certificates":[],"problems":[]})",
       R"({"kind":"View","version":1,"items":[],"snapshot":"x","certificates":[],"problems":[]})",
       R"({"kind":"View","version":1,"items":[],"snapshot":"","certificates":[1],"problems":[]})"}) {
    absl::StatusOr<View> view = FromJson(json);
    EXPECT_EQ(view.status().code(), absl::StatusCode::kInvalidArgument) << json;
  }
}

TEST(ReadStatus, TakesOfARouteWhatIsOurs) {
  compile::Statuses statuses;
  const char* json = R"({"parents": [
    {"parentRef": {"name": "gw"}, "controllerName": "example.com/other", "conditions": []},
    {"parentRef": {"name": "gw"}, "controllerName": "sluice.edgeprime.io/gateway-controller",
     "conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "yes",
                     "observedGeneration": 2, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}]})";
  ASSERT_TRUE(ReadStatus(json, "HTTPRoute", {"ns", "r"}, statuses).ok());
  const compile::RouteStatus& route = statuses.routes.at({"HTTPRoute", {"ns", "r"}});
  ASSERT_EQ(route.parents.size(), 1u);
  EXPECT_EQ(route.parents[0].conditions,
            (std::vector<compile::Condition>{{"Accepted", true, "Accepted", "yes", 2}}));
}

TEST(ReadStatus, RefusesWhatIsNoStatus) {
  compile::Statuses statuses;
  for (const char* json : {"", "[]", "{", "{\"parents\": 3}"}) {
    EXPECT_FALSE(ReadStatus(json, "HTTPRoute", {"ns", "r"}, statuses).ok()) << json;
  }
}

}  // namespace
}  // namespace sluice::view
