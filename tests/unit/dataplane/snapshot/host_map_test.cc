#include "dataplane/snapshot/host_map.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace sluice::snapshot {
namespace {

TEST(HostMapTest, TheMostSpecificPatternWins) {
  HostMap map;
  EXPECT_TRUE(map.Add("a.example.com", 1));
  EXPECT_TRUE(map.Add("*.example.com", 2));
  EXPECT_TRUE(map.Add("*.b.example.com", 3));
  EXPECT_TRUE(map.Add("*.com", 4));
  EXPECT_FALSE(map.Add("a.example.com", 5));
  EXPECT_FALSE(map.Add("*.com", 5));

  const struct {
    const char* host;
    std::optional<uint32_t> value;
  } rows[] = {
      {"a.example.com", 1},
      {"b.example.com", 2},
      {"x.a.example.com", 2},
      {"x.b.example.com", 3},
      {"x.y.b.example.com", 3},
      {"example.com", 4},
      {"com", {}},
      {"", {}},
      {".com", {}},
      {"example.org", {}},
      {"xexample.com", 4},
      {"b.example.com.", {}},
      {"*.example.com", 2},
      {"..com", 4},
  };
  for (const auto& row : rows) EXPECT_EQ(map.Find(row.host), row.value) << row.host;

  EXPECT_TRUE(map.Add("", 9));
  EXPECT_FALSE(map.Add("", 9));
  EXPECT_EQ(map.Find("com"), 9);
  EXPECT_EQ(map.Find(""), 9);
  EXPECT_EQ(map.Find("a.example.com"), 1);
}

TEST(HostMapTest, LookupsAreBoundedByThePatterns) {
  HostMap map;
  map.Add("*.com", 1);
  std::string host;
  for (int i = 0; i < 100'000; ++i) host += "a.";
  EXPECT_EQ(map.Find(host + "com"), 1);
  EXPECT_EQ(map.Find(host + "org"), std::nullopt);
}

}  // namespace
}  // namespace sluice::snapshot
