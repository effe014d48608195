#include "control/status/node_report.h"

#include <gtest/gtest.h>

#include "control/status/node_reporter.h"
#include "control/status/node_reports.h"
#include "fake_api.h"

namespace sluice::status {
namespace {

using Json = nlohmann::json;

constexpr absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
constexpr char kPath[] = "/apis/sluice.edgeprime.io/v1alpha1/nodereports/n1";

NodeReport Full() {
  NodeReport report;
  report.node = "n1";
  report.build = "0.1.0";
  report.generation = 7;
  report.versions = {{"Gateway", "12"}};
  report.reason = "Lagging";
  report.message = "it lags";
  report.refused = "bad";
  report.leader = true;
  report.problems = 2;
  report.lag = absl::Milliseconds(15);
  report.vips = {{"10.0.0.1", "eth0", true, true, 3, kNow}, {"10.0.0.2", "", false, false, 0}};
  report.interfaces = {{"eth0", "xdp", true}};
  return report;
}

TEST(NodeReport, IsReadAsItWasWritten) {
  const Json object = {{"status", ToJson(Full(), kNow)}};
  EXPECT_EQ(object["status"]["lag"], "15ms");
  EXPECT_EQ(object["status"]["reported"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(ReadNodeReport(object.dump()), Full());
}

TEST(NodeReport, WhatIsNoneIsNotRead) {
  for (const char* text : {"", "{", "[]", "{}", R"({"status":7})", R"({"status":{"node":7}})"}) {
    EXPECT_EQ(ReadNodeReport(text), std::nullopt) << text;
  }
  const auto odd = ReadNodeReport(
      R"({"status":{"node":"a","lag":3,"vips":[7,{"owned":"x"}],"versions":{"a":1}}})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->vips.size(), 1u);
}

TEST(NodeReport, KeepsTheLimitsOfTheCrd) {
  NodeReport report = Full();
  report.message = std::string(1023, 'x') + "\u00e4";
  report.vips.assign(1100, {});
  report.vips.back().owned = true;
  const Json json = ToJson(report, kNow);
  EXPECT_EQ(json["message"], std::string(1023, 'x'));
  EXPECT_EQ(json["vips"].size(), 1024u);
  EXPECT_EQ(json["vips"][0]["owned"], true);
}

class NodeReporterTest : public testing::Test {
 protected:
  void Pass(uint64_t ms) { loop_.timers().Advance(loop_.now_ms() + ms); }

  core::EventLoop loop_;
  FakeApi api_;
  NodeReporter reporter_{loop_, api_, {.wall_clock = [] { return kNow; }}};
};

TEST_F(NodeReporterTest, CreatesThenSaysWhatChangesAndNotTooOften) {
  NodeReport report = Full();
  reporter_.Say(report, 3);
  EXPECT_EQ(api_.Answer(), 2);
  EXPECT_EQ(api_.Get(kPath)["status"], ToJson(report, kNow));
  api_.TakeLog();

  report.generation = 8;
  report.refused = "";
  report.versions = {{"HTTPRoute", "13"}};
  reporter_.Say(report, 3);
  EXPECT_EQ(api_.waiting(), 0u);
  Pass(120);
  EXPECT_EQ(api_.TakeLog(), std::vector<std::string>{absl::StrCat("PATCH ", kPath)});
  EXPECT_EQ(Json::parse(api_.last().body),
            (Json{{"status",
                   {{"generation", 8},
                    {"refused", nullptr},
                    {"versions", {{"Gateway", nullptr}, {"HTTPRoute", "13"}}}}}}));
  api_.Answer();
  EXPECT_EQ(api_.Get(kPath)["status"], ToJson(report, kNow));

  report.lag = absl::Milliseconds(99);
  Pass(1000);
  reporter_.Say(report, 3);
  EXPECT_EQ(api_.waiting(), 0u);  // no change
  Pass(30'000);
  EXPECT_EQ(api_.waiting(), 1u);  // still there
}

TEST_F(NodeReporterTest, TakesOverWhatIsThere) {
  api_.Put(kPath, {{"metadata", {{"name", "n1"}}}, {"status", {{"node", "n1"}, {"old", 1}}}});
  reporter_.Say(Full(), 1);
  EXPECT_EQ(api_.Answer(), 2);
  EXPECT_EQ(api_.Get(kPath)["status"], ToJson(Full(), kNow));
}

TEST_F(NodeReporterTest, FailuresAreTriedAgainAndNotAtOnce) {
  api_.fault = [](const kube::Request&) { return FakeApi::Refusal(404); };  // there is no such kind
  reporter_.Say(Full(), 1);
  EXPECT_EQ(api_.Answer(), 2);
  EXPECT_EQ(api_.waiting(), 0u);
  api_.fault = [](const kube::Request&) { return FakeApi::Lost(); };
  Pass(600);
  EXPECT_EQ(api_.Answer(), 1);
  api_.fault = nullptr;
  Pass(1200);
  api_.Answer();
  EXPECT_EQ(api_.Get(kPath)["status"], ToJson(Full(), kNow));
}

TEST(NodeReports, CountsWhoIsHeardAndEligible) {
  core::EventLoop loop;
  FakeApi api;
  const std::string folder = "/apis/sluice.edgeprime.io/v1alpha1/nodereports/";
  auto put = [&](const std::string& name, bool eligible, const std::string& version) {
    NodeReport report;
    report.node = name;
    report.eligible = eligible;
    report.versions = {{"Gateway", version}};
    api.Put(folder + name, {{"metadata", {{"name", name}}}, {"status", ToJson(report, kNow)}});
  };
  put("me", true, "1");
  put("a", true, "5");
  put("b", false, "6");
  int changes = 0;
  NodeReports reports(loop, api, "me", [&] { ++changes; });
  reports.Start();
  EXPECT_FALSE(reports.known());
  while (api.Answer() > 0) {
  }
  EXPECT_TRUE(reports.known());
  EXPECT_GT(changes, 0);
  const Versions five = {{"Gateway", "5"}}, six = {{"Gateway", "6"}};
  EXPECT_EQ(reports.progress(), (std::vector<NodeProgress>{{"a", five, true}, {"b", six, false}}));

  reports.GoneWithout({"a"});
  EXPECT_FALSE(reports.progress()[0].counted);
  put("a", true, "6");
  api.Answer();
  EXPECT_EQ(reports.progress()[0], (NodeProgress{"a", six, true}));

  loop.timers().Advance(loop.now_ms() + 76'000);
  EXPECT_FALSE(reports.progress()[0].counted);
  EXPECT_EQ(reports.Orphans({{"a", {}}, {"me", {}}}), std::vector<std::string>{"b"});
}

}  // namespace
}  // namespace sluice::status
