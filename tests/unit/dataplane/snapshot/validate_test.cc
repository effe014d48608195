#include "dataplane/snapshot/validate.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "dataplane/snapshot/text.h"

namespace sluice::snapshot {
namespace {

constexpr char kGood[] = R"(
vips { address: "192.0.2.1" announce: true ports { port: 80 } ports { port: 443 } }
listeners { id: "ns/gw/http" addresses: "192.0.2.1" port: 80 hostname: "*.example.com" }
listeners {
  id: "ns/gw/https" addresses: "192.0.2.1" port: 443 protocol: PROTOCOL_HTTPS certificate_ids: "ns/c@00"
}
hosts {
  listener_id: "ns/gw/https" hostname: "a.example.com"
  matches {
    path_type: PATH_TYPE_EXACT path: "/x" rule_id: "r1" method: "GET"
    headers { name: "x-a" value: "^a+$" regex: true } query { name: "q" value: "1" }
  }
  matches { path: "/" rule_id: "r1" }
}
hosts { listener_id: "ns/gw/https" hostname: "b.example.com" matches { path: "/" rule_id: "r2" } }
rules {
  id: "r1" route: "ns/r"
  filters { request_headers { set { name: "X-A" value: "1" } remove: "x-b" } }
  filters { rewrite { hostname: "c.test" path { type: TYPE_PREFIX value: "/y" } } }
  backends { weight: 1 cluster_id: "ns/s:80" }
  backends { weight: 2 }
}
rules { id: "r2" filters { redirect { scheme: "https" status: 301 } } }
clusters { id: "ns/s:80" }
endpoints { cluster_id: "ns/s:80" endpoints { address: "10.0.0.1" port: 8080 } endpoints { address: "10.0.0.2" port: 8080 } }
settings { trusted_proxies: "10.0.0.0/8" }
)";

Snapshot Good() {
  absl::StatusOr<Snapshot> snapshot = FromText(kGood);
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  return *snapshot;
}

// A newer peer may send values that this build does not know: proto3 enums are open.
template <typename Enum>
Enum Unknown(int value) {
  return static_cast<Enum>(value);  // NOLINT(clang-analyzer-optin.core.EnumCastOutOfRange)
}

TEST(ValidateTest, AcceptsAValidSnapshotAndAnEmptyOne) {
  EXPECT_TRUE(Validate(Good()).ok()) << Validate(Good());
  EXPECT_TRUE(Validate(Snapshot()).ok());
}

TEST(ValidateTest, NamesThePartAndTheField) {
  const struct {
    std::function<void(Snapshot&)> spoil;
    const char* error;
  } rows[] = {
      {[](auto& s) { s.mutable_vips(0)->set_address("192.0.2.01"); },
       "vips[0] (192.0.2.01): \"192.0.2.01\" is no address in canonical text"},
      {[](auto& s) { s.mutable_vips(0)->mutable_ports(0)->set_port(0); },
       "vips[0] (192.0.2.1): ports[0]: port 0 is not in 1-65535"},
      {[](auto& s) { s.mutable_vips(0)->mutable_ports(0)->set_port(443); },
       "vips[0] (192.0.2.1): ports[1]: not in ascending order, or twice"},
      {[](auto& s) { *s.add_vips() = s.vips(0); }, "vips[1]: not in ascending order, or twice"},
      {[](auto& s) { s.mutable_vips(0)->mutable_ports(1)->set_transport(Unknown<Transport>(7)); },
       "vips[0] (192.0.2.1): ports[1]: unknown transport 7"},
      {[](auto& s) { s.mutable_listeners()->SwapElements(0, 1); },
       "listeners[1]: not in ascending order, or twice"},
      {[](auto& s) { s.mutable_listeners(0)->set_port(70000); },
       "listeners[0] (ns/gw/http): port 70000 is not in 1-65535"},
      {[](auto& s) { s.mutable_listeners(0)->clear_id(); }, "listeners[0] (): no id"},
      {[](auto& s) { s.mutable_listeners(0)->set_hostname("A.example.com"); },
       "listeners[0] (ns/gw/http): hostname \"A.example.com\" is invalid"},
      {[](auto& s) { s.mutable_listeners(0)->clear_addresses(); },
       "listeners[0] (ns/gw/http): no address"},
      {[](auto& s) { s.mutable_listeners(0)->add_addresses("192.0.2.1"); },
       "listeners[0] (ns/gw/http): addresses[1]: not in ascending order, or twice"},
      {[](auto& s) { s.mutable_listeners(0)->set_addresses(0, "gw"); },
       "listeners[0] (ns/gw/http): addresses[0]: \"gw\" is no address in canonical text"},
      {[](auto& s) { s.mutable_listeners(1)->clear_certificate_ids(); },
       "listeners[1] (ns/gw/https): HTTPS without a certificate"},
      {[](auto& s) { s.mutable_listeners(0)->add_certificate_ids("x"); },
       "listeners[0] (ns/gw/http): a certificate without HTTPS"},
      {[](auto& s) { s.mutable_listeners(1)->set_protocol(Unknown<Listener::Protocol>(9)); },
       "listeners[1] (ns/gw/https): unknown protocol 9"},
      {[](auto& s) { s.mutable_listeners(1)->set_port(80); },
       "listener \"ns/gw/https\": another protocol on 192.0.2.1 port 80"},
      {[](auto& s) {
         s.mutable_listeners()->Add()->CopyFrom(s.listeners(1));
         s.mutable_listeners(2)->set_id("z");
       },
       "listener \"z\": hostname \"\" is taken on 192.0.2.1 port 443"},
      {[](auto& s) { s.mutable_hosts(0)->set_listener_id("a"); },
       "hosts[0] (\"a\", \"a.example.com\"): no listener \"a\""},
      {[](auto& s) { s.mutable_hosts()->SwapElements(0, 1); },
       "hosts[1]: not in ascending order, or twice"},
      {[](auto& s) { s.mutable_hosts(0)->set_hostname("a_B"); },
       "hosts[0] (\"ns/gw/https\", \"a_B\"): hostname \"a_B\" is invalid"},
      {[](auto& s) { s.mutable_hosts(0)->mutable_matches(1)->set_rule_id("r9"); },
       "hosts[0] (\"ns/gw/https\", \"a.example.com\"): matches[1]: no rule \"r9\""},
      {[](auto& s) { s.mutable_hosts(0)->mutable_matches(1)->set_path("/a/"); },
       "hosts[0] (\"ns/gw/https\", \"a.example.com\"): matches[1]: path: prefix \"/a/\" ends with "
       "a slash"},
      {[](auto& s) { s.mutable_hosts(0)->mutable_matches(0)->set_path("x"); },
       "hosts[0] (\"ns/gw/https\", \"a.example.com\"): matches[0]: path: \"x\" is no absolute "
       "path"},
      {[](auto& s) { s.mutable_hosts(0)->mutable_matches(0)->set_method("G T"); },
       "hosts[0] (\"ns/gw/https\", \"a.example.com\"): matches[0]: method \"G T\" is no token"},
      {[](auto& s) { s.mutable_hosts(0)->mutable_matches(0)->mutable_headers(0)->set_name("X-A"); },
       "hosts[0] (\"ns/gw/https\", \"a.example.com\"): matches[0]: headers[0]: header name \"X-A\" "
       "is no lower-case token"},
      {[](auto& s) { s.mutable_hosts(0)->mutable_matches(0)->mutable_headers(0)->set_value("(a"); },
       "hosts[0] (\"ns/gw/https\", \"a.example.com\"): matches[0]: headers[0]: the regular "
       "expression \"(a\" is invalid: missing ): (a"},
      {[](auto& s) { s.mutable_hosts(0)->mutable_matches(0)->mutable_query(0)->clear_name(); },
       "hosts[0] (\"ns/gw/https\", \"a.example.com\"): matches[0]: query[0]: a query parameter "
       "without a name"},
      {[](auto& s) {
         for (int i = 0; i < 16; ++i)
           *s.mutable_hosts(0)->mutable_matches(0)->add_headers() =
               s.hosts(0).matches(0).headers(0);
       },
       "hosts[0] (\"ns/gw/https\", \"a.example.com\"): matches[0]: more than 16 header or query "
       "matches"},
      {[](auto& s) { s.mutable_rules(0)->mutable_backends(0)->set_cluster_id("x"); },
       "rules[0] (r1): backends[0]: no cluster \"x\""},
      {[](auto& s) { s.mutable_rules(0)->mutable_backends(0)->set_weight(1'000'001); },
       "rules[0] (r1): backends[0]: weight 1000001 is above 1000000"},
      {[](auto& s) { s.mutable_rules(0)->set_request_timeout_ms(-1); },
       "rules[0] (r1): a negative timeout"},
      {[](auto& s) { s.mutable_rules(0)->add_filters(); },
       "rules[0] (r1): filters[2]: a filter of no known kind"},
      {[](auto& s) {
         s.mutable_rules(0)
             ->mutable_filters(0)
             ->mutable_request_headers()
             ->mutable_set(0)
             ->set_value("a\r\nb");
       },
       "rules[0] (r1): filters[0]: request_headers: set[0]: the value of header \"X-A\" has "
       "invalid characters"},
      {[](auto& s) {
         s.mutable_rules(0)
             ->mutable_filters(0)
             ->mutable_request_headers()
             ->mutable_set(0)
             ->set_name(":authority");
       },
       "rules[0] (r1): filters[0]: request_headers: set[0]: header name \":authority\" is no "
       "token"},
      {[](auto& s) {
         s.mutable_rules(0)
             ->mutable_filters(0)
             ->mutable_request_headers()
             ->mutable_set(0)
             ->set_name("Host");
       },
       "rules[0] (r1): filters[0]: request_headers: set[0]: header \"Host\" may not be modified"},
      {[](auto& s) {
         s.mutable_rules(0)->mutable_filters(0)->mutable_request_headers()->set_remove(0, "X-B");
       },
       "rules[0] (r1): filters[0]: request_headers: remove[0]: header name \"X-B\" is no "
       "lower-case token"},
      {[](auto& s) {
         s.mutable_rules(0)->mutable_filters(1)->mutable_rewrite()->set_hostname("evil\r\n");
       },
       "rules[0] (r1): filters[1]: rewrite: hostname \"evil\r\n\" is invalid"},
      {[](auto& s) {
         s.mutable_rules(0)->mutable_filters(1)->mutable_rewrite()->mutable_path()->set_value(
             "/a b");
       },
       "rules[0] (r1): filters[1]: rewrite: path: \"/a b\" is no absolute path"},
      {[](auto& s) { s.mutable_rules(1)->mutable_filters(0)->mutable_redirect()->set_status(200); },
       "rules[1] (r2): filters[0]: redirect: status 200 is no redirect"},
      {[](auto& s) {
         s.mutable_rules(1)->mutable_filters(0)->mutable_redirect()->set_scheme("ftp");
       },
       "rules[1] (r2): filters[0]: redirect: scheme \"ftp\" is neither http nor https"},
      {[](auto& s) { s.mutable_rules(1)->mutable_filters(0)->mutable_redirect()->set_port(65536); },
       "rules[1] (r2): filters[0]: redirect: port 65536 is not in 0-65535"},
      {[](auto& s) {
         s.mutable_rules(1)->mutable_filters(0)->mutable_redirect()->mutable_path()->set_value(
             "/a");
       },
       "rules[1] (r2): filters[0]: redirect: path: a value without a type"},
      {[](auto& s) { s.mutable_clusters(0)->set_protocol(Unknown<Cluster::Protocol>(5)); },
       "clusters[0] (ns/s:80): unknown protocol 5"},
      {[](auto& s) { s.mutable_endpoints(0)->set_cluster_id("x"); },
       "endpoints[0] (x): no cluster \"x\""},
      {[](auto& s) { s.mutable_endpoints(0)->mutable_endpoints(1)->set_port(0); },
       "endpoints[0] (ns/s:80): endpoints[1]: port 0 is not in 1-65535"},
      {[](auto& s) { s.mutable_endpoints(0)->mutable_endpoints()->SwapElements(0, 1); },
       "endpoints[0] (ns/s:80): endpoints[1]: not in ascending order, or twice"},
      {[](auto& s) { s.mutable_settings()->set_trusted_proxies(0, "10.0.0.0"); },
       "settings: trusted_proxies[0]: \"10.0.0.0\" is no CIDR"},
      {[](auto& s) { s.mutable_settings()->set_access_log(Unknown<Settings::AccessLog>(8)); },
       "settings: unknown access_log 8"},
      {[](auto& s) {
         for (size_t i = 0; i <= kMaxElements; ++i) s.add_clusters();
       },
       "clusters: 100002 elements, at most 100000 are served"},
  };
  for (const auto& row : rows) {
    Snapshot snapshot = Good();
    row.spoil(snapshot);
    EXPECT_EQ(Validate(snapshot).message(), row.error);
  }
}

TEST(TextTest, PrintsWhatItReads) {
  const Snapshot snapshot = Good();
  const absl::StatusOr<Snapshot> again = FromText(ToText(snapshot));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ToText(*again), ToText(snapshot));
  EXPECT_EQ(again->SerializeAsString(), snapshot.SerializeAsString());
}

TEST(TextTest, ErrorsHaveLineAndColumn) {
  EXPECT_EQ(
      FromText("vips {\n  adress: 1 }").status().message(),
      "line 2, column 9: Message type \"sluice.snapshot.Vip\" has no field named \"adress\".");
  EXPECT_EQ(FromText("vips {").status().message(), "line 1, column 7: Expected identifier, got: ");
}

}  // namespace
}  // namespace sluice::snapshot
