#include "control/status/allocations.h"

#include <gtest/gtest.h>

#include "fake_api.h"

namespace sluice::status {
namespace {

using gateway_api::AddressPool;
using Json = nlohmann::json;
using Plan = std::map<std::string, PoolAllocations>;

AddressPool Pool(std::string name, std::vector<std::string> ranges) {
  AddressPool pool;
  pool.meta.name = std::move(name);
  pool.ranges = std::move(ranges);
  return pool;
}

gateway_api::ObjectSet Objects(const std::vector<AddressPool>& pools) {
  gateway_api::ObjectSet objects;
  for (const AddressPool& pool : pools) objects.Put(pool);
  return objects;
}

TEST(PlanAllocations, Rows) {
  AddressPool closed = Pool("closed", {"10.0.0.0/24"});
  closed.namespaces = {.from = gateway_api::FromNamespaces::kSelector,
                       .selector = {.match_labels = {{"kubernetes.io/metadata.name", "other"}}}};
  const AddressPool a = Pool("a", {"10.0.0.0/24"}), b = Pool("b", {"10.0.0.8-10.0.1.9"});
  const struct Row {
    const char* name;
    std::vector<AddressPool> pools;
    Plan current;
    compile::Allocations wanted;
    Plan plan;
  } rows[] = {
      {"NewOnesGoToTheFirstPoolThatHoldsThem",
       {a, b},
       {{"a", {}}, {"b", {}}},
       {{"10.0.0.9", {"ns", "x"}}, {"10.0.1.1", {"ns", "y"}}},
       {{"a", {{"10.0.0.9", "ns/x"}}}, {"b", {{"10.0.1.1", "ns/y"}}}}},
      {"WhatIsWrittenDownStaysWhereItIs",
       {a, b},
       {{"a", {}}, {"b", {{"10.0.0.9", "ns/x"}}}},
       {{"10.0.0.9", {"ns", "x"}}},
       {{"a", {}}, {"b", {{"10.0.0.9", "ns/x"}}}}},
      {"AlsoOutsideOfItsPool",
       {a},
       {{"a", {{"10.9.9.9", "ns/x"}}}},
       {{"10.9.9.9", {"ns", "x"}}},
       {{"a", {{"10.9.9.9", "ns/x"}}}}},
      {"WhatNobodyHasGoes", {a}, {{"a", {{"10.0.0.1", "ns/x"}}}}, {}, {{"a", {}}}},
      {"ANewOwnerTakesTheOldPlace",
       {a},
       {{"a", {{"10.0.0.1", "ns/x"}, {"10.0.0.2", "ns/z"}}}},
       {{"10.0.0.1", {"ns", "y"}}, {"10.0.0.2", {"ns", "z"}}},
       {{"a", {{"10.0.0.2", "ns/z"}, {"10.0.0.1", "ns/y"}}}}},
      {"OneAddressIsWrittenDownOnce",
       {a, b},
       {{"a", {{"10.0.0.9", "ns/x"}}}, {"b", {{"10.0.0.9", "ns/x"}}}},
       {{"10.0.0.9", {"ns", "x"}}},
       {{"a", {{"10.0.0.9", "ns/x"}}}, {"b", {}}}},
      {"APoolForOthersIsPassedOver",
       {closed, b},
       {{"closed", {}}, {"b", {}}},
       {{"10.0.0.9", {"ns", "x"}}, {"10.0.0.10", {"other", "y"}}},
       {{"b", {{"10.0.0.10", "other/y"}, {"10.0.0.9", "ns/x"}}}, {"closed", {}}}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(PlanAllocations(row.current, row.wanted, Objects(row.pools)) == row.plan);
  }
}

TEST(ReadAllocations, TakesWhatIsWellFormed) {
  EXPECT_EQ(ReadAllocations(R"({"allocations":[{"address":"10.0.0.1","gateway":"ns/x"},7,{}]})"),
            (PoolAllocations{{"10.0.0.1", "ns/x"}}));
  for (const char* text : {"", "{", "[]", "{}", R"({"allocations":{}})"}) {
    EXPECT_EQ(ReadAllocations(text), PoolAllocations()) << text;
  }
}

class AllocationWriterTest : public testing::Test {
 protected:
  AllocationWriterTest() {
    api_.Put(kPath, {{"metadata", {{"name", "a"}}}});
    Echo();
  }
  void Echo() { known_ = api_.Known(kPath); }
  Json Status() const { return api_.Get(kPath).value("status", Json()); }
  static Json Status(const std::string& address, const std::string& gateway) {
    return {{"allocations", Json::array({{{"address", address}, {"gateway", gateway}}})}};
  }

  static constexpr char kPath[] = "/apis/sluice.edgeprime.io/v1alpha1/addresspools/a";
  core::EventLoop loop_;
  FakeApi api_;
  gateway_api::ObjectSet objects_ = Objects({Pool("a", {"10.0.0.0/24"})});
  std::optional<kube::Known> known_;
  bool leads_ = true;
  int conflicts_ = 0;
  AllocationWriter writer_{
      loop_,
      api_,
      {.may_write = [this] { return leads_; },
       .known = [this](std::string_view, const gateway_api::NamespacedName&) -> const kube::Known* {
         return known_ ? &*known_ : nullptr;
       },
       .objects = [this]() -> const gateway_api::ObjectSet& { return objects_; }},
      [this] { ++conflicts_; }};
};

TEST_F(AllocationWriterTest, WritesThemDownOnce) {
  const compile::Allocations given = {{"10.0.0.1", {"ns", "x"}}};
  writer_.Want(given);
  EXPECT_EQ(api_.TakeLog(), std::vector<std::string>{absl::StrCat("PATCH ", kPath, "/status")});
  EXPECT_EQ(writer_.given(), given);
  api_.Answer();
  EXPECT_EQ(Status(), Status("10.0.0.1", "ns/x"));
  writer_.Want(given);  // before the echo
  Echo();
  writer_.Want(given);
  EXPECT_EQ(api_.waiting(), 0u);
  writer_.Want({});
  api_.Answer();
  EXPECT_EQ(Status(), (Json{{"allocations", Json::array()}}));
}

TEST_F(AllocationWriterTest, WhatChangesMeanwhileIsWrittenNext) {
  writer_.Want({{"10.0.0.1", {"ns", "x"}}});
  writer_.Want({{"10.0.0.2", {"ns", "x"}}});
  EXPECT_EQ(api_.waiting(), 1u);
  api_.Answer();
  EXPECT_EQ(Status(), Status("10.0.0.2", "ns/x"));
}

TEST_F(AllocationWriterTest, AConflictIsNotInsistedOn) {
  api_.Change(kPath, [](Json& pool) { pool["status"] = Status("10.0.0.1", "ns/y"); });
  writer_.Want({{"10.0.0.1", {"ns", "x"}}});
  api_.Answer();
  EXPECT_EQ(conflicts_, 1);
  EXPECT_EQ(writer_.given(), compile::Allocations());
  writer_.Want({{"10.0.0.1", {"ns", "x"}}});  // compiled from old data once more
  EXPECT_EQ(api_.waiting(), 0u);
  Echo();
  writer_.Want({{"10.0.0.1", {"ns", "y"}}, {"10.0.0.2", {"ns", "x"}}});
  api_.Answer();
  EXPECT_EQ(conflicts_, 1);
  EXPECT_EQ(Status()["allocations"].size(), 2u);
  EXPECT_EQ(Status()["allocations"][0]["gateway"], "ns/y");
}

TEST_F(AllocationWriterTest, AFailureIsTriedAgain) {
  api_.fault = [](const kube::Request&) { return FakeApi::Lost(); };
  writer_.Want({{"10.0.0.1", {"ns", "x"}}});
  api_.Answer();
  api_.fault = nullptr;
  loop_.timers().Advance(loop_.now_ms() + 150);
  api_.Answer();
  EXPECT_EQ(Status(), Status("10.0.0.1", "ns/x"));
}

TEST_F(AllocationWriterTest, OnlyTheLeaderWrites) {
  leads_ = false;
  writer_.Want({{"10.0.0.1", {"ns", "x"}}});
  EXPECT_EQ(api_.waiting(), 0u);
  leads_ = true;
  writer_.Want({{"10.0.0.1", {"ns", "x"}}});
  writer_.Stop();
  EXPECT_EQ(api_.waiting(), 0u);
  EXPECT_EQ(writer_.given(), compile::Allocations());
}

}  // namespace
}  // namespace sluice::status
