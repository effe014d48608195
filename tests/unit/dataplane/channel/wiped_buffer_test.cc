#include "dataplane/channel/wiped_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sluice::channel {
namespace {

void Append(WipedBuffer& buffer, const std::string& text) {
  auto room = buffer.Reserve(text.size());
  std::copy(text.begin(), text.end(), room.begin());
  buffer.Commit(text.size());
}

TEST(WipedBuffer, KeepsBytesInOrderWhileItGrows) {
  WipedBuffer buffer;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = std::to_string(i);
    Append(buffer, text);
    expected += text;
    if (i % 3 == 0) {
      buffer.Consume(2 > expected.size() ? expected.size() : 1);
      expected.erase(0, 1);
    }
    ASSERT_EQ(buffer.view(), expected);
  }
}

TEST(WipedBuffer, ConsumedBytesAreOverwritten) {
  WipedBuffer buffer;
  Append(buffer, "secretpublic");
  const char* memory = buffer.view().data();
  buffer.Consume(6);
  EXPECT_EQ(std::string(memory, 12), std::string(6, '\0') + "public");
}

TEST(WipedBuffer, AMoveLeavesNothing) {
  WipedBuffer from;
  Append(from, "secret");
  WipedBuffer to = std::move(from);
  EXPECT_EQ(to.view(), "secret");
  EXPECT_EQ(from.size(), 0u);  // NOLINT(bugprone-use-after-move)
}

}  // namespace
}  // namespace sluice::channel
