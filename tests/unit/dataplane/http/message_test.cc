#include "dataplane/http/message.h"

#include <gtest/gtest.h>

#include "dataplane/http/date_cache.h"
#include "dataplane/http/rate_bucket.h"

namespace sluice::http {
namespace {

TEST(KnownTest, RecognizesEachNameAndNoOther) {
#define X(enumerator, name)                      \
  EXPECT_EQ(Recognize(name), Known::enumerator); \
  EXPECT_EQ(NameOf(Known::enumerator), name);    \
  EXPECT_EQ(Recognize(std::string("x") + (name)), Known::kOther);
  SLUICE_KNOWN_HEADERS(X)
#undef X
  for (std::string_view name : {"", "x", "cookie", "hosts", "Host", "accept", "content-lengtX"}) {
    EXPECT_EQ(Recognize(name), Known::kOther) << name;
  }
  EXPECT_EQ(Recognize(std::string(1000, 'a')), Known::kOther);
}

class HeaderListTest : public testing::Test {
 protected:
  std::string Text() const {
    std::string text;
    for (const Header& header : list) {
      text += std::string(header.name) + "=" + std::string(header.value) + " ";
    }
    return text;
  }

  core::ArenaPool pool;
  core::Arena arena{pool};
  HeaderList list{arena};
};

TEST_F(HeaderListTest, KeepsTheOrderAndGrows) {
  for (int i = 0; i < 100; ++i) list.Add("a", arena.Copy(std::to_string(i)));
  ASSERT_EQ(list.size(), 100u);
  EXPECT_EQ(list.begin()[73].value, "73");
  EXPECT_EQ(list.Find("a")->value, "0");
}

TEST_F(HeaderListTest, FindsRemovesAndSets) {
  list.Add("a", "1");
  list.Add(Known::kHost, "h");
  list.Add("b", "2");
  list.Add("a", "3");
  EXPECT_EQ(list.Find(Known::kHost)->value, "h");
  EXPECT_EQ(list.Find(Known::kDate), nullptr);
  EXPECT_EQ(list.Find("c"), nullptr);
  list.Set("a", "4");
  EXPECT_EQ(Text(), "a=4 host=h b=2 ");
  list.Set("c", "5");
  list.Set(Known::kHost, "i");
  EXPECT_EQ(Text(), "a=4 host=i b=2 c=5 ");
  EXPECT_EQ(list.Remove(Known::kHost), 1u);
  EXPECT_EQ(list.Remove("x"), 0u);
  EXPECT_EQ(Text(), "a=4 b=2 c=5 ");
}

TEST(RequestHeadTest, SplitsItsTarget) {
  core::ArenaPool pool;
  core::Arena arena(pool);
  RequestHead head(arena);
  head.target = "/a?b?c";
  EXPECT_EQ(head.path(), "/a");
  EXPECT_EQ(head.query(), "b?c");
  head.target = "/a";
  EXPECT_EQ(head.path(), "/a");
  EXPECT_EQ(head.query(), "");
}

TEST(DateCacheTest, FormatsAsRfc9110) {
  const auto text = [](int64_t seconds) {
    const auto date = FormatDate(seconds);
    return std::string(date.data(), date.size());
  };
  EXPECT_EQ(text(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(text(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(text(1709164800), "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST(RateBucketTest, AllowsABurstAndThenARate) {
  RateBucket bucket(3, 10, 1000);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.Take(1000));
  EXPECT_FALSE(bucket.Take(1050));
  EXPECT_TRUE(bucket.Take(1100));
  EXPECT_FALSE(bucket.Take(1150));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.Take(100'000));
  EXPECT_FALSE(bucket.Take(100'000));
}

}  // namespace
}  // namespace sluice::http
