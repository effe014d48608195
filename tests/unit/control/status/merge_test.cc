#include "control/status/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "control/compile/status.h"

namespace sluice::status {
namespace {

constexpr absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
constexpr char kNowText[] = "2023-11-14T22:13:20Z";
constexpr char kOld[] = "2020-01-01T00:00:00Z";

Json Condition(std::string_view type, bool status, std::string_view reason, int generation = 1) {
  return {{"type", type},
          {"status", status ? "True" : "False"},
          {"reason", reason},
          {"message", "text"},
          {"observedGeneration", generation}};
}

Json Dated(Json condition, std::string_view time) {
  condition["lastTransitionTime"] = time;
  return condition;
}

template <typename... T>
Json List(const T&... items) {
  Json list = Json::array();
  (list.push_back(Json(items)), ...);
  return list;
}

Json Parent(std::string_view controller, std::string_view gateway, const Json& conditions) {
  return {{"parentRef",
           {{"group", "gateway.networking.k8s.io"}, {"kind", "Gateway"}, {"name", gateway}}},
          {"controllerName", controller},
          {"conditions", conditions}};
}
Json Ours(std::string_view gateway, const Json& conditions) {
  return Parent(compile::kControllerName, gateway, conditions);
}
Json Theirs(std::string_view gateway) {
  return Parent("example.com/other", gateway,
                {Dated(Condition("Accepted", true, "Fine", 9), kOld)});
}

struct Row {
  const char* name;
  const char* kind;
  Json current;
  Json ours;
  Json merged;  // null: nothing to write
};

std::vector<Row> Rows() {
  const Json unknown = {{"type", "Accepted"},
                        {"status", "Unknown"},
                        {"reason", "Pending"},
                        {"message", "Waiting for controller"},
                        {"lastTransitionTime", "1970-01-01T00:00:00Z"}};
  const Json yes = Condition("Accepted", true, "Accepted"), no = Condition("Accepted", false, "No");
  const Json theirs = Dated(Condition("example.com/Audited", true, "Yes", 7), kOld);
  const Json listener = {{"name", "web"}, {"attachedRoutes", 2}, {"conditions", List(yes)}};
  Json dated_listener = listener;
  dated_listener["conditions"] = List(Dated(yes, kOld));
  Json counted_listener = dated_listener;
  counted_listener["attachedRoutes"] = 3;
  Json other_listener = dated_listener;
  other_listener["name"] = "gone";

  return {
      {"ReplacesTheDefaultOfTheCrd",
       "GatewayClass",
       {{"conditions", List(unknown)}},
       {{"conditions", List(yes)}, {"supportedFeatures", List(Json{{"name", "Gateway"}})}},
       {{"conditions", List(Dated(yes, kNowText))},
        {"supportedFeatures", List(Json{{"name", "Gateway"}})}}},
      {"WritesNothingWhenItSaysTheSame",
       "GatewayClass",
       {{"conditions", List(Dated(yes, kOld))}},
       {{"conditions", List(yes)}},
       nullptr},
      {"KeepsTheTimeWhileTheStatusStays",
       "GatewayClass",
       {{"conditions", List(Dated(yes, kOld))}},
       {{"conditions", List(Condition("Accepted", true, "Other", 2))}},
       {{"conditions", List(Dated(Condition("Accepted", true, "Other", 2), kOld))}}},
      {"SetsTheTimeWhenTheStatusChanges",
       "GatewayClass",
       {{"conditions", List(Dated(yes, kOld))}},
       {{"conditions", List(no)}},
       {{"conditions", List(Dated(no, kNowText))}}},
      {"WritesNothingForAnOlderGeneration",
       "GatewayClass",
       {{"conditions", List(Dated(Condition("Accepted", true, "Accepted", 5), kOld))}},
       {{"conditions", List(no)}},
       nullptr},
      {"KeepsForeignConditionsInTheirPlaceAndDropsOursThatAreNotSaidAnyMore",
       "Gateway",
       {{"conditions",
         List(Dated(Condition("ResolvedRefs", false, "Bad"), kOld), theirs, Dated(yes, kOld))},
        {"listeners", Json::array()},
        {"unknownField", 1}},
       {{"conditions", List(yes, Condition("Programmed", true, "Programmed"))}},
       {{"conditions", List(theirs, Dated(yes, kOld),
                            Dated(Condition("Programmed", true, "Programmed"), kNowText))},
        {"listeners", Json::array()},
        {"unknownField", 1}}},
      {"ListenersAndAddressesAreExact",
       "Gateway",
       {{"conditions", List(Dated(yes, kOld))},
        {"addresses", List(Json{{"type", "IPAddress"}, {"value", "10.0.0.1"}})},
        {"attachedListenerSets", 2},
        {"listeners", List(other_listener, counted_listener)}},
       {{"conditions", List(yes)}, {"listeners", List(listener)}},
       {{"conditions", List(Dated(yes, kOld))}, {"listeners", List(dated_listener)}}},
      {"AForeignConditionOfAListenerStays",
       "ListenerSet",
       {{"listeners",
         List(Json{{"name", "web"}, {"attachedRoutes", 2}, {"conditions", List(theirs)}})}},
       {{"conditions", List(yes)}, {"listeners", List(listener)}},
       {{"conditions", List(Dated(yes, kNowText))},
        {"listeners", List(Json{{"name", "web"},
                                {"attachedRoutes", 2},
                                {"conditions", List(theirs, Dated(yes, kNowText))}})}}},
      {"AGatewayOfNobodyIsLeftAlone", "Gateway", {{"conditions", List(theirs)}}, nullptr, nullptr},
      {"AddsOurParentBehindForeignOnes",
       "HTTPRoute",
       {{"parents", List(Theirs("a"))}},
       {{"parents", List(Ours("b", List(yes)))}},
       {{"parents", List(Theirs("a"), Ours("b", List(Dated(yes, kNowText))))}}},
      {"ReplacesOurParentInItsPlace",
       "HTTPRoute",
       {{"parents",
         List(Theirs("a"), Ours("b", List(Dated(yes, kOld))), Theirs("b"), Theirs("c"))}},
       {{"parents", List(Ours("a", List(yes)), Ours("b", List(no)))}},
       {{"parents", List(Theirs("a"), Ours("b", List(Dated(no, kNowText))), Theirs("b"),
                         Theirs("c"), Ours("a", List(Dated(yes, kNowText))))}}},
      {"RemovesOurStaleParents",
       "GRPCRoute",
       {{"parents",
         List(Ours("a", List(Dated(yes, kOld))), Theirs("b"), Ours("c", List(Dated(yes, kOld))))}},
       {{"parents", List(Ours("c", List(yes)))}},
       {{"parents", List(Theirs("b"), Ours("c", List(Dated(yes, kOld))))}}},
      {"RemovesAllOursWhenNoneIsSaid",
       "TLSRoute",
       {{"parents", List(Ours("a", List(Dated(yes, kOld))), Theirs("b"))}},
       nullptr,
       {{"parents", List(Theirs("b"))}}},
      {"LeavesForeignRoutesAlone", "UDPRoute", {{"parents", List(Theirs("a"))}}, nullptr, nullptr},
      {"DefaultsOfAReferenceAreItsSame",
       "TCPRoute",
       {{"parents", List(Json{{"parentRef", {{"name", "a"}}},
                              {"controllerName", compile::kControllerName},
                              {"conditions", List(Dated(yes, kOld))}})}},
       {{"parents", List(Ours("a", List(yes)))}},
       {{"parents", List(Ours("a", List(Dated(yes, kOld))))}}},
  };
}

TEST(MergeStatus, Rows) {
  for (const Row& row : Rows()) {
    SCOPED_TRACE(row.name);
    const std::optional<Json> merged = MergeStatus(row.kind, row.current.dump(), row.ours, kNow);
    EXPECT_EQ(merged.value_or(nullptr).dump(1), row.merged.dump(1));
  }
}

TEST(MergeStatus, APolicyHasAncestors) {
  Json own = {{"ancestorRef", {{"name", "a"}}},
              {"controllerName", compile::kControllerName},
              {"conditions", List(Condition("Accepted", true, "Accepted"))}};
  Json want = own;
  want["conditions"][0]["lastTransitionTime"] = kNowText;
  EXPECT_EQ(MergeStatus("BackendTLSPolicy", "", {{"ancestors", List(own)}}, kNow),
            (Json{{"ancestors", List(want)}}));
}

TEST(MergeStatus, KeepsTheLimitsOfTheCrds) {
  Json current = {{"conditions", Json::array()}, {"listeners", Json::array()}};
  for (int i = 0; i < 7; ++i) {
    current["conditions"].push_back(
        Dated(Condition(absl::StrCat("example.com/", i), true, "Yes"), kOld));
  }
  Json accepted = Condition("Accepted", true, "Accepted");
  accepted["message"] = std::string(32767, 'x') + "\u00e4\u00e4";
  const Json ours = {{"conditions", List(accepted, Condition("Programmed", true, "Programmed"))}};
  accepted["message"] = std::string(32767, 'x');
  Json want = current;
  want["conditions"].push_back(Dated(accepted, kNowText));
  EXPECT_TRUE(MergeStatus("Gateway", current.dump(), ours, kNow) == want);  // too long to print

  Json parents = Json::array(), many = Json::array();
  for (int i = 0; i < 31; ++i) parents.push_back(Theirs(absl::StrCat("g", i)));
  for (const char* name : {"a", "b"}) many.push_back(Ours(name, List(accepted)));
  Json full = parents;
  full.push_back(Ours("a", List(Dated(accepted, kNowText))));
  EXPECT_EQ(MergeStatus("HTTPRoute", Json{{"parents", parents}}.dump(), {{"parents", many}}, kNow),
            (Json{{"parents", full}}));
}

TEST(MergeStatus, WhatIsNoJsonCountsAsNothing) {
  const Json ours = {{"parents", List(Ours("a", List(Condition("Accepted", true, "Accepted"))))}};
  const std::optional<Json> fresh = MergeStatus("HTTPRoute", "", ours, kNow);
  ASSERT_TRUE(fresh);
  for (const char* text : {"{", "[]", "7", "{\"parents\":7}", "{\"parents\":[7]}"}) {
    EXPECT_EQ(MergeStatus("HTTPRoute", text, ours, kNow), fresh) << text;
  }
}

// Whatever stands there and whatever we say: what is foreign stays, in its order; merging again
// changes nothing; the patch leads from the one to the other.
TEST(MergeStatus, ForeignContentNeverChanges) {
  std::mt19937 random(7);
  auto chance = [&](unsigned of) { return random() % of == 0; };
  auto conditions = [&](bool ours) {
    Json list = Json::array();
    for (const char* type : {"Accepted", "Programmed", "ResolvedRefs", "example.com/A", "B"}) {
      if (chance(2) || (ours && std::string_view(type).size() < 8 && type[0] != 'A')) continue;
      Json condition = Condition(type, chance(2), chance(2) ? "One" : "Two", 1);
      list.push_back(ours ? condition : Dated(condition, kOld));
    }
    std::shuffle(list.begin(), list.end(), random);
    return list;
  };
  auto is_foreign_type = [](const Json& condition) {
    const auto type = condition["type"].get<std::string>();
    return type == "example.com/A" || type == "B";
  };
  auto foreign_parents = [](const Json& status) {
    Json list = Json::array();
    for (const Json& parent : status.value("parents", Json::array())) {
      if (parent["controllerName"] != compile::kControllerName) list.push_back(parent);
    }
    return list;
  };
  auto foreign_conditions = [&](const Json& status) {
    Json list = Json::array();
    for (const Json& item : status.value("conditions", Json::array())) {
      if (is_foreign_type(item)) list.push_back(item);
    }
    return list;
  };
  auto own = [&](Json list) {
    Json kept = Json::array();
    for (const Json& item : list) {
      if (!is_foreign_type(item)) kept.push_back(item);
    }
    return kept;
  };

  for (int run = 0; run < 300; ++run) {
    Json route = {{"parents", Json::array()}}, said = {{"parents", Json::array()}};
    for (const char* name : {"a", "b", "c", "d"}) {
      if (chance(2)) route["parents"].push_back(Ours(name, conditions(false)));
      if (chance(2)) route["parents"].push_back(Theirs(name));
      if (chance(2)) said["parents"].push_back(Ours(name, conditions(true)));
    }
    std::shuffle(route["parents"].begin(), route["parents"].end(), random);
    Json gateway = {{"conditions", conditions(false)}, {"theirs", {{"x", random() % 9}}}};
    const Json gateway_said = {{"conditions", own(conditions(true))}};

    for (const auto& [kind, before, ours] :
         {std::tuple("HTTPRoute", route, said), std::tuple("Gateway", gateway, gateway_said)}) {
      const std::optional<Json> merged = MergeStatus(kind, before.dump(), ours, kNow);
      if (!merged) continue;
      EXPECT_EQ(foreign_parents(*merged), foreign_parents(before));
      EXPECT_EQ(foreign_conditions(*merged), foreign_conditions(before));
      EXPECT_EQ(merged->value("theirs", Json()), before.value("theirs", Json()));
      EXPECT_EQ(MergeStatus(kind, merged->dump(), ours, kNow + absl::Hours(1)), std::nullopt);
      Json patched = before;
      patched.merge_patch(StatusPatch(before.dump(), *merged));
      EXPECT_EQ(patched, *merged);
      if (HasFailure()) FAIL() << before.dump(1) << "\n" << ours.dump(1);
    }
  }
}

TEST(StatusPatch, NamesOnlyWhatChanges) {
  EXPECT_EQ(StatusPatch(R"({"a":1,"b":[1,2],"c":3})", {{"a", 1}, {"b", List(2)}, {"d", 4}}),
            (Json{{"b", List(2)}, {"c", nullptr}, {"d", 4}}));
}

TEST(IsUrgent, CountsAndWordingsAreNot) {
  const Json status = {
      {"conditions", List(Dated(Condition("Accepted", true, "Accepted"), kOld))},
      {"listeners",
       List(Json{{"name", "web"}, {"attachedRoutes", 2}, {"conditions", Json::array()}})}};
  Json counted = status;
  counted["listeners"][0]["attachedRoutes"] = 3;
  counted["conditions"][0]["message"] = "other";
  EXPECT_FALSE(IsUrgent(status.dump(), counted));
  for (const char* path : {"/conditions/0/status", "/conditions/0/observedGeneration",
                           "/conditions/0/reason", "/listeners/0/name", "/addresses"}) {
    Json changed = status;
    changed[Json::json_pointer(path)] = "changed";
    EXPECT_TRUE(IsUrgent(status.dump(), changed)) << path;
  }
}

}  // namespace
}  // namespace sluice::status
