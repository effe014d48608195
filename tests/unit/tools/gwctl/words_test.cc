#include "tools/gwctl/words.h"

#include <gtest/gtest.h>

namespace sluice::gwctl {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TEST(Age, ReadsLikeKubectls) {
  struct Row {
    absl::Duration age;
    const char* text;
  };
  constexpr Row kRows[] = {
      {absl::Seconds(-5), "0s"},        {absl::Seconds(119), "119s"},
      {absl::Seconds(120), "2m"},       {absl::Seconds(130), "2m10s"},
      {absl::Minutes(10), "10m"},       {absl::Minutes(179), "179m"},
      {absl::Minutes(200), "3h20m"},    {absl::Hours(8), "8h"},
      {absl::Hours(47), "47h"},         {absl::Hours(50), "2d2h"},
      {absl::Hours(24 * 8), "8d"},      {absl::Hours(24 * 729), "729d"},
      {absl::Hours(24 * 800), "2y70d"}, {absl::Hours(24 * 365 * 9), "9y"},
  };
  for (const Row& row : kRows) EXPECT_EQ(Age(kNow - row.age, kNow), row.text);
  EXPECT_EQ(Age(absl::UnixEpoch(), kNow), "<unknown>");
}

TEST(TimeLeft, IsExpiredFromTheEndOn) {
  EXPECT_EQ(TimeLeft(kNow + absl::Hours(24 * 14), kNow), "14d");
  EXPECT_EQ(TimeLeft(kNow, kNow), "expired");
}

TEST(Shorten, ShowsTwoAndCountsTheRest) {
  EXPECT_EQ(Shorten({}), "");
  EXPECT_EQ(Shorten({"a", "b"}), "a,b");
  EXPECT_EQ(Shorten({"a", "b", "c", "d"}), "a,b + 2 more");
}

TEST(ParentsText, IsPartialWhereParentsDiffer) {
  const compile::Condition yes{"Accepted", true, "", ""}, no{"Accepted", false, "", ""};
  const auto status = [](std::vector<compile::Condition> conditions) {
    compile::RouteStatus route;
    for (const auto& condition : conditions) route.parents.push_back({{}, {condition}});
    return route;
  };
  EXPECT_EQ(ParentsText(nullptr, "Accepted"), "Unknown");
  for (const auto& [route, text] :
       std::vector<std::pair<compile::RouteStatus, const char*>>{{status({}), "Unknown"},
                                                                 {status({yes, yes}), "True"},
                                                                 {status({no}), "False"},
                                                                 {status({yes, no}), "Partial"}}) {
    EXPECT_EQ(ParentsText(&route, "Accepted"), text);
  }
}

}  // namespace
}  // namespace sluice::gwctl
