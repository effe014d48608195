#include "dataplane/process/backoff.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::process {
namespace {

std::vector<int64_t> Waits(Backoff& backoff, int count, absl::Duration lived) {
  std::vector<int64_t> waits;
  for (int i = 0; i < count; ++i) waits.push_back(absl::ToInt64Milliseconds(backoff.Failed(lived)));
  return waits;
}

TEST(Backoff, FirstCrashIsAnsweredAtOnceAndALoopSlowsDownToASecond) {
  Backoff backoff;
  EXPECT_EQ(Waits(backoff, 11, absl::ZeroDuration()),
            (std::vector<int64_t>{0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000}));
}

TEST(Backoff, AStableLifeForgetsEarlierFailures) {
  Backoff backoff;
  Waits(backoff, 6, absl::ZeroDuration());
  EXPECT_EQ(backoff.Failed(absl::Milliseconds(999)), absl::Milliseconds(320));
  EXPECT_EQ(backoff.Failed(absl::Seconds(1)), absl::ZeroDuration());
  EXPECT_EQ(backoff.failures(), 1);
}

TEST(Backoff, CrashesAfterAStableLifeAreNoLoop) {
  Backoff backoff;
  EXPECT_EQ(Waits(backoff, 20, absl::Milliseconds(1001)), std::vector<int64_t>(20, 0));
}

TEST(Backoff, NeverOverflows) {
  Backoff backoff;
  EXPECT_EQ(Waits(backoff, 1000, absl::ZeroDuration()).back(), 1000);
}

TEST(Backoff, SuccessStartsAnew) {
  Backoff backoff;
  Waits(backoff, 4, absl::ZeroDuration());
  backoff.Succeeded();
  EXPECT_EQ(backoff.Failed(absl::ZeroDuration()), absl::ZeroDuration());
}

}  // namespace
}  // namespace sluice::process
