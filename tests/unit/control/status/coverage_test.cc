#include "control/status/coverage.h"

#include <gtest/gtest.h>

namespace sluice::status {
namespace {

TEST(Covers, Rows) {
  const Versions needed = {{"Gateway", "20"}, {"HTTPRoute", "100"}};
  const struct Row {
    Versions applied;
    bool covers;
  } rows[] = {
      {{{"Gateway", "20"}, {"HTTPRoute", "100"}}, true},
      {{{"Gateway", "21"}, {"HTTPRoute", "1000"}, {"Secret", "1"}}, true},
      {{{"Gateway", "20"}, {"HTTPRoute", "99"}}, false},  // as numbers, not as text
      {{{"Gateway", "20"}}, false},
      {{}, false},
      {{{"Gateway", "x"}, {"HTTPRoute", "100"}}, true},  // nothing can be told
  };
  for (const Row& row : rows) EXPECT_EQ(Covers(row.applied, needed), row.covers);
  EXPECT_TRUE(Covers({}, {}));
}

TEST(Lagging, OnlyCountedNodesAreWaitedFor) {
  const Versions needed = {{"Gateway", "20"}};
  EXPECT_EQ(Lagging({{"a", {{"Gateway", "20"}}, true},
                     {"b", {{"Gateway", "19"}}, true},
                     {"c", {}, false},
                     {"d", {}, true}},
                    needed),
            (std::vector<std::string>{"b", "d"}));
}

gateway_api::Gateway MakeGateway(std::string name, std::string version) {
  gateway_api::Gateway gateway;
  gateway.meta.namespace_ = "ns";
  gateway.meta.name = std::move(name);
  gateway.meta.resource_version = std::move(version);
  return gateway;
}

TEST(Needs, GrowOnlyByWhatChanges) {
  gateway_api::ObjectSet objects;
  objects.Put(MakeGateway("a", "9"));
  objects.Put(MakeGateway("b", "12"));
  Needs needs;
  EXPECT_EQ(needs.Update(objects, {{"Gateway", "50"}}), (Versions{{"Gateway", "12"}}));
  EXPECT_EQ(needs.Update(objects, {{"Gateway", "60"}}), (Versions{{"Gateway", "12"}}));
  objects.Put(MakeGateway("a", "70"));
  EXPECT_EQ(needs.Update(objects, {{"Gateway", "71"}}), (Versions{{"Gateway", "71"}}));
  objects.Erase<gateway_api::Gateway>({"ns", "a"});
  EXPECT_EQ(needs.Update(objects, {{"Gateway", "80"}}), (Versions{{"Gateway", "80"}}));
  EXPECT_EQ(needs.Update(objects, {{"Gateway", "90"}}), (Versions{{"Gateway", "80"}}));
}

}  // namespace
}  // namespace sluice::status
