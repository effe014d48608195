#include "dataplane/core/event_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <string>
#include <thread>

#include "dataplane/core/mailbox.h"

namespace sluice::core {
namespace {

struct Watched {
  explicit Watched(std::function<void(uint32_t)> then) : on_ready(std::move(then)) {}
  Pollable pollable{
      [](void* self, uint32_t events) { static_cast<Watched*>(self)->on_ready(events); }, this};
  std::function<void(uint32_t)> on_ready;
};

struct Later {
  explicit Later(std::function<void()> then) : run(std::move(then)) {}
  std::function<void()> run;
  Deferred deferred{[](void* self) { static_cast<Later*>(self)->run(); }, this};
};

std::array<Fd, 2> SocketPair() {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

TEST(EventLoopTest, ReportsEdgesOnce) {
  EventLoop loop;
  auto [a, b] = SocketPair();
  int calls = 0;
  Watched watched([&](uint32_t events) { calls += (events & EPOLLIN) != 0 ? 1 : 0; });
  ASSERT_TRUE(loop.AddEdge(a.get(), watched.pollable));
  loop.RunOnce(0);
  EXPECT_EQ(calls, 0);
  ASSERT_EQ(write(b.get(), "x", 1), 1);
  loop.RunOnce(0);
  loop.RunOnce(0);
  EXPECT_EQ(calls, 1);
  loop.Remove(a.get(), watched.pollable);
}

TEST(EventLoopTest, ReportsLevelsUntilTheyAreGone) {
  EventLoop loop;
  auto [a, b] = SocketPair();
  int calls = 0;
  Watched watched([&](uint32_t) { ++calls; });
  ASSERT_TRUE(loop.AddLevel(a.get(), watched.pollable));
  ASSERT_EQ(write(b.get(), "x", 1), 1);
  loop.RunOnce(0);
  loop.RunOnce(0);
  EXPECT_EQ(calls, 2);
  ASSERT_TRUE(loop.ModifyLevel(a.get(), watched.pollable, 0));
  loop.RunOnce(0);
  EXPECT_EQ(calls, 2);
  loop.Remove(a.get(), watched.pollable);
}

TEST(EventLoopTest, DropsEventsOfWhatWasRemovedInTheSameTurn) {
  EventLoop loop;
  auto [a, b] = SocketPair();
  auto [c, d] = SocketPair();
  int calls = 0;
  Watched* other[2];
  Fd* other_fd[2] = {&c, &a};
  Watched first([&](uint32_t) {
    ++calls;
    loop.Remove(other_fd[0]->get(), other[0]->pollable);
  });
  Watched second([&](uint32_t) {
    ++calls;
    loop.Remove(other_fd[1]->get(), other[1]->pollable);
  });
  other[0] = &second;
  other[1] = &first;
  ASSERT_TRUE(loop.AddLevel(a.get(), first.pollable));
  ASSERT_TRUE(loop.AddLevel(c.get(), second.pollable));
  ASSERT_EQ(write(b.get(), "x", 1), 1);
  ASSERT_EQ(write(d.get(), "x", 1), 1);
  loop.RunOnce(0);
  EXPECT_EQ(calls, 1);
}

TEST(EventLoopTest, RefusesABadDescriptor) {
  EventLoop loop;
  Watched watched([](uint32_t) {});
  EXPECT_FALSE(loop.AddEdge(-1, watched.pollable));
}

TEST(EventLoopTest, RunsDeferredWorkInOrderOnceATurn) {
  EventLoop loop;
  std::string order;
  Later a([&] { order += 'a'; });
  Later c([&] { order += 'c'; });
  Later b([&] {
    order += 'b';
    loop.Defer(c.deferred);  // the same turn
  });
  loop.Defer(a.deferred);
  loop.Defer(b.deferred);
  loop.Defer(a.deferred);  // queued already
  EXPECT_TRUE(a.deferred.queued());
  loop.RunOnce(0);
  EXPECT_EQ(order, "abc");
  EXPECT_FALSE(a.deferred.queued());
  loop.RunOnce(0);
  EXPECT_EQ(order, "abc");
}

TEST(EventLoopTest, RunsNothingThatWasUnlinkedOrIsGone) {
  EventLoop loop;
  std::string order;
  Later a([&] { order += 'a'; });
  Later b([&] { order += 'b'; });
  loop.Defer(a.deferred);
  loop.Defer(b.deferred);
  {
    Later gone([&] { order += 'g'; });
    loop.Defer(gone.deferred);
  }
  a.deferred.Unlink();
  Later last([&] { order += 'l'; });
  loop.Defer(last.deferred);
  loop.RunOnce(0);
  EXPECT_EQ(order, "bl");
}

TEST(EventLoopTest, IsNotStarvedByWorkThatPutsItselfOff) {
  EventLoop loop;
  auto [a, b] = SocketPair();
  int runs = 0;
  int events = 0;
  Later greedy([&] {
    ++runs;
    loop.Defer(greedy.deferred);
  });
  Watched watched([&](uint32_t) { ++events; });
  ASSERT_TRUE(loop.AddLevel(a.get(), watched.pollable));
  ASSERT_EQ(write(b.get(), "x", 1), 1);
  loop.Defer(greedy.deferred);
  loop.RunOnce();
  loop.RunOnce();  // does not wait: work is left
  EXPECT_EQ(events, 2);
  EXPECT_GT(runs, 2);
  loop.Remove(a.get(), watched.pollable);
}

TEST(EventLoopTest, FiresTimers) {
  EventLoop loop;
  int fired = 0;
  Timer timer([](void* count) { ++*static_cast<int*>(count); }, &fired);
  const uint64_t begin = loop.now_ms();
  loop.timers().Arm(timer, 15);
  while (fired == 0) loop.RunOnce();
  EXPECT_GE(loop.now_ms(), begin + 15);
}

TEST(EventLoopTest, StopsFromAnotherThread) {
  EventLoop loop;
  std::thread other([&] { loop.Stop(); });
  loop.Run();
  other.join();
}

TEST(MailboxTest, RunsWhatOthersPostInOrderOnTheLoopsThread) {
  EventLoop loop;
  Mailbox mailbox(loop);
  constexpr int kPosts = 1000;
  std::vector<int> seen[2];
  const std::thread::id here = std::this_thread::get_id();
  int left = 2 * kPosts;
  const auto post = [&](int thread) {
    for (int i = 0; i < kPosts; ++i) {
      mailbox.Post([&, thread, i] {
        EXPECT_EQ(std::this_thread::get_id(), here);
        seen[thread].push_back(i);
        if (--left == 0) loop.Stop();
      });
    }
  };
  std::thread one(post, 0);
  std::thread two(post, 1);
  loop.Run();
  one.join();
  two.join();
  for (const std::vector<int>& numbers : seen) {
    ASSERT_EQ(numbers.size(), static_cast<size_t>(kPosts));
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

TEST(MailboxTest, LetsPostedWorkPostMore) {
  EventLoop loop;
  Mailbox mailbox(loop);
  int ran = 0;
  mailbox.Post([&] {
    ++ran;
    mailbox.Post([&] {
      ++ran;
      loop.Stop();
    });
  });
  loop.Run();
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace sluice::core
