#include "gateway-api/write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "gateway-api/parse.h"

namespace sluice::gateway_api {
namespace {

using ::testing::IsEmpty;

void ForgetOrigin(Object& object) {
  std::visit([](auto& o) { o.meta.origin = {}; }, object);
}

// What is written and parsed again is what was there.
void ExpectRoundTrip(Object object) {
  std::string text = ToDocument(object).dump();
  ParseResult again = ParseJson(text, "again");
  EXPECT_THAT(again.problems, IsEmpty()) << text;
  ASSERT_EQ(again.objects.size(), 1u) << text;
  ForgetOrigin(object);
  ForgetOrigin(again.objects.front());
  EXPECT_EQ(again.objects.front(), object) << text;
}

// One document a row; each says something that is easy to lose.
constexpr const char* kDocuments[] = {
    "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: c}, spec: "
    "{controllerName: a.b/c, parametersRef: {group: g.x, kind: K, name: n, namespace: o}}}",
    "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g, generation: 3, "
    "creationTimestamp: '2026-01-31T12:00:00Z', labels: {a: b}}, spec: {gatewayClassName: c, "
    "listeners: [{name: l, port: 443, protocol: HTTPS, hostname: '*.x', tls: {certificateRefs: "
    "[{name: s}]}, allowedRoutes: {namespaces: {from: Selector, selector: {}}}}], addresses: "
    "[{value: 192.0.2.1}], tls: {frontend: {default: {validation: {caCertificateRefs: [{group: "
    "'', kind: ConfigMap, name: m}]}}, perPort: [{port: 443, tls: {}}]}}}}",
    "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r}, spec: {}}",
    "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: "
    "n}, spec: {parentRefs: [{name: g, sectionName: l, port: 80}], hostnames: [a.x], rules: "
    "[{name: one, matches: [{path: {type: Exact, value: /x}, method: GET, headers: [{name: A, "
    "value: b}], queryParams: [{type: RegularExpression, name: q, value: 'a+'}]}], filters: "
    "[{type: RequestRedirect, requestRedirect: {scheme: https, path: {type: ReplaceFullPath, "
    "replaceFullPath: /y}}}], timeouts: {request: 1h30m, backendRequest: 0s}}, {backendRefs: "
    "[{name: s, port: 80, weight: 0, filters: [{type: URLRewrite, urlRewrite: {hostname: h}}]}], "
    "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: A, value: b}], "
    "remove: [C]}}]}]}}",
    "{apiVersion: gateway.networking.k8s.io/v1, kind: GRPCRoute, metadata: {name: r}, spec: "
    "{rules: [{matches: [{method: {service: s}}], backendRefs: [{name: s, port: 1}]}]}}",
    "{apiVersion: gateway.networking.k8s.io/v1, kind: ReferenceGrant, metadata: {name: r}, spec: "
    "{from: [{group: '', kind: A, namespace: n}], to: [{group: '', kind: Secret}]}}",
    "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {a: b}, ports: [{port: "
    "80, targetPort: web}, {name: x, port: 81, targetPort: 8081}], ipFamilies: [IPv6]}}",
    "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, labels: "
    "{kubernetes.io/service-name: s}}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1], "
    "conditions: {ready: false, serving: true, terminating: true}, zone: z}], ports: [{port: "
    "80}]}",
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: b}}",
    "{apiVersion: sluice.edgeprime.io/v1alpha1, kind: AddressPool, metadata: {name: p}, spec: "
    "{ranges: [192.0.2.0/28], announce: false, interfaces: ['eth*']}, status: {allocations: "
    "[{address: 192.0.2.1, gateway: n/g}]}}",
    "{apiVersion: sluice.edgeprime.io/v1alpha1, kind: GatewayParameters, metadata: {name: p}, "
    "spec: {timeouts: {idle: 90s}, trustedProxies: [10.0.0.0/8]}}",
    "{apiVersion: sluice.edgeprime.io/v1alpha1, kind: GatewayParameters, metadata: {name: p}, "
    "spec: {}}",
};

TEST(ToDocument, GivesTheObjectWhenItIsParsed) {
  for (const char* document : kDocuments) {
    ParseResult parsed = ParseYaml(document, "f");
    ASSERT_THAT(parsed.problems, IsEmpty()) << document;
    ASSERT_EQ(parsed.objects.size(), 1u) << document;
    ExpectRoundTrip(parsed.objects.front());
  }
}

TEST(ToDocument, GivesTheObjectsOfTheReferenceCluster) {
  int objects = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(SLUICE_SOURCE_DIR "/examples/reference-cluster")) {
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    for (const Object& object : ParseYaml(text.str(), "f").objects) {
      ExpectRoundTrip(object);
      ++objects;
    }
  }
  EXPECT_GT(objects, 60);
}

TEST(ToDocument, NamesASecretsKeysAndNeverTheirValues) {
  ParseResult parsed = ParseYaml(
      "{apiVersion: v1, kind: Secret, metadata: {name: s}, type: kubernetes.io/tls, "
      "data: {tls.crt: aHVzaA==}, stringData: {tls.key: hush}}",
      "f");
  ASSERT_EQ(parsed.objects.size(), 1u);
  EXPECT_EQ(ToDocument(parsed.objects.front()).dump(),
            R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"default"},)"
            R"("type":"kubernetes.io/tls","data":{"tls.crt":"","tls.key":""}})");
}

}  // namespace
}  // namespace sluice::gateway_api
