// The small values: addresses, durations, selectors, private bytes, rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway-api/address_range.h"
#include "gateway-api/duration.h"
#include "gateway-api/label_selector.h"
#include "gateway-api/private_bytes.h"
#include "gateway-api/rules.h"

namespace sluice::gateway_api {
namespace {

std::string Canonical(std::string_view text) {
  auto address = ParseIpAddress(text);
  return address ? ToString(*address) : "none";
}

TEST(IpAddress, IsCanonicalWhenPrinted) {
  const std::pair<const char*, const char*> rows[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"2001:DB8:0:0::01", "2001:db8::1"},
      {"::", "::"},
      {"192.0.2.01", "none"},
      {"192.0.2", "none"},
      {"", "none"},
      {"1.2.3.4 ", "none"},
      {"fe80::1%eth0", "none"},
  };
  for (const auto& [text, want] : rows) EXPECT_EQ(Canonical(text), want) << text;
}

TEST(IpAddress, NextCarriesAndEnds) {
  EXPECT_EQ(ToString(*Next(*ParseIpAddress("192.0.2.255"))), "192.0.3.0");
  EXPECT_EQ(ToString(*Next(*ParseIpAddress("2001:db8::ffff"))), "2001:db8::1:0");
  EXPECT_EQ(Next(*ParseIpAddress("255.255.255.255")), std::nullopt);
}

std::string Range(std::string_view text) {
  auto range = ParseAddressRange(text);
  return range ? absl::StrCat(ToString(range->first), "-", ToString(range->last)) : "none";
}

TEST(AddressRange, ReadsAllForms) {
  const std::pair<const char*, const char*> rows[] = {
      {"192.0.2.1", "192.0.2.1-192.0.2.1"},
      {"192.0.2.1-192.0.2.9", "192.0.2.1-192.0.2.9"},
      {"192.0.2.0/30", "192.0.2.0-192.0.2.3"},
      {"192.0.2.7/32", "192.0.2.7-192.0.2.7"},
      {"0.0.0.0/0", "0.0.0.0-255.255.255.255"},
      {"2001:db8::/64", "2001:db8::-2001:db8::ffff:ffff:ffff:ffff"},
      {"192.0.2.1/30", "none"},  // not the subnet's first address
      {"192.0.2.9-192.0.2.1", "none"},
      {"192.0.2.1-2001:db8::1", "none"},
      {"192.0.2.0/33", "none"},
      {"192.0.2.0/-1", "none"},
      {"/8", "none"},
      {"-", "none"},
      {"", "none"},
  };
  for (const auto& [text, want] : rows) EXPECT_EQ(Range(text), want) << text;
}

TEST(AddressRange, PoolsHoldUnicastAddressesOnly) {
  for (const char* good : {"192.0.2.1", "10.0.0.0/8", "2001:db8::/64", "fd00::1-fd00::2"}) {
    EXPECT_TRUE(IsUnicastRange(good)) << good;
  }
  for (const char* bad : {"0.0.0.0", "0.0.0.0/0", "127.0.0.1", "126.0.0.0-128.0.0.0", "224.0.0.1",
                          "255.255.255.255", "::", "::1", "::/0", "ff02::1", "::ffff:192.0.2.1"}) {
    EXPECT_FALSE(IsUnicastRange(bad)) << bad;
  }
}

TEST(Duration, FollowsGep2257BothWays) {
  const std::pair<const char*, absl::Duration> good[] = {
      {"0s", absl::ZeroDuration()},
      {"1h30m", absl::Minutes(90)},
      {"500ms", absl::Milliseconds(500)},
      {"1h1m1s1ms", absl::Hours(1) + absl::Minutes(1) + absl::Milliseconds(1001)},
      {"99999h", absl::Hours(99999)},
  };
  for (const auto& [text, want] : good) {
    absl::Duration value;
    EXPECT_TRUE(ParseDuration(text, value)) << text;
    EXPECT_EQ(value, want);
    EXPECT_EQ(gateway_api::FormatDuration(value), text);
  }
  for (const char* bad :
       {"", "1", "s", "-1s", "1.5h", "1d", "100000s", "1h1h1h1h1h", "1 s", "1us"}) {
    absl::Duration value = absl::Seconds(7);
    EXPECT_FALSE(ParseDuration(bad, value)) << bad;
    EXPECT_EQ(value, absl::Seconds(7));
  }
}

TEST(LabelSelector, MatchesAsKubernetesDoes) {
  using Operator = LabelSelector::Operator;
  const StringMap labels = {{"a", "1"}, {"b", ""}};
  struct Row {
    LabelSelector selector;
    bool want;
  };
  const Row rows[] = {
      {{}, true},
      {{.match_labels = {{"a", "1"}}}, true},
      {{.match_labels = {{"a", "2"}}}, false},
      {{.match_labels = {{"c", ""}}}, false},
      {{.match_expressions = {{"a", Operator::kIn, {"1", "2"}}}}, true},
      {{.match_expressions = {{"c", Operator::kIn, {""}}}}, false},
      {{.match_expressions = {{"a", Operator::kNotIn, {"1"}}}}, false},
      {{.match_expressions = {{"c", Operator::kNotIn, {"1"}}}}, true},
      {{.match_expressions = {{"b", Operator::kExists, {}}}}, true},
      {{.match_expressions = {{"b", Operator::kDoesNotExist, {}}}}, false},
      {{.match_labels = {{"a", "1"}}, .match_expressions = {{"c", Operator::kExists, {}}}}, false},
  };
  int index = 0;
  for (const Row& row : rows) EXPECT_EQ(Matches(row.selector, labels), row.want) << index++;
}

TEST(PrivateBytes, MovesLeaveNothingAndNothingPrintsIt) {
  PrivateBytes a("secret");
  const char* place = a.Reveal().data();
  PrivateBytes b(std::move(a));
  EXPECT_EQ(b.Reveal().data(), place) << "moved, not copied";
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): that is the point
  PrivateBytes c("other");
  c = b;
  EXPECT_EQ(c, b);
  c = std::move(b);
  EXPECT_EQ(c.Reveal(), "secret");
  EXPECT_EQ(absl::StrCat(c), "[private]");
}

TEST(Rules, PatternsOfTheApi) {
  struct Row {
    bool (*matches)(std::string_view);
    std::vector<std::string_view> good, bad;
  };
  const Row rows[] = {
      {IsHostname,
       {"a", "a.b-c.d", "*.a", "1.2.3.4"},
       {"", "*", "*a", "a.", ".a", "-a", "A", "a_b"}},
      {IsGroup, {"", "a.b"}, {"*", "A"}},
      {IsKind, {"A", "a-B1"}, {"", "1a", "a-", "a.b"}},
      {IsToken, {"X-A", "a_b", "!"}, {"", "a b", "a:", "\xc3\xa4", "a\n"}},
      {IsQualifiedName, {"a", "a.b/c", "A_1.2"}, {"", "/a", "a/", "a/b/c", "-a", "A.b/c"}},
      {IsLabelValue, {"", "a", "A-1_2.3"}, {"-a", "a-", "a b"}},
      {IsControllerName, {"a.b/c", "a/B/~c"}, {"a", "a/", "/a", "A.b/c", "a/b c"}},
      {IsProtocol, {"HTTP", "a-B", "a.b/C1"}, {"", "-", "a.b/", "A.b/c", "a b"}},
      {IsUrlPath,
       {"/", "/a%2Fb", "/:@!$&'()*+,;=~"},
       {"", "/a b", "/%", "/%2", "/%zz", "/\"", "/?"}},
      {IsGrpcService, {"a", "a_1.B", ".a.b"}, {"", ".", "a.", "a..b", "1a", "a-b", "a/b"}},
      {IsGrpcMethod, {"Get", "_a1"}, {"", "1a", "a.b", "a-b"}},
      {IsCorsOrigin,
       {"*", "https://a.b", "http://*.a:80", "https://*"},
       {"", "a.b", "https://", "https://a:", "https://a:123456", "ftp://a", "https://a/b"}},
  };
  for (const Row& row : rows) {
    for (std::string_view text : row.good) EXPECT_TRUE(row.matches(text)) << text;
    for (std::string_view text : row.bad) EXPECT_FALSE(row.matches(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::gateway_api
