#include "control/status/leadership.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace sluice::status {
namespace {

using Step = Leadership::Step;

constexpr LeaseTimes kTimes;  // 15, 10, 2 s
constexpr absl::Time kWall = absl::FromUnixSeconds(1'700'000'000);

LeaseRecord Held(std::string holder, int renewed = 0, absl::Duration duration = absl::Seconds(15)) {
  return {.holder = std::move(holder),
          .duration = duration,
          .acquired = kWall,
          .renewed = kWall + absl::Seconds(renewed),
          .transitions = 1};
}

TEST(Leadership, CreatesALeaseThatIsNotThere) {
  Leadership me("me", kTimes);
  me.Begin(1000);
  EXPECT_EQ(me.Next(1000), Step::kRead);
  me.Read(1001, std::nullopt);
  EXPECT_EQ(me.Next(1001), Step::kCreate);
  const LeaseRecord wanted = me.Wanted(kWall);
  EXPECT_EQ(wanted, (LeaseRecord{.holder = "me",
                                 .duration = absl::Seconds(15),
                                 .acquired = kWall,
                                 .renewed = kWall,
                                 .transitions = 0}));
  EXPECT_FALSE(me.Leads(1001));
  me.Written(1001, 1005, wanted);
  EXPECT_TRUE(me.Leads(11'000));
  EXPECT_FALSE(me.Leads(11'001));  // from when the request left
}

TEST(Leadership, TakesOverWhatIsGivenUp) {
  Leadership me("me", kTimes);
  me.Begin(1000);
  me.Read(1000, Held(""));
  EXPECT_EQ(me.Next(1000), Step::kUpdate);
  EXPECT_EQ(me.Wanted(kWall).transitions, 2);
}

TEST(Leadership, WaitsUntilTheRecordHasNotChangedForItsDuration) {
  Leadership me("me", kTimes);
  me.Begin(1000);
  me.Read(1000, Held("other", -100'000));  // its clock is far behind: that means nothing
  EXPECT_EQ(me.Next(1000), Step::kWait);
  me.Begin(14'000);
  me.Read(14'000, Held("other", -99'990));  // renewed
  EXPECT_EQ(me.Next(28'999), Step::kWait);
  me.Begin(28'999);
  me.Read(28'999, Held("other", -99'990));
  EXPECT_EQ(me.Next(28'999), Step::kWait);
  EXPECT_EQ(me.Next(29'000), Step::kUpdate);
  EXPECT_EQ(me.Wanted(kWall).transitions, 2);
}

TEST(Leadership, AHolderWithoutADurationGetsOurs) {
  Leadership me("me", kTimes);
  me.Begin(1000);
  me.Read(1000, Held("other", 0, absl::ZeroDuration()));
  EXPECT_EQ(me.Next(15'999), Step::kWait);
  EXPECT_EQ(me.Next(16'000), Step::kUpdate);
}

TEST(Leadership, RenewsWithoutReadingAndKeepsWhenItBegan) {
  Leadership me("me", kTimes);
  me.Begin(1000);
  me.Read(1000, std::nullopt);
  me.Written(1000, 1010, me.Wanted(kWall));
  me.Begin(3000);
  EXPECT_EQ(me.Next(3000), Step::kUpdate);
  const LeaseRecord renewal = me.Wanted(kWall + absl::Seconds(2));
  EXPECT_EQ(renewal.acquired, kWall);
  EXPECT_EQ(renewal.renewed, kWall + absl::Seconds(2));
  me.Written(3000, 3010, renewal);
  EXPECT_TRUE(me.Leads(12'999));
}

TEST(Leadership, AConflictIsReadAndDecidesAtOnce) {
  Leadership me("me", kTimes);
  me.Begin(1000);
  me.Read(1000, std::nullopt);
  me.Written(1000, 1010, me.Wanted(kWall));
  me.Begin(3000);
  me.Refused();
  EXPECT_EQ(me.Next(3000), Step::kRead);
  EXPECT_TRUE(me.Leads(3000));  // it may have been our own write whose answer was lost
  me.Read(3010, Held("other"));
  EXPECT_FALSE(me.Leads(3010));
  EXPECT_EQ(me.Next(3010), Step::kWait);
}

TEST(Leadership, GivesItUpSoThatNobodyWaits) {
  Leadership me("me", kTimes), other("other", kTimes);
  me.Begin(1000);
  me.Read(1000, std::nullopt);
  me.Written(1000, 1010, me.Wanted(kWall));
  const LeaseRecord released = me.Released(kWall);
  me.Resign();
  EXPECT_FALSE(me.Leads(1011));
  other.Begin(1020);
  other.Read(1020, released);
  EXPECT_EQ(other.Next(1020), Step::kUpdate);
}

// Three nodes with skewed wall clocks, one register with compare-and-swap, answers that are lost,
// late or refused: never two leaders at a time, and one leads again after every fault.
TEST(Leadership, NeverTwoAtATime) {
  std::mt19937 random(11);
  auto below = [&](uint64_t of) { return random() % of; };
  for (int run = 0; run < 60; ++run) {
    std::vector<Leadership> nodes;
    std::array<uint64_t, 3> next = {}, down_until = {}, known = {};
    for (int i = 0; i < 3; ++i) {
      nodes.emplace_back(std::string(1, static_cast<char>('a' + i)), kTimes);
      next[static_cast<size_t>(i)] = 1000 + below(2000);
    }
    std::optional<LeaseRecord> server;
    uint64_t version = 1, leaderless_since = 0, longest = 0;
    struct Late {  // a write that is on its way to the server
      size_t node;
      uint64_t sent, arrives, base;
      LeaseRecord record;
    };
    std::vector<Late> late;

    for (uint64_t now = 1000; now < 200'000; now += 100) {
      for (size_t i = 0; i < nodes.size(); ++i) {
        if (below(3000) == 0) down_until[i] = now + below(30'000);
        if (now < next[i] || now < down_until[i]) continue;
        next[i] = now + 1600 + below(400);
        const absl::Time wall =
            kWall + absl::Milliseconds(now) + absl::Hours(1) * static_cast<int>(i);
        Leadership& node = nodes[i];
        node.Begin(now);
        for (int step = 0; step < 4; ++step) {
          const Step what = node.Next(now);
          if (what == Step::kWait) break;
          if (what == Step::kRead) {
            known[i] = version;
            node.Read(now, server);
            continue;
          }
          late.push_back({i, now, now + below(8) * below(8) * 100, known[i], node.Wanted(wall)});
          break;
        }
      }
      std::erase_if(late, [&](const Late& write) {
        if (write.arrives > now) return false;
        Leadership& node = nodes[write.node];
        if (write.base != version) {
          node.Refused();
          return true;
        }
        server = write.record;
        known[write.node] = ++version;
        if (below(20) == 0) {
          node.Refused();  // the answer is lost
        } else {
          node.Written(write.sent, now, write.record);
        }
        return true;
      });
      int leaders = 0;
      for (const Leadership& node : nodes) leaders += node.Leads(now) ? 1 : 0;
      ASSERT_LE(leaders, 1) << "run " << run << " at " << now;
      bool all_up = std::ranges::all_of(down_until, [&](uint64_t until) { return until <= now; });
      if (leaders > 0 || !all_up) leaderless_since = now;
      longest = std::max(longest, now - leaderless_since);
    }
    EXPECT_LE(longest, 25'000u);
  }
}

}  // namespace
}  // namespace sluice::status
