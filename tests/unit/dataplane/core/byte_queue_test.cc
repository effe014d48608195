#include "dataplane/core/byte_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <string>

namespace sluice::core {
namespace {

constexpr size_t kBytes = BufferPool::kBufferBytes;

std::string Contents(const ByteQueue& queue) {
  std::array<iovec, 64> parts;
  std::string text;
  const int count = queue.Gather(parts);
  for (int i = 0; i < count; ++i) {
    EXPECT_GT(parts[i].iov_len, 0u);
    text.append(static_cast<char*>(parts[i].iov_base), parts[i].iov_len);
  }
  return text;
}

TEST(ByteQueueTest, HoldsNoBufferWhileEmpty) {
  BufferPool pool;
  ByteQueue queue(pool);
  EXPECT_EQ(pool.used(), 0u);
  EXPECT_TRUE(queue.Front().empty());
  queue.Append("hello");
  EXPECT_EQ(pool.used(), 1u);
  queue.Consume(5);
  EXPECT_EQ(pool.used(), 0u);
  EXPECT_TRUE(queue.empty());
}

TEST(ByteQueueTest, ReservesAndCommits) {
  BufferPool pool;
  ByteQueue queue(pool);
  std::span<uint8_t> room = queue.Reserve();
  ASSERT_EQ(room.size(), kBytes);
  queue.Commit(0);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(Contents(queue), "");
  room = queue.Reserve();
  std::memcpy(room.data(), "abc", 3);
  queue.Commit(3);
  EXPECT_EQ(Contents(queue), "abc");
  EXPECT_EQ(queue.Reserve().size(), kBytes - 3);
  EXPECT_EQ(queue.Front().size(), 3u);
}

TEST(ByteQueueTest, GathersNoMoreThanThereIsRoomFor) {
  BufferPool pool;
  ByteQueue queue(pool);
  queue.Append(std::string(3 * kBytes, 'x'));
  std::array<iovec, 2> parts;
  EXPECT_EQ(queue.Gather(parts), 2);
  EXPECT_EQ(parts[0].iov_len + parts[1].iov_len, 2 * kBytes);
}

// Against std::string, over every alignment to the buffers' ends.
TEST(ByteQueueTest, IsAFirstInFirstOutQueue) {
  BufferPool pool(2);
  {
    ByteQueue queue(pool);
    std::string model;
    std::mt19937 random(1);
    char next = 'a';
    for (int i = 0; i < 3000; ++i) {
      const size_t choices[] = {1, 100, kBytes - 1, kBytes, kBytes + 1, random() % (2 * kBytes)};
      const size_t n = choices[random() % 6];
      if (model.size() < 6 * kBytes && random() % 2 == 0) {
        const std::string text(n, next);
        next = next == 'z' ? 'a' : static_cast<char>(next + 1);
        queue.Append(text);
        model += text;
      } else {
        const size_t taken = std::min(n, model.size());
        queue.Consume(taken);
        model.erase(0, taken);
      }
      ASSERT_EQ(queue.size(), model.size());
      ASSERT_EQ(Contents(queue), model);
      ASSERT_EQ(pool.used() == 0, model.empty());
    }
  }
  EXPECT_EQ(pool.used(), 0u);
}

TEST(ByteQueueTest, DiesOnTakingMoreThanItHas) {
  BufferPool pool;
  ByteQueue queue(pool);
  queue.Append("a");
  EXPECT_DEATH(queue.Consume(2), "");
}

}  // namespace
}  // namespace sluice::core
