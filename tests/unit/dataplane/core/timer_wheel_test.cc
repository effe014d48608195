#include "dataplane/core/timer_wheel.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace sluice::core {
namespace {

struct Alarm {
  explicit Alarm(TimerWheel& wheel_now) : wheel(wheel_now) {}

  static void Ring(void* self) {
    auto* alarm = static_cast<Alarm*>(self);
    alarm->rung.push_back(alarm->wheel.now_ms());
    if (alarm->then) alarm->then();
  }

  TimerWheel& wheel;
  std::vector<uint64_t> rung;
  std::function<void()> then;
  Timer timer{Ring, this};
};

constexpr uint64_t kStart = 1'000'003;

class TimerWheelTest : public testing::Test {
 protected:
  // Advances in the steps that a loop would take.
  void RunUntil(uint64_t end_ms) {
    while (wheel.now_ms() < end_ms) {
      const int delay = wheel.NextDelayMs();
      const uint64_t step = delay < 0 ? end_ms - wheel.now_ms() : static_cast<uint64_t>(delay);
      wheel.Advance(std::min(end_ms, wheel.now_ms() + std::max<uint64_t>(step, 1)));
    }
  }

  TimerWheel wheel{kStart};
};

TEST_F(TimerWheelTest, FiresAtItsDeadlineOrALittleLater) {
  for (uint64_t delay : {0, 1, 9, 10, 11, 500, 10'239, 10'240, 10'241, 60'000, 3'600'000}) {
    TimerWheel fresh(kStart);
    Alarm alarm(fresh);
    fresh.Arm(alarm.timer, delay);
    EXPECT_TRUE(alarm.timer.armed());
    while (alarm.rung.empty()) {
      const int wait = fresh.NextDelayMs();
      ASSERT_GE(wait, 0);
      fresh.Advance(fresh.now_ms() + static_cast<uint64_t>(std::max(wait, 1)));
    }
    EXPECT_GE(alarm.rung[0], kStart + delay);
    EXPECT_LE(alarm.rung[0], kStart + delay + 20);
    EXPECT_FALSE(alarm.timer.armed());
    EXPECT_EQ(fresh.NextDelayMs(), -1);
  }
}

TEST_F(TimerWheelTest, PushesDeadlinesBack) {
  Alarm alarm(wheel);
  for (int i = 0; i < 100; ++i) {
    wheel.Arm(alarm.timer, 50);
    RunUntil(wheel.now_ms() + 40);
  }
  EXPECT_TRUE(alarm.rung.empty());
  RunUntil(wheel.now_ms() + 40);
  EXPECT_EQ(alarm.rung.size(), 1u);
}

TEST_F(TimerWheelTest, PullsDeadlinesIn) {
  Alarm alarm(wheel);
  wheel.Arm(alarm.timer, 5'000);
  wheel.Arm(alarm.timer, 30);
  RunUntil(kStart + 60);
  EXPECT_EQ(alarm.rung.size(), 1u);
  RunUntil(kStart + 10'000);
  EXPECT_EQ(alarm.rung.size(), 1u);
}

TEST_F(TimerWheelTest, FiresNothingThatWasCancelled) {
  Alarm cancelled(wheel);
  wheel.Arm(cancelled.timer, 30);
  cancelled.timer.Cancel();
  EXPECT_EQ(wheel.NextDelayMs(), -1);
  {
    Alarm destroyed(wheel);
    wheel.Arm(destroyed.timer, 30);
  }
  RunUntil(kStart + 100);
  EXPECT_TRUE(cancelled.rung.empty());
}

TEST_F(TimerWheelTest, LetsCallbacksArmAndCancelEachOther) {
  auto first = std::make_unique<Alarm>(wheel);
  auto second = std::make_unique<Alarm>(wheel);
  Alarm again(wheel);
  // Whichever comes first destroys the other; both are due at once.
  first->then = [&] { second.reset(); };
  second->then = [&] { first.reset(); };
  again.then = [&] { wheel.Arm(again.timer, 10); };
  wheel.Arm(first->timer, 20);
  wheel.Arm(second->timer, 20);
  wheel.Arm(again.timer, 20);
  RunUntil(kStart + 100);
  EXPECT_NE(first == nullptr, second == nullptr);
  EXPECT_GE(again.rung.size(), 4u);
}

TEST_F(TimerWheelTest, CatchesUpAfterALongPause) {
  Alarm alarm(wheel);
  wheel.Arm(alarm.timer, 100);
  wheel.Advance(kStart + 100'000);
  EXPECT_EQ(alarm.rung.size(), 1u);
  wheel.SetNow(kStart + 5'000'000);
  wheel.Arm(alarm.timer, 100);
  EXPECT_LE(wheel.NextDelayMs(), 120);
  RunUntil(kStart + 5'000'120);
  EXPECT_EQ(alarm.rung.size(), 2u);
}

// Against the deadlines themselves.
TEST_F(TimerWheelTest, KeepsManyDeadlines) {
  std::mt19937 random(1);
  std::vector<std::unique_ptr<Alarm>> alarms;
  std::vector<uint64_t> deadlines;
  for (int i = 0; i < 200; ++i) {
    alarms.push_back(std::make_unique<Alarm>(wheel));
    deadlines.push_back(0);
  }
  for (int round = 0; round < 2000; ++round) {
    const size_t i = random() % alarms.size();
    const uint64_t delay = random() % 15'000;
    if (random() % 4 == 0) {
      alarms[i]->timer.Cancel();
      deadlines[i] = 0;
    } else {
      wheel.Arm(alarms[i]->timer, delay);
      deadlines[i] = wheel.now_ms() + std::max<uint64_t>(delay, 1);
    }
    RunUntil(wheel.now_ms() + random() % 30);
    for (size_t k = 0; k < alarms.size(); ++k) {
      Alarm& alarm = *alarms[k];
      if (!alarm.rung.empty()) {
        ASSERT_NE(deadlines[k], 0u);
        ASSERT_GE(alarm.rung[0], deadlines[k]);
        ASSERT_LE(alarm.rung[0], deadlines[k] + 20);
        alarm.rung.clear();
        deadlines[k] = 0;
      }
      ASSERT_TRUE(deadlines[k] == 0 || wheel.now_ms() <= deadlines[k] + 20);
    }
  }
}

TEST(TimerTest, OutlivesItsWheel) {
  auto wheel = std::make_unique<TimerWheel>(kStart);
  Alarm alarm(*wheel);
  wheel->Arm(alarm.timer, 10);
  wheel.reset();
  EXPECT_FALSE(alarm.timer.armed());
}

}  // namespace
}  // namespace sluice::core
