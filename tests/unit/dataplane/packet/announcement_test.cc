#include "dataplane/packet/announcement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::packet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kStart = absl::FromUnixSeconds(1000);
const Announcement kOne = {IpAddress::FromV4({192, 168, 0, 200}), 2};
const Announcement kTwo = {IpAddress::FromV4({192, 168, 0, 201}), 2};

absl::Time After(int64_t ms) { return kStart + absl::Milliseconds(ms); }

// When the schedule is due, in ms from kStart, stepped at each of its own times until `end_ms`.
std::vector<int64_t> Times(AnnouncementSchedule& schedule, int64_t end_ms) {
  std::vector<int64_t> times;
  while (schedule.Next() <= After(end_ms)) {
    const absl::Time now = schedule.Next();
    times.push_back(absl::ToInt64Milliseconds(now - kStart));
    EXPECT_THAT(schedule.TakeDue(now), ElementsAre(kOne));
  }
  return times;
}

TEST(AnnouncementScheduleTest, BurstsAtTakeoverAndRefreshes) {
  AnnouncementSchedule schedule;
  schedule.TakeOver(kOne, kStart);
  EXPECT_THAT(Times(schedule, 70'000), ElementsAre(0, 50, 200, 1000, 31'000, 61'000));
}

TEST(AnnouncementScheduleTest, OnlyRefreshesWhatItAdopts) {
  AnnouncementSchedule schedule;
  schedule.Adopt(kOne, kStart);
  EXPECT_THAT(Times(schedule, 70'000), ElementsAre(30'000, 60'000));
}

TEST(AnnouncementScheduleTest, SendsOnceHoweverLate) {
  AnnouncementSchedule schedule;
  schedule.TakeOver(kOne, kStart);
  EXPECT_THAT(schedule.TakeDue(After(300)), ElementsAre(kOne));
  EXPECT_EQ(After(1000), schedule.Next());
}

TEST(AnnouncementScheduleTest, TakingOverAgainChangesNothing) {
  AnnouncementSchedule schedule;
  schedule.TakeOver(kOne, kStart);
  schedule.TakeDue(kStart);
  schedule.TakeOver(kOne, After(20));
  EXPECT_EQ(After(50), schedule.Next());
}

TEST(AnnouncementScheduleTest, StopsAndBeginsAnew) {
  AnnouncementSchedule schedule;
  schedule.TakeOver(kOne, kStart);
  schedule.TakeDue(After(1000));
  schedule.Stop(kOne);
  EXPECT_EQ(absl::InfiniteFuture(), schedule.Next());
  schedule.TakeOver(kOne, After(5000));
  EXPECT_THAT(schedule.TakeDue(After(5000)), ElementsAre(kOne));
  EXPECT_EQ(After(5050), schedule.Next());
}

TEST(AnnouncementScheduleTest, DefendsAtMostOnceInTenSeconds) {
  AnnouncementSchedule schedule;
  schedule.Adopt(kOne, kStart);
  schedule.Adopt(kTwo, kStart);
  schedule.Defend(kOne, After(1000));
  EXPECT_THAT(schedule.TakeDue(After(1000)), ElementsAre(kOne));
  schedule.Defend(kOne, After(10'999));
  EXPECT_THAT(schedule.TakeDue(After(10'999)), IsEmpty());
  schedule.Defend(kOne, After(11'000));
  EXPECT_THAT(schedule.TakeDue(After(11'000)), ElementsAre(kOne));
  schedule.Stop(kTwo);
  schedule.Defend(kTwo, After(20'000));  // not ours any more
  EXPECT_THAT(schedule.TakeDue(After(20'000)), IsEmpty());
}

TEST(AnnouncementFramesTest, IsGratuitousArpInBothForms) {
  const MacAddress mac = {{2, 0, 0, 0, 0, 0x0a}};
  const Frame request = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,   0x0a, 8, 6,
                         0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,   0,    0, 0x0a,
                         192,  168,  0,    200,  0,    0,    0, 0, 0, 0, 192, 168,  0, 200};
  Frame reply = request;
  reply[21] = 2;
  std::copy(mac.bytes.begin(), mac.bytes.end(), reply.begin() + 32);
  EXPECT_THAT(AnnouncementFrames(kOne.vip, mac), ElementsAre(request, reply));
}

TEST(AnnouncementFramesTest, IsUnsolicitedAdvertisementWithOverride) {
  const IpAddress vip = IpAddress::Parse("2001:db8::200").value();
  const std::vector<Frame> frames = AnnouncementFrames(vip, {{2, 0, 0, 0, 0, 0x0a}});
  ASSERT_EQ(1u, frames.size());
  const Frame expected = {
      0x33, 0x33, 0,    0,    0,   1,  2,    0,    0,    0,   0, 0x0a, 0x86, 0xdd,  // Ethernet
      0x60, 0,    0,    0,    0,   32, 58,   255,                                   // IPv6
      0x20, 0x01, 0x0d, 0xb8, 0,   0,  0,    0,    0,    0,   0, 0,    0,    0,
      0x02, 0x00, 0xff, 0x02, 0,   0,  0,    0,    0,    0,   0, 0,    0,    0,
      0,    0,    0,    1,    136, 0,  0xf5, 0x23, 0x20, 0,   0, 0,  // advertisement
      0x20, 0x01, 0x0d, 0xb8, 0,   0,  0,    0,    0,    0,   0, 0,    0,    0,
      0x02, 0x00, 2,    1,    2,   0,  0,    0,    0,    0x0a};  // target's MAC
  EXPECT_EQ(expected, frames[0]);
}

}  // namespace
}  // namespace sluice::packet
