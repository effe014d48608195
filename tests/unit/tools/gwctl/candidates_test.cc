// The walk that explains agrees with the route table that serves, on random hosts, matches and
// requests.
#include "tools/gwctl/candidates.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dataplane/route/route_table.h"
#include "dataplane/snapshot/text.h"
#include "dataplane/snapshot/validate.h"
#include "tools/gwctl/phrases.h"

namespace sluice::gwctl {
namespace {

class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed) {}
  int Roll(int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(random_); }
  template <typename T, size_t n>
  const T& Pick(const T (&list)[n]) {
    return list[Roll(n)];
  }

 private:
  std::mt19937 random_;
};

constexpr const char* kPaths[] = {"/", "/a", "/a/b", "/a/bc", "/ab", "/a/b/c", "/b"};
constexpr const char* kRegexes[] = {"/a.*", "/.*b", "/(a|b)/?.*", "/[0-9]+"};
constexpr const char* kHosts[] = {"a.x", "b.x", "a.b.x", "c.b.x", "x", "other"};
constexpr const char* kValues[] = {"1", "2", "1, 2", ""};

void AddValue(Dice& dice, const char* name, snapshot::ValueMatch* match) {
  match->set_name(name);
  match->set_regex(dice.Roll(3) == 0);
  match->set_value(match->regex() ? "[12]" : dice.Roll(2) ? "1" : "1, 2");
}

snapshot::Match RandomMatch(Dice& dice, int rule, int index) {
  snapshot::Match match;
  const int type = dice.Roll(4);
  match.set_path_type(type == 0   ? snapshot::Match::PATH_TYPE_EXACT
                      : type == 1 ? snapshot::Match::PATH_TYPE_REGEX
                                  : snapshot::Match::PATH_TYPE_PREFIX);
  match.set_path(type == 1 ? dice.Pick(kRegexes) : dice.Pick(kPaths));
  if (dice.Roll(3) == 0) match.set_method(dice.Roll(2) ? "GET" : "POST");
  if (dice.Roll(3) == 0) AddValue(dice, "x-a", match.add_headers());
  if (dice.Roll(3) == 0) AddValue(dice, "q", match.add_query());
  match.set_rule_id(absl::StrCat("HTTPRoute/n/r/", rule));
  match.set_index(static_cast<uint32_t>(index));
  return match;
}

snapshot::Snapshot RandomSnapshot(Dice& dice) {
  snapshot::Snapshot snapshot;
  snapshot::Listener* listener = snapshot.add_listeners();
  listener->set_id("n/g/l");
  listener->add_addresses("192.0.2.1");
  listener->set_port(80);
  constexpr int kRules = 3;
  for (int i = 0; i < kRules; ++i) {
    snapshot::Rule* rule = snapshot.add_rules();
    rule->set_id(absl::StrCat("HTTPRoute/n/r/", i));
    rule->set_route("n/r");
  }
  for (const char* hostname : {"", "*.b.x", "*.x", "a.b.x", "a.x"}) {
    if (dice.Roll(2) == 0) continue;
    snapshot::Host* host = snapshot.add_hosts();
    host->set_listener_id("n/g/l");
    host->set_hostname(hostname);
    const int matches = 1 + dice.Roll(8);
    for (int i = 0; i < matches; ++i)
      *host->add_matches() = RandomMatch(dice, dice.Roll(kRules), i);
  }
  return snapshot;
}

TEST(Walk, WinnerIsTheRouteTablesOnRandomRequests) {
  Dice dice(20270115);
  int found = 0, missed = 0;
  for (int round = 0; round < 300; ++round) {
    view::View view;
    view.snapshot = RandomSnapshot(dice);
    ASSERT_TRUE(snapshot::Validate(view.snapshot).ok()) << snapshot::Validate(view.snapshot);
    const auto table = route::RouteTable::Build(view.snapshot);
    ASSERT_TRUE(table.ok()) << table.status();
    const auto port = (*table)->FindPort(*core::Address::Parse("192.0.2.1", 80));
    ASSERT_TRUE(port.has_value());
    for (int i = 0; i < 40; ++i) {
      core::ArenaPool pool;
      core::Arena arena(pool);
      http::RequestHead head(arena);
      head.host = dice.Pick(kHosts);
      head.method = dice.Roll(2) ? "GET" : "POST";
      const std::string target = absl::StrCat(dice.Pick(kPaths), dice.Roll(2)   ? "?q=1"
                                                                 : dice.Roll(2) ? "?q=1%2C+2"
                                                                                : "");
      head.target = target;
      if (dice.Roll(2)) head.headers.Add("x-a", dice.Pick(kValues));
      if (dice.Roll(4) == 0) head.headers.Add("x-a", "2");

      const route::Result result = (*table)->Find(*port, route::RouteTable::kAnyListener, head);
      const std::vector<Candidate> walk = Walk(view, "n/g/l", head);
      const Candidate* winner = Winner(walk);
      const std::string got =
          winner == nullptr ? "none"
                            : absl::StrCat(winner->match->rule_id(), " ", Phrase(*winner->match));
      const std::string want = result.match == nullptr ? "none"
                                                       : absl::StrCat(result.match->rule_id(), " ",
                                                                      Phrase(*result.match));
      ASSERT_EQ(got, want) << head.host << target << "\n" << snapshot::ToText(view.snapshot);
      (result.match == nullptr ? missed : found) += 1;
    }
  }
  EXPECT_GT(found, 1000);
  EXPECT_GT(missed, 1000);
}

}  // namespace
}  // namespace sluice::gwctl
