#include "dataplane/route/route_table.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "absl/strings/str_join.h"
#include "dataplane/snapshot/text.h"
#include "dataplane/snapshot/validate.h"
#include "linear_model.h"
#include "request.h"

namespace sluice::route {
namespace {

using testing::LinearAnswer;
using testing::RequestSpec;
using testing::TestRequest;

std::unique_ptr<const RouteTable> Build(const snapshot::Snapshot& snapshot) {
  EXPECT_TRUE(snapshot::Validate(snapshot).ok()) << snapshot::Validate(snapshot);
  auto table = RouteTable::Build(snapshot);
  EXPECT_TRUE(table.ok()) << table.status();
  return *std::move(table);
}

snapshot::Snapshot Parse(const std::string& text) {
  const auto snapshot = snapshot::FromText(text);
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  return *snapshot;
}

core::Address At(uint16_t port) { return *core::Address::Parse("192.0.2.1", port); }

std::string Answer(const RouteTable& table, uint16_t port, uint32_t listener,
                   const RequestSpec& spec) {
  TestRequest request(spec);
  const Result result = table.Find(*table.FindPort(At(port)), listener, request.head);
  switch (result.outcome) {
    case Outcome::kNoRoute:
      return "404";
    case Outcome::kMisdirected:
      return "421";
    case Outcome::kFound:
      break;
  }
  return absl::StrCat(table.ListenerId(result.listener), " ", result.rule->id, " ",
                      result.match->index());
}

// One listener and one host; each line of `matches` becomes a rule of the same index.
std::unique_ptr<const RouteTable> WithMatches(const std::vector<std::string>& matches) {
  std::string text =
      "listeners { id: 'l' addresses: '192.0.2.1' port: 80 } hosts { listener_id: 'l' ";
  std::string rules;
  for (size_t i = 0; i < matches.size(); ++i) {
    absl::StrAppend(&text, "matches { ", matches[i], " rule_id: 'r", i, "' }");
    absl::StrAppend(&rules, "rules { id: 'r", i, "' }");
  }
  return Build(Parse(text + "}" + rules));
}

std::string RuleFor(const RouteTable& table, const RequestSpec& spec) {
  const std::string answer = Answer(table, 80, RouteTable::kAnyListener, spec);
  return answer == "404" ? answer : answer.substr(2, answer.find(' ', 2) - 2);
}

TEST(RouteTableTest, MatchesPathsBySegment) {
  const auto table =
      WithMatches({"path_type: PATH_TYPE_EXACT path: '/a/b'", "path: '/a/b/c'", "path: '/a/b'",
                   "path: '/a'", "path_type: PATH_TYPE_REGEX path: '/v[0-9]+/.*'", "path: '/v1'"});
  const struct {
    const char* target;
    const char* rule;
  } rows[] = {
      {"/a/b", "r0"},    {"/a/b?x=1", "r0"}, {"/a/b/", "r2"},   {"/a/b/c", "r1"},
      {"/a/b/c/", "r1"}, {"/a/b/cd", "r2"},  {"/a/bc", "r3"},   {"/a", "r3"},
      {"/a/", "r3"},     {"/a//b", "r3"},    {"/ab", "404"},    {"/", "404"},
      {"/v1/x", "r4"},   {"/v1", "r5"},      {"/v22/", "r4"},   {"/V1/x", "404"},
      {"*", "404"},      {"/x/v1/y", "404"}, {"/a%2Fb", "404"}, {"/v1/x?y", "r4"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(RuleFor(*table, {.host = "h", .target = row.target}), row.rule) << row.target;
}

TEST(RouteTableTest, TheRootPrefixTakesEverything) {
  const auto table = WithMatches({"path: '/'"});
  for (const char* target : {"/", "/a", "/a/b/", "//", "/?q"}) {
    EXPECT_EQ(RuleFor(*table, {.host = "h", .target = target}), "r0") << target;
  }
  EXPECT_EQ(RuleFor(*table, {.host = "h", .target = "*", .method = "OPTIONS"}), "404");
}

TEST(RouteTableTest, TheFirstMatchThatHoldsWins) {
  const auto table =
      WithMatches({"path: '/' headers { name: 'x-v' value: '2' }", "path: '/' method: 'POST'",
                   "path: '/' query { name: 'q' value: 'a b' }",
                   "path: '/' query { name: 'n' value: '[0-9]+' regex: true }",
                   "path: '/' headers { name: 'x-l' value: 'a, b' }",
                   "path: '/' headers { name: 'x-r' value: 'a.*z' regex: true }",
                   "path: '/' headers { name: 'host' value: 'special' }", "path: '/x'"});
  const struct {
    RequestSpec request;
    const char* rule;
  } rows[] = {
      {{.host = "h", .headers = {{"x-v", "2"}}}, "r0"},
      {{.host = "h", .method = "POST", .headers = {{"x-v", "2"}}}, "r0"},
      {{.host = "h", .method = "POST"}, "r1"},
      {{.host = "h", .method = "post"}, "404"},
      {{.host = "h", .headers = {{"x-v", "3"}}}, "404"},
      {{.host = "h", .target = "/?q=a%20b"}, "r2"},
      {{.host = "h", .target = "/?q=a+b"}, "r2"},
      {{.host = "h", .target = "/?%71=a%20b"}, "r2"},
      {{.host = "h", .target = "/?z&q=a+b&q=c"}, "r2"},
      {{.host = "h", .target = "/?q=c&q=a+b"}, "404"},  // the first of a name counts
      {{.host = "h", .target = "/?q=a%2"}, "404"},
      {{.host = "h", .target = "/?n=12"}, "r3"},
      {{.host = "h", .target = "/?n=%31%32"}, "r3"},
      {{.host = "h", .target = "/?n=12x"}, "404"},
      {{.host = "h", .target = "/?n"}, "404"},
      {{.host = "h", .target = "/?nn=12"}, "404"},
      {{.host = "h", .headers = {{"x-l", "a"}, {"x-l", "b"}}}, "r4"},
      {{.host = "h", .headers = {{"x-l", "a, b"}}}, "r4"},
      {{.host = "h", .headers = {{"x-l", "b"}, {"x-l", "a"}}}, "404"},
      {{.host = "h", .headers = {{"x-r", "abcz"}}}, "r5"},
      {{.host = "h", .headers = {{"x-r", "abcz1"}}}, "404"},
      {{.host = "special"}, "r6"},
      {{.host = "h", .target = "/x"}, "r7"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(RuleFor(*table, row.request), row.rule)
        << row.request.method << " " << row.request.target;
  }
}

TEST(RouteTableTest, AGrpcMatchTakesGrpcRequestsOnly) {
  const auto table = WithMatches({"path: '/' grpc: true", "path: '/'"});
  const struct {
    const char* content_type;
    const char* rule;
  } rows[] = {
      {"application/grpc", "r0"},     {"application/grpc+proto", "r0"},
      {"Application/GRPC", "r0"},     {"application/grpc;charset=utf-8", "r0"},
      {"application/grpc-web", "r1"}, {"application/grp", "r1"},
      {"application/json", "r1"},     {"", "r1"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(RuleFor(*table, {.host = "h", .headers = {{"content-type", row.content_type}}}),
              row.rule)
        << row.content_type;
  }
  EXPECT_EQ(RuleFor(*table, {.host = "h"}), "r1");
}

constexpr char kListeners[] = R"(
  listeners { id: "a" addresses: "192.0.2.1" port: 443 protocol: PROTOCOL_HTTPS hostname: "a.example.com" certificate_ids: "c" }
  listeners { id: "b" addresses: "192.0.2.1" port: 443 protocol: PROTOCOL_HTTPS hostname: "*.example.com" certificate_ids: "c" }
  listeners { id: "p" addresses: "192.0.2.1" port: 80 }
  listeners { id: "q" addresses: "192.0.2.1" port: 80 hostname: "*.example.com" }
  hosts { listener_id: "a" hostname: "a.example.com" matches { path: "/" rule_id: "ra" } }
  hosts { listener_id: "b" hostname: "*.b.example.com" matches { path: "/" rule_id: "rw" } }
  hosts { listener_id: "b" hostname: "*.example.com" matches { path: "/" rule_id: "rb" } }
  hosts { listener_id: "b" hostname: "x.example.com" matches { path: "/only" rule_id: "rx" } }
  hosts { listener_id: "p" matches { path: "/" rule_id: "rp" } }
  hosts { listener_id: "q" hostname: "q.example.com" matches { path: "/" rule_id: "rq" } }
  rules { id: "ra" } rules { id: "rb" } rules { id: "rp" } rules { id: "rq" } rules { id: "rw" } rules { id: "rx" })";

TEST(RouteTableTest, TheHostChoosesListenerThenHostTable) {
  const auto table = Build(Parse(kListeners));
  const uint32_t a = table->ListenerIndex("a"), b = table->ListenerIndex("b");
  const struct {
    uint16_t port;
    uint32_t listener;
    const char* host;
    const char* target;
    const char* answer;
  } rows[] = {
      {443, a, "a.example.com", "/", "a ra 0"},
      {443, b, "a.example.com", "/", "421"},  // another listener has it
      {443, a, "z.example.com", "/", "421"},
      {443, b, "z.example.com", "/", "b rb 0"},
      {443, b, "y.z.example.com", "/", "b rb 0"},
      {443, b, "y.b.example.com", "/", "b rw 0"},
      {443, b, "x.example.com", "/only", "b rx 0"},
      {443, b, "x.example.com", "/", "404"},  // the exact host alone: no fall-back to the wildcard
      {443, a, "other.test", "/", "404"},     // no listener has it
      {443, RouteTable::kGoneListener, "a.example.com", "/", "421"},
      {80, RouteTable::kAnyListener, "q.example.com", "/", "q rq 0"},
      {80, RouteTable::kAnyListener, "z.example.com", "/", "404"},  // isolated from listener p
      {80, RouteTable::kAnyListener, "other.test", "/", "p rp 0"},
      {80, RouteTable::kAnyListener, "192.0.2.1", "/", "p rp 0"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(Answer(*table, row.port, row.listener, {.host = row.host, .target = row.target}),
              row.answer)
        << row.port << " " << row.host << row.target;
  }
}

TEST(RouteTableTest, FindsPorts) {
  const auto table = Build(Parse(kListeners));
  EXPECT_EQ(table->FindPort(At(81)), std::nullopt);
  EXPECT_EQ(table->FindPort(*core::Address::Parse("192.0.2.2", 80)), std::nullopt);
  EXPECT_TRUE(table->IsHttps(*table->FindPort(At(443))));
  EXPECT_FALSE(table->IsHttps(*table->FindPort(At(80))));
  EXPECT_EQ(table->FindPortOfListener("q"), table->FindPort(At(80)));
  EXPECT_EQ(table->FindPortOfListener("z"), std::nullopt);
  EXPECT_EQ(table->ListenerIndex("z"), RouteTable::kGoneListener);
}

TEST(RouteTableTest, ResolvesRules) {
  const auto table = Build(Parse(R"(
    rules {
      id: "r" route: "ns/r" request_timeout_ms: 5 backend_timeout_ms: 99999999999 grpc: true
      backends { weight: 3 cluster_id: "c2" filters { request_headers { remove: "x" } } } backends { weight: 4 }
      filters { redirect { status: 301 } }
    }
    clusters { id: "c1" } clusters { id: "c2" })"));
  ASSERT_EQ(table->rules().size(), 1u);
  const Rule& rule = table->rules()[0];
  EXPECT_EQ(rule.id, "r");
  EXPECT_EQ(rule.route, "ns/r");
  EXPECT_EQ(rule.index, 0u);
  EXPECT_EQ(rule.total_weight, 7u);
  EXPECT_EQ(rule.request_timeout_ms, 5u);
  EXPECT_EQ(rule.backend_timeout_ms, UINT32_MAX);
  EXPECT_TRUE(rule.grpc);
  ASSERT_EQ(rule.backends.size(), 2u);
  EXPECT_EQ(rule.backends[0].cluster, 1u);
  EXPECT_EQ(rule.backends[0].filters.size(), 1u);
  EXPECT_EQ(rule.backends[1].cluster, Backend::kUnresolved);
  ASSERT_EQ(rule.filters.size(), 1u);
  EXPECT_EQ(rule.filters[0].redirect().status(), 301u);
}

TEST(RouteTableTest, HeaderNamesOfFiltersBecomeLowerCase) {
  const auto table = Build(Parse(R"(
    rules {
      id: "r"
      filters { request_headers { set { name: "X-A" value: "V" } add { name: "X-B" value: "V" } } }
      backends { filters { response_headers { set { name: "X-C" value: "V" } } } }
    })"));
  const Rule& rule = table->rules()[0];
  EXPECT_EQ(rule.filters[0].request_headers().set(0).name(), "x-a");
  EXPECT_EQ(rule.filters[0].request_headers().set(0).value(), "V");
  EXPECT_EQ(rule.filters[0].request_headers().add(0).name(), "x-b");
  EXPECT_EQ(rule.backends[0].filters[0].response_headers().set(0).name(), "x-c");
}

// ---- the property: the table answers what a linear scan answers ---------------------------------

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  template <typename T>
  const T& Of(const std::vector<T>& values) {
    return values[Below(static_cast<uint32_t>(values.size()))];
  }
  // Few letters, so that paths and names collide often.
  std::string Path(uint32_t max_segments) {
    std::string path;
    for (uint32_t i = Below(max_segments + 1); i > 0; --i) {
      static const std::vector<std::string> kSegments = {"a", "b", "ab", "", "abc", "a-b", "c"};
      absl::StrAppend(&path, "/", Of(kSegments));
    }
    return path.empty() ? "/" : path;
  }
  std::string HostName() {
    static const std::vector<std::string> kLabels = {"a", "b", "c", "x"};
    std::vector<std::string> labels;
    for (uint32_t i = Below(4) + 1; i > 0; --i) labels.push_back(Of(kLabels));
    return absl::StrJoin(labels, ".");
  }
  std::string HostPattern() {
    if (OneIn(3)) return "";
    return OneIn(2) ? "*." + HostName() : HostName();
  }

 private:
  std::mt19937 engine_;
};

const std::vector<std::string> kValues = {"1", "2", "12", ""};
const std::vector<std::string> kNames = {"x", "y", "xy"};

void RandomValue(Random& random, snapshot::ValueMatch& match) {
  match.set_name(random.Of(kNames));
  match.set_regex(random.OneIn(3));
  match.set_value(match.regex() ? "1.*|2" : random.Of(kValues));
}

void RandomMatch(Random& random, snapshot::Match& match) {
  match.set_path_type(
      static_cast<snapshot::Match::PathType>(random.OneIn(6) ? 2 : random.Below(2)));
  if (match.path_type() == snapshot::Match::PATH_TYPE_REGEX) {
    match.set_path(random.OneIn(2) ? "/a.*" : "(/[ab]+)+");
  } else {
    match.set_path(random.Path(4));
    if (match.path_type() == snapshot::Match::PATH_TYPE_PREFIX) {
      while (match.path().size() > 1 && match.path().ends_with('/'))
        match.mutable_path()->pop_back();
    }
  }
  if (random.OneIn(4)) match.set_method(random.OneIn(2) ? "GET" : "POST");
  match.set_grpc(random.OneIn(4));
  for (uint32_t n = random.OneIn(3) ? random.Below(3) : 0; n > 0; --n)
    RandomValue(random, *match.add_headers());
  for (uint32_t n = random.OneIn(3) ? random.Below(3) : 0; n > 0; --n)
    RandomValue(random, *match.add_query());
}

template <typename Elements, typename Key>
void SortUnique(Elements* elements, Key key) {
  std::sort(elements->begin(), elements->end(),
            [&](const auto& a, const auto& b) { return key(a) < key(b); });
  const auto end = std::unique(elements->begin(), elements->end(),
                               [&](const auto& a, const auto& b) { return key(a) == key(b); });
  elements->erase(end, elements->end());
}

snapshot::Snapshot RandomSnapshot(Random& random) {
  snapshot::Snapshot snapshot;
  for (int i = 0; i < 20; ++i) snapshot.add_rules()->set_id(absl::StrCat("r", i + 10));
  for (const uint32_t port : {80u, 443u}) {
    std::set<std::string> hostnames;
    for (uint32_t n = random.Below(4) + 1; n > 0; --n) hostnames.insert(random.HostPattern());
    for (const std::string& hostname : hostnames) {
      snapshot::Listener& listener = *snapshot.add_listeners();
      listener.set_id(absl::StrCat(port, "/", hostname));
      listener.add_addresses("192.0.2.1");
      listener.set_port(port);
      listener.set_hostname(hostname);
      if (port == 443) {
        listener.set_protocol(snapshot::Listener::PROTOCOL_HTTPS);
        listener.add_certificate_ids("c");
      }
    }
  }
  SortUnique(snapshot.mutable_listeners(), [](const auto& l) { return l.id(); });
  for (const auto& listener : snapshot.listeners()) {
    for (uint32_t n = random.Below(5) + 1; n > 0; --n) {
      snapshot::Host& host = *snapshot.add_hosts();
      host.set_listener_id(listener.id());
      host.set_hostname(random.HostPattern());
      for (uint32_t m = random.OneIn(4) ? 60 : random.Below(12); m > 0; --m) {
        snapshot::Match& match = *host.add_matches();
        RandomMatch(random, match);
        match.set_rule_id(random.Of(std::vector<std::string>{"r10", "r15", "r29"}));
        match.set_index(static_cast<uint32_t>(host.matches_size()) - 1);
      }
    }
  }
  SortUnique(snapshot.mutable_hosts(),
             [](const auto& h) { return std::pair(h.listener_id(), h.hostname()); });
  return snapshot;
}

RequestSpec RandomRequest(Random& random) {
  RequestSpec request{.host = random.HostName(),
                      .target = random.Path(6),
                      .method = random.OneIn(2) ? "GET" : "POST"};
  if (random.OneIn(2)) {
    std::vector<std::string> pairs;
    for (uint32_t n = random.Below(3); n > 0; --n) {
      pairs.push_back(random.Of(kNames) + (random.OneIn(4) ? "" : "=" + random.Of(kValues)));
    }
    absl::StrAppend(&request.target, "?", absl::StrJoin(pairs, "&"));
  }
  for (uint32_t n = random.Below(3); n > 0; --n)
    request.headers.emplace_back(random.Of(kNames), random.Of(kValues));
  if (random.OneIn(3)) request.headers.emplace_back("content-type", "application/grpc+proto");
  return request;
}

// The listener that SNI would have chosen for the host, or another of the port.
int RandomTlsListener(Random& random, const snapshot::Snapshot& snapshot, const std::string& host) {
  const auto owner = testing::MostSpecific(snapshot.listeners(), host,
                                           [](const auto& l) { return l.port() == 443; });
  if (owner && !random.OneIn(4)) return *owner;
  int listener;
  do {
    listener = static_cast<int>(random.Below(static_cast<uint32_t>(snapshot.listeners_size())));
  } while (snapshot.listeners(listener).port() != 443);
  return listener;
}

TEST(RouteTablePropertyTest, EqualsALinearScan) {
  constexpr int kTables = 250, kRequests = 500;
  int found = 0, misdirected = 0;
  for (int t = 0; t < kTables; ++t) {
    Random random(static_cast<uint32_t>(t));
    const snapshot::Snapshot snapshot = RandomSnapshot(random);
    const auto table = Build(snapshot);
    for (int r = 0; r < kRequests; ++r) {
      const RequestSpec spec = RandomRequest(random);
      const bool tls = random.OneIn(2);
      const uint16_t port = tls ? 443 : 80;
      int listener = -1;
      if (tls) listener = RandomTlsListener(random, snapshot, spec.host);
      const std::string got = Answer(
          *table, port, tls ? static_cast<uint32_t>(listener) : RouteTable::kAnyListener, spec);
      TestRequest request(spec);
      ASSERT_EQ(got, LinearAnswer(snapshot, port, listener, request.head))
          << spec.method << " " << spec.host << spec.target << "\n"
          << snapshot::ToText(snapshot);
      found += got.size() > 3;
      misdirected += got == "421";
    }
  }
  // The random requests must reach what they are meant to test.
  EXPECT_GT(found, kTables * kRequests / 8);
  EXPECT_GT(misdirected, kTables * kRequests / 50);
}

}  // namespace
}  // namespace sluice::route
