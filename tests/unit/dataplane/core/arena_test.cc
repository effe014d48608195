#include "dataplane/core/arena.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::core {
namespace {

class ArenaTest : public testing::Test {
 protected:
  ArenaPool pool;
  Arena arena{pool};
};

TEST_F(ArenaTest, GivesAlignedMemoryThatDoesNotOverlap) {
  std::vector<std::pair<char*, size_t>> pieces;
  for (size_t size : {1, 7, 8, 9, 100, 1000, 1024, 1025, 5000, 3, 70000, 1}) {
    auto* at = static_cast<char*>(arena.Allocate(size));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % 8, 0u);
    std::fill_n(at, size, static_cast<char>(pieces.size()));
    pieces.emplace_back(at, size);
  }
  for (size_t i = 0; i < pieces.size(); ++i) {
    const std::string text(pieces[i].first, pieces[i].second);
    EXPECT_EQ(text, std::string(pieces[i].second, static_cast<char>(i)));
  }
}

TEST_F(ArenaTest, CopiesAndConcatenates) {
  std::string text = "hello";
  const std::string_view copy = arena.Copy(text);
  text = "other";
  EXPECT_EQ(copy, "hello");
  EXPECT_EQ(arena.Concat({copy, "", " ", "world"}), "hello world");
  EXPECT_EQ(arena.Concat({"", {}}), "");
  EXPECT_EQ(arena.Copy({}), "");
}

TEST_F(ArenaTest, ExtendsInPlaceWhatCameLast) {
  const std::string_view first = arena.Copy("ab");
  const std::string_view more = arena.Extend(first, "cdefghij");
  EXPECT_EQ(more, "abcdefghij");
  EXPECT_EQ(more.data(), first.data());
  const std::string_view other = arena.Copy("x");
  const std::string_view moved = arena.Extend(more, "k");
  EXPECT_NE(moved.data(), more.data());
  EXPECT_EQ(arena.Extend(moved, "l"), "abcdefghijkl");
  EXPECT_EQ(other, "x");
  EXPECT_EQ(more, "abcdefghij");
}

// A field that comes byte by byte must not cost its square.
TEST_F(ArenaTest, GrowsByDoubling) {
  std::string expected;
  std::string_view text;
  std::string_view neighbour;
  size_t moves = 0;
  for (int i = 0; i < 16 * 1024; ++i) {
    const char c = static_cast<char>('a' + i % 26);
    const char* before = text.data();
    text = arena.Extend(text, {&c, 1});
    expected += c;
    moves += text.data() != before ? 1 : 0;
    if (i == 3000) neighbour = arena.Copy("neighbour");
  }
  EXPECT_EQ(text, expected);
  EXPECT_EQ(neighbour, "neighbour");
  EXPECT_LE(moves, 12u);
}

TEST_F(ArenaTest, ExtendsAfterAResetWithoutTheOldText) {
  std::string_view text = arena.Copy("a");
  arena.Copy("b");
  text = arena.Extend(text, "c");
  arena.Reset();
  const std::string_view fresh = arena.Copy("xy");
  EXPECT_EQ(arena.Extend(fresh, "z"), "xyz");
}

TEST(ArenaPoolTest, ReusesBlocks) {
  ArenaPool pool(1);
  char* const first = pool.Get();
  char* const second = pool.Get();
  pool.Put(first);
  pool.Put(second);  // more than it keeps
  EXPECT_EQ(pool.Get(), first);
  pool.Put(first);
}

}  // namespace
}  // namespace sluice::core
