#include "gateway-api/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace sluice::gateway_api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> Texts(const std::vector<Problem>& problems) {
  std::vector<std::string> texts;
  for (const Problem& problem : problems) texts.push_back(ToString(problem));
  return texts;
}

std::vector<std::string> Names(const std::vector<Object>& objects) {
  std::vector<std::string> names;
  for (const Object& object : objects) names.push_back(Describe(object));
  return names;
}

constexpr char kRoute[] = R"(apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: n, generation: 7, creationTimestamp: "2026-01-31T12:00:00Z"}
spec:
  parentRefs: [{name: gw}]
  hostnames: ["a.example"]
  rules:
    - name: first
      matches:
        - path: {type: Exact, value: /x}
          headers: [{name: X-A, value: "1"}]
          queryParams: [{type: RegularExpression, name: q, value: "a+"}]
          method: GET
      filters:
        - type: RequestRedirect
          requestRedirect: {scheme: https, port: 8443, path: {type: ReplaceFullPath, replaceFullPath: /y}}
      timeouts: {request: 1h30m, backendRequest: 500ms}
    - backendRefs: [{name: s, port: 80}, {name: t, namespace: o, port: 81, weight: 0}]
)";

TEST(ParseYaml, ReadsARouteWithTheDefaultsOfTheApi) {
  ParseResult result = ParseYaml(kRoute, "f.yaml");
  EXPECT_THAT(Texts(result.problems), IsEmpty());
  ASSERT_THAT(result.objects, SizeIs(1));

  HttpRoute want;
  want.meta.name = "r";
  want.meta.namespace_ = "n";
  want.meta.generation = 7;
  want.meta.creation_time = absl::FromUnixSeconds(1769860800);
  want.meta.origin = {"f.yaml", 1, 1};
  want.parent_refs.push_back({.name = "gw"});
  want.hostnames = {"a.example"};
  HttpRouteRule& first = want.rules.emplace_back();
  first.name = "first";
  first.matches.push_back({.path = {PathMatch::Type::kExact, "/x"},
                           .headers = {{MatchType::kExact, "X-A", "1"}},
                           .query_params = {{MatchType::kRegularExpression, "q", "a+"}},
                           .method = "GET"});
  RouteFilter& filter = first.filters.emplace_back();
  filter.type = RouteFilter::Type::kRequestRedirect;
  filter.request_redirect =
      RequestRedirect{.scheme = "https",
                      .path = PathModifier{PathModifier::Type::kReplaceFullPath, "/y"},
                      .port = 8443};
  first.timeouts = {absl::Minutes(90), absl::Milliseconds(500)};
  HttpRouteRule& second = want.rules.emplace_back();
  second.matches.emplace_back();
  second.backend_refs.push_back({.backend = {.object = {.name = "s", .port = 80}}});
  second.backend_refs.push_back(
      {.backend = {.object = {.namespace_ = "o", .name = "t", .port = 81}, .weight = 0}});
  EXPECT_EQ(std::get<HttpRoute>(result.objects[0]), want);
}

TEST(ParseYaml, GivesARouteWithoutRulesOneThatMatchesAll) {
  ParseResult result = ParseYaml(
      "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec: {}\n",
      "f");
  ASSERT_THAT(result.objects, SizeIs(1));
  const auto& route = std::get<HttpRoute>(result.objects[0]);
  EXPECT_EQ(route.meta.namespace_, "default");
  ASSERT_THAT(route.rules, SizeIs(1));
  EXPECT_EQ(route.rules[0].matches, std::vector<HttpRouteMatch>{HttpRouteMatch{}});
}

TEST(ParseYaml, BrokenDocumentCostsNoOther) {
  ParseResult result = ParseYaml(
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"
      "---\n{ broken\n"
      "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n"
      "--- \n# nothing\n---\n- 1\n",
      "f");
  EXPECT_THAT(Names(result.objects), ElementsAre("Namespace a", "Namespace b"));
  EXPECT_THAT(Texts(result.problems), ElementsAre("f:6:1: error: end of map flow not found",
                                                  "f:13:1: error: an object must be a map"));
}

TEST(ParseYaml, UnknownFieldIsAWarningThatNamesThePath) {
  std::string text = absl::StrReplaceAll(kRoute, {{"      matches:", "      matchs:"}});
  ParseResult result = ParseYaml(text, "f.yaml");
  EXPECT_THAT(Names(result.objects), ElementsAre("HTTPRoute n/r"));
  EXPECT_THAT(
      Texts(result.problems),
      ElementsAre("f.yaml:9:7: warning: HTTPRoute n/r: spec.rules[0].matchs: unknown field"));
}

TEST(ParseYaml, UnknownKindIsAWarning) {
  ParseResult result = ParseYaml(
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: n}\nspec: {}\n---\n"
      "apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: HTTPRoute\nmetadata: {name: r}\n",
      "f");
  EXPECT_THAT(result.objects, IsEmpty());
  EXPECT_THAT(
      Texts(result.problems),
      ElementsAre("f:1:1: warning: Deployment n/d: is not a kind that is read; it is left out",
                  "f:6:1: warning: HTTPRoute default/r: apiVersion "
                  "gateway.networking.k8s.io/v1alpha2 is not read; write "
                  "gateway.networking.k8s.io/v1"));
}

TEST(ParseYaml, ReadsTheItemsOfLists) {
  ParseResult result = ParseYaml(R"(
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: a}}
  - {apiVersion: v1, kind: NamespaceList, items: [{apiVersion: v1, kind: Namespace, metadata: {name: b}}]}
  - {apiVersion: v1, kind: Namespace, metadata: {name: 5}}
)",
                                 "f");
  EXPECT_THAT(Names(result.objects), ElementsAre("Namespace a", "Namespace b"));
  EXPECT_THAT(Texts(result.problems),
              ElementsAre("f:7:56: error: Namespace: metadata.name: must be text, not a whole "
                          "number (put it in quotes)"));
}

TEST(ParseYaml, FollowsAnchorsAndMergeKeys) {
  ParseResult result = ParseYaml(R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {<<: [&x {k: "1", l: "2"}, {l: "3", m: "3"}], k: "own"}
)",
                                 "f");
  EXPECT_THAT(Texts(result.problems), IsEmpty());
  ASSERT_THAT(result.objects, SizeIs(1));
  EXPECT_EQ(std::get<ConfigMap>(result.objects[0]).data,
            (StringMap{{"k", "own"}, {"l", "2"}, {"m", "3"}}));
}

TEST(ParseYaml, BoundsDepthSizeAndAliases) {
  struct Row {
    std::string text;
    std::string want;
  };
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string last = absl::StrCat("*a", i - 1);
    bomb += absl::StrCat("a", i, ": &a", i, " [", last);
    for (int j = 1; j < 10; ++j) bomb += ", " + last;
    bomb += "]\n";
  }
  ParseLimits limits;
  limits.max_document_bytes = 4000;
  const Row rows[] = {
      {bomb, "f:4:5: error: aliases expand too far"},
      {absl::StrCat(std::string(65, '['), "a", std::string(65, ']')),
       "f:1:65: error: nested deeper than 64"},
      {std::string(5000, 'a'), "f:1:1: error: the document is larger than 4000 bytes"},
      {"a: &a [*a]", "f:1:8: error: an alias inside of what it names"},
      {"a: 1\nb: 2\na: 3", "f:3:1: error: the key 'a' is given twice"},
      {"? [a]\n: 1", "f:1:3: error: a key must be text"},
      {"a: \xff", "f:1:1: error: the document is not UTF-8"},
      {std::string("a\0b", 3), "f:1:1: error: the document has a NUL byte"},
      {"a: *b", "f:1:4: error: the referenced anchor is not defined"},
  };
  for (const Row& row : rows) {
    ParseResult result = ParseYaml(row.text, "f", limits);
    ASSERT_THAT(result.problems, SizeIs(1)) << row.want;
    EXPECT_EQ(ToString(result.problems[0]), row.want);
  }
}

// One rule a row: what is replaced in kRoute, and the one problem that follows.
TEST(ParseYaml, RejectsWhatTheApiRejects) {
  struct Row {
    std::string from, to, want;
  };
  const Row rows[] = {
      {"name: gw", "name: ''", "spec.parentRefs[0].name: must not be empty"},
      {"name: gw", "nam: gw", "spec.parentRefs[0].name: is required"},
      {"{name: gw}", "{name: gw, port: 70000}", "spec.parentRefs[0].port: 70000 is not in 1-65535"},
      {"{name: gw}", "{name: gw, port: '80'}",
       "spec.parentRefs[0].port: must be a whole number, not text"},
      {"[{name: gw}]", "{name: gw}", "spec.parentRefs: must be a list, not a map"},
      {"\"a.example\"", "\"*.*.example\"",
       "spec.hostnames[0]: '*.*.example' is not valid: expected a lower-case DNS name, '*.' before "
       "it allowed"},
      {"\"a.example\"", "A.example",
       "spec.hostnames[0]: 'A.example' is not valid: expected a lower-case DNS name, '*.' before "
       "it "
       "allowed"},
      {"value: /x}", "value: x}", "spec.rules[0].matches[0].path.value: must start with '/'"},
      {"value: /x}", "value: //x}", "spec.rules[0].matches[0].path.value: must not contain '//'"},
      {"value: /x}", "value: /x/..}",
       "spec.rules[0].matches[0].path.value: must not end with '/..'"},
      {"value: /x}", "value: /a%2fb}",
       "spec.rules[0].matches[0].path.value: must not contain '%2f'"},
      {"value: /x}", "value: '/a b'}",
       "spec.rules[0].matches[0].path.value: has characters that a path cannot have"},
      {"type: Exact, value: /x", "type: Prefix, value: /x",
       "spec.rules[0].matches[0].path.type: 'Prefix' is none of Exact, PathPrefix, "
       "RegularExpression"},
      {"name: X-A", "name: 'X A'",
       "spec.rules[0].matches[0].headers[0].name: 'X A' is not valid: expected a header name"},
      {"[{name: X-A, value: \"1\"}]", "[{name: X-A, value: \"1\"}, {name: X-A, value: \"2\"}]",
       "spec.rules[0].matches[0].headers: two items have the name 'X-A'"},
      {"value: \"1\"", "value: 1",
       "spec.rules[0].matches[0].headers[0].value: must be text, not a whole number (put it in "
       "quotes)"},
      {"method: GET", "method: get",
       "spec.rules[0].matches[0].method: 'get' is none of GET, HEAD, POST, PUT, DELETE, CONNECT, "
       "OPTIONS, TRACE, PATCH"},
      {"type: RequestRedirect", "type: ExternalAuth",
       "spec.rules[0].filters[0].requestRedirect: must be given with its own type, and only with "
       "it"},
      {"port: 8443", "statusCode: 300",
       "spec.rules[0].filters[0].requestRedirect.statusCode: 300 is none of 301, 302, 303, 307, "
       "308"},
      {"type: ReplaceFullPath, replaceFullPath", "type: ReplacePrefixMatch, replacePrefixMatch",
       "spec.rules[0].filters: replacePrefixMatch needs exactly one match, of type PathPrefix"},
      {"      timeouts", "      backendRefs: [{name: s, port: 1}]\n      timeouts",
       "spec.rules[0].filters: RequestRedirect does not go with backendRefs"},
      {"500ms", "2h", "spec.rules[0].timeouts.backendRequest: must not be longer than request"},
      {"1h30m", "90",
       "spec.rules[0].timeouts.request: must be text, not a whole number (put it in "
       "quotes)"},
      {"1h30m", "1.5h",
       "spec.rules[0].timeouts.request: is no duration such as 1h30m, 10s or 500ms (GEP-2257)"},
      {"name: s, port: 80", "name: s",
       "spec.rules[1].backendRefs[0].port: is required for a Service"},
      {"weight: 0", "weight: -1", "spec.rules[1].backendRefs[1].weight: -1 is not in 0-1000000"},
      {"creationTimestamp: \"2026", "creationTimestamp: \"x2026",
       "metadata.creationTimestamp: is no time such as 2026-01-31T12:00:00Z (RFC 3339)"},
      {"name: r,", "name: 'r/s',",
       "metadata.name: 'r/s' is not valid: expected lower-case letters, digits, '-', '.'"},
      {"spec:", "spic:", "spec: is required"},
  };
  for (const Row& row : rows) {
    ASSERT_NE(std::string(kRoute).find(row.from), std::string::npos) << row.from;
    ParseResult result = ParseYaml(absl::StrReplaceAll(kRoute, {{row.from, row.to}}), "f");
    EXPECT_THAT(result.objects, IsEmpty()) << row.to;
    std::vector<std::string> errors;
    for (const Problem& problem : result.problems) {
      EXPECT_GT(problem.at.line, 0);
      if (problem.severity != Problem::Severity::kError) continue;
      errors.push_back(absl::StrCat(problem.path, ": ", problem.message));
    }
    EXPECT_THAT(errors, ElementsAre(row.want));
  }
}

TEST(ParseYaml, RejectsGrpcRoutesThatBreakRules) {
  struct Row {
    std::string rule, want;
  };
  const Row rows[] = {
      {"matches: [{method: {}}]",
       "spec.rules[0].matches[0].method.service: service or method is required"},
      {"matches: [{method: {service: a/b}}]",
       "spec.rules[0].matches[0].method.service: is no name of a gRPC service"},
      {"matches: [{method: {service: a, method: 1b}}]",
       "spec.rules[0].matches[0].method.method: is no name of a gRPC method"},
      {"matches: [{method: {type: Prefix, service: a}}]",
       "spec.rules[0].matches[0].method.type: 'Prefix' is none of Exact, RegularExpression"},
      {"filters: [{type: URLRewrite, urlRewrite: {hostname: a.b}}]",
       "spec.rules[0].filters: a GRPCRoute has no filter of this type"},
      {"filters: [{type: CORS, cors: {}}]",
       "spec.rules[0].filters: a GRPCRoute has no filter of this type"},
  };
  for (const Row& row : rows) {
    std::string text = absl::StrCat(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: r}\n"
        "spec: {rules: [{",
        row.rule, "}]}\n");
    ParseResult result = ParseYaml(text, "f");
    EXPECT_THAT(result.objects, IsEmpty()) << row.rule;
    std::vector<std::string> errors;
    for (const Problem& problem : result.problems) {
      errors.push_back(absl::StrCat(problem.path, ": ", problem.message));
    }
    EXPECT_THAT(errors, ElementsAre(row.want));
  }
}

TEST(ParseYaml, RejectsGatewaysThatBreakRules) {
  struct Row {
    std::string listeners, want;
  };
  const Row rows[] = {
      {"[]", "f:4:40: error: Gateway default/g: spec.listeners: must not be empty"},
      {"[{name: a, port: 0, protocol: HTTP}]",
       "f:4:57: error: Gateway default/g: spec.listeners[0].port: 0 is not in 1-65535"},
      {"[{name: a, port: 1, protocol: HTTP}, {name: a, port: 2, protocol: HTTP}]",
       "f:4:40: error: Gateway default/g: spec.listeners: two items have the name 'a'"},
      {"[{name: a, port: 1, protocol: HTTP}, {name: b, port: 1, protocol: HTTP}]",
       "f:4:40: error: Gateway default/g: spec.listeners: two listeners have the same port, "
       "protocol and hostname"},
      {"[{name: a, port: 1, protocol: HTTP, tls: {certificateRefs: [{name: c}]}}]",
       "f:4:81: error: Gateway default/g: spec.listeners[0].tls: must not be given for the "
       "protocols HTTP, TCP and UDP"},
      {"[{name: a, port: 1, protocol: HTTPS, tls: {mode: Passthrough}}]",
       "f:4:82: error: Gateway default/g: spec.listeners[0].tls: the mode must be Terminate for "
       "the "
       "protocol HTTPS"},
      {"[{name: a, port: 1, protocol: HTTPS, tls: {}}]",
       "f:4:82: error: Gateway default/g: spec.listeners[0].tls.certificateRefs: certificateRefs "
       "or "
       "options are required with mode Terminate"},
      {"[{name: a, port: 1, protocol: TCP, hostname: a.b}]",
       "f:4:85: error: Gateway default/g: spec.listeners[0].hostname: must not be given for the "
       "protocols TCP and UDP"},
      {"[{name: a, port: 1, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector}}}]",
       "f:4:104: error: Gateway default/g: spec.listeners[0].allowedRoutes.namespaces.selector: is "
       "required with from: Selector"},
      {"[{name: a, port: 1, protocol: HTTP}], addresses: [{value: 1.2.3}]",
       "f:4:98: error: Gateway default/g: spec.addresses[0].value: is no IP address"},
      {"[{name: a, port: 1, protocol: HTTP}], addresses: [{value: 1.2.3.4}, {value: 1.2.3.4}]",
       "f:4:89: error: Gateway default/g: spec.addresses: two addresses are the same"},
  };
  for (const Row& row : rows) {
    std::string text = absl::StrCat(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g}\n"
        "spec: {gatewayClassName: c, listeners: ",
        row.listeners, "}\n");
    ParseResult result = ParseYaml(text, "f");
    EXPECT_THAT(Texts(result.problems), ElementsAre(row.want));
    EXPECT_THAT(result.objects, IsEmpty());
  }
}

TEST(ParseYaml, ReadsSecretsIntoPrivateBytes) {
  ParseResult result = ParseYaml(R"(
apiVersion: v1
kind: Secret
metadata: {name: s}
type: kubernetes.io/tls
data: {tls.crt: Y2VydA==, tls.key: b2xk}
stringData: {tls.key: key}
)",
                                 "f");
  EXPECT_THAT(Texts(result.problems), IsEmpty());
  ASSERT_THAT(result.objects, SizeIs(1));
  const auto& secret = std::get<Secret>(result.objects[0]);
  EXPECT_EQ(secret.data.at(Secret::kTlsCertificate).Reveal(), "cert");
  EXPECT_EQ(secret.data.at(Secret::kTlsKey).Reveal(), "key");
  EXPECT_EQ(absl::StrCat(secret.data.at(Secret::kTlsKey)), "[private]");

  result = ParseYaml(
      "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {tls.key: 'hidden!'}\n", "f");
  EXPECT_THAT(Texts(result.problems),
              ElementsAre("f:4:17: error: Secret default/s: data.tls.key: is no base64"));
}

TEST(ParseJson, ReadsTheSameSchema) {
  ParseResult result = ParseJson(
      R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"n"},
          "spec":{"clusterIP":"None","ports":[{"port":80,"targetPort":"web"},{"name":"b","port":70000}]}})",
      "watch");
  EXPECT_THAT(
      Texts(result.problems),
      ElementsAre("watch: error: Service n/s: spec.ports[1].port: 70000 is not in 1-65535"));

  result = ParseJson(
      R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"n"},
          "spec":{"clusterIP":"None","ports":[{"port":80,"targetPort":8080}]}})",
      "watch");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_THAT(result.objects, SizeIs(1));
  Service want;
  want.meta.name = "s";
  want.meta.namespace_ = "n";
  want.meta.origin.file = "watch";
  want.cluster_ip = "None";
  want.ports.push_back({.port = 80, .target_port = "8080"});
  EXPECT_EQ(std::get<Service>(result.objects[0]), want);
}

TEST(ParseJson, RefusesBrokenAndHostileInput) {
  struct Row {
    std::string text, want;
  };
  const Row rows[] = {
      {"{", "w: error: no valid JSON at byte 2"},
      {"{\"a\":1,\"a\":2}", "w: error: the key 'a' is given twice"},
      {std::string(100, '['), "w: error: nested deeper than 64"},
      {"[]", "w: error: an object must be a map"},
      {"{\"kind\":\"x\"}", "w: error: an object needs apiVersion and kind"},
      {"\"\xff\"", "w: error: no valid JSON at byte 2"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(Texts(ParseJson(row.text, "w").problems), ElementsAre(row.want));
  }
}

constexpr char kNamespaceA[] = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
constexpr char kNamespaceB[] = "apiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n";

TEST(LoadYaml, FirstOfTwoStaysAndBothAreNamed) {
  LoadResult loaded = LoadYaml({{"z.yaml", kNamespaceA}, {"y.yaml", kNamespaceA}});
  EXPECT_EQ(loaded.objects.Find<Namespace>({"", "a"})->meta.origin.file, "y.yaml");
  EXPECT_THAT(
      Texts(loaded.problems),
      ElementsAre("z.yaml:1:1: error: Namespace a: Namespace a at z.yaml:1:1 is left out: it "
                  "is already at y.yaml:1:1"));
}

TEST(LoadYaml, KeepsWhatWorkedInPlaceOfWhatIsBroken) {
  std::string both = absl::StrCat(kNamespaceA, "---\n", kNamespaceB);
  ObjectSet good = LoadYaml({{"f", both}}).objects;
  ASSERT_EQ(good.size(), 2u);

  // A document that cannot be read: everything of its file stays.
  EXPECT_EQ(LoadYaml({{"f", absl::StrCat(kNamespaceA, "---\n{")}}, good).objects, good);
  // An object that breaks a rule: it stays as it was.
  EXPECT_EQ(LoadYaml({{"f", absl::StrCat(both, "spec: {}\nkind2: x\nstatus: 1\n") + "---\n"}}, good)
                .objects,
            good);
  std::string bad_b = absl::StrReplaceAll(both, {{"{name: b}", "{name: b, labels: 1}"}});
  EXPECT_EQ(LoadYaml({{"f", bad_b}}, good).objects, good);
  // An object that is gone is gone.
  EXPECT_EQ(LoadYaml({{"f", kNamespaceA}}, good).objects.size(), 1u);
}

}  // namespace
}  // namespace sluice::gateway_api
