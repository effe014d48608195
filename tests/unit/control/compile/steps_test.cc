// Single steps, against models that are slower and plainer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "control/compile/grants.h"
#include "control/compile/hostnames.h"
#include "control/compile/matches.h"

namespace sluice::compile {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Hostnames, Intersect) {
  EXPECT_THAT(Intersect("", {}), ElementsAre(""));
  EXPECT_THAT(Intersect("*.a", {}), ElementsAre("*.a"));
  EXPECT_THAT(Intersect("", {"b.a", "*.a", "b.a"}), ElementsAre("*.a", "b.a"));
  EXPECT_THAT(Intersect("b.a", {"*.a", "b.a", "c.a"}), ElementsAre("b.a"));
  EXPECT_THAT(Intersect("*.a", {"a", "*.b.a", "x.y.a", "*.a", "ba"}),
              ElementsAre("*.a", "*.b.a", "x.y.a"));
  EXPECT_THAT(Intersect("*.b.a", {"*.a", "*.c.a"}), ElementsAre("*.b.a"));
  EXPECT_THAT(Intersect("a", {"*.a"}), IsEmpty());
}

// A pattern as the set of the names that it has, out of a small world.
std::vector<std::string> Names(const std::string& pattern) {
  static const std::vector<std::string> kWorld = {"a", "b.a", "c.a", "b.b.a", "c.b.a", "b.c.b.a"};
  std::vector<std::string> names;
  for (const std::string& name : kWorld) {
    bool in = pattern.empty() || name == pattern ||
              (pattern.starts_with("*.") && name.size() > pattern.size() - 1 &&
               name.ends_with(pattern.substr(1)));
    if (in) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

TEST(Hostnames, IntersectionHasExactlyTheCommonNames) {
  const std::vector<std::string> patterns = {"", "a", "b.a", "*.a", "*.b.a", "c.b.a", "*.c.b.a"};
  for (const std::string& listener : patterns) {
    for (const std::string& route : patterns) {
      if (route.empty()) continue;
      std::vector<std::string> expected, actual;
      std::vector<std::string> ours = Names(listener), theirs = Names(route);
      std::ranges::set_intersection(ours, theirs, std::back_inserter(expected), {});
      for (const std::string& common : Intersect(listener, {route})) {
        std::ranges::copy(Names(common), std::back_inserter(actual));
      }
      std::ranges::sort(expected);
      std::ranges::sort(actual);
      EXPECT_EQ(actual, expected) << listener << " and " << route;
    }
  }
}

// ReferenceGrants as the API describes them, word for word.
bool PermitsByTheBook(const gateway_api::ObjectSet& objects, const Reference& r) {
  if (r.from_namespace == r.to_namespace) return true;
  for (const auto& [name, grant] : objects.All<gateway_api::ReferenceGrant>()) {
    if (name.namespace_ != r.to_namespace) continue;
    bool from = std::ranges::any_of(grant.from, [&](const auto& f) {
      return f.group == r.from_group && f.kind == r.from_kind && f.namespace_ == r.from_namespace;
    });
    bool to = std::ranges::any_of(grant.to, [&](const auto& t) {
      return t.group == r.to_group && t.kind == r.to_kind &&
             (t.name.empty() || t.name == r.to_name);
    });
    if (from && to) return true;
  }
  return false;
}

TEST(Grants, AgreeWithTheBookOnRandomClusters) {
  std::mt19937 random(1);
  auto pick = [&](std::vector<std::string> words) { return words[random() % words.size()]; };
  auto group = [&] { return pick({"", "g"}); };
  auto kind = [&] { return pick({"K", "L"}); };
  auto space = [&] { return pick({"a", "b", "c"}); };
  int permitted = 0;
  for (int round = 0; round < 2000; ++round) {
    gateway_api::ObjectSet objects;
    for (int i = 0; i < 3; ++i) {
      gateway_api::ReferenceGrant grant;
      grant.meta.name = std::to_string(i);
      grant.meta.namespace_ = space();
      for (int j = 0; j < 2; ++j) grant.from.push_back({group(), kind(), space()});
      for (int j = 0; j < 2; ++j) grant.to.push_back({group(), kind(), pick({"", "x", "y"})});
      objects.Put(grant);
    }
    Grants grants(objects);
    for (int i = 0; i < 50; ++i) {
      Reference r{group(), kind(), space(), group(), kind(), space(), pick({"x", "y", "z"})};
      ASSERT_EQ(grants.Permits(r), PermitsByTheBook(objects, r));
      permitted += grants.Permits(r) && r.from_namespace != r.to_namespace;
    }
  }
  EXPECT_GT(permitted, 1000) << "the test must see both answers";
}

TEST(Matches, RegexIsBoundedInMemory) {
  gateway_api::HttpRouteMatch match;
  match.path = {gateway_api::PathMatch::Type::kRegularExpression, "(a+)+$"};
  EXPECT_TRUE(CompileMatch(match).ok()) << "harmless here: RE2 runs in linear time";
  match.path.value = "((((x{1,30}){1,30}){1,30}))";
  EXPECT_FALSE(CompileMatch(match).ok());
  match.path.value = "(";
  EXPECT_FALSE(CompileMatch(match).ok());
}

}  // namespace
}  // namespace sluice::compile
