#include "dataplane/tls/ticket_keys.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::tls {
namespace {

using Secret = std::array<uint8_t, 32>;
constexpr Secret kSecret = {1, 2, 3};
constexpr int64_t kHour = 3600;

int64_t fake_now = 0;
int64_t FakeClock() { return fake_now; }

std::vector<uint8_t> Seal(const TicketKeys& keys, const std::string& text) {
  std::vector<uint8_t> out(text.size() + TicketKeys::kOverheadBytes);
  const auto size = keys.Seal(out, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  EXPECT_EQ(size, out.size());
  return out;
}

std::string Open(const TicketKeys& keys, const std::vector<uint8_t>& ticket) {
  std::vector<uint8_t> out(ticket.size());
  const auto size = keys.Open(out, ticket);
  return size ? std::string(out.begin(), out.begin() + static_cast<ptrdiff_t>(*size)) : "refused";
}

TEST(TicketKeysTest, OpensForAtLeast24AndAtMost36Hours) {
  const TicketKeys one(kSecret, FakeClock), other(kSecret, FakeClock);
  for (const int64_t sealed_at : {0 * kHour, 5 * kHour, 12 * kHour - 1}) {
    fake_now = 1000 * 12 * kHour + sealed_at;
    const std::vector<uint8_t> ticket = Seal(one, "session");
    const int64_t start = fake_now;
    for (int64_t age = -1; age <= 48; ++age) {
      fake_now = start + age * kHour;
      const std::string opened = Open(other, ticket);
      if (age >= 0 && age <= 24) EXPECT_EQ(opened, "session") << sealed_at << " " << age;
      if (age > 36) EXPECT_EQ(opened, "refused") << sealed_at << " " << age;
    }
  }
}

TEST(TicketKeysTest, AClockALittleBehindStillOpens) {
  const TicketKeys keys(kSecret, FakeClock);
  fake_now = 2000 * 12 * kHour;
  const std::vector<uint8_t> ticket = Seal(keys, "session");
  fake_now -= 60;
  EXPECT_EQ(Open(keys, ticket), "session");
  fake_now -= 13 * kHour;
  EXPECT_EQ(Open(keys, ticket), "refused");
}

TEST(TicketKeysTest, RefusesWhatItDidNotSeal) {
  fake_now = 3000 * 12 * kHour;
  const TicketKeys keys(kSecret, FakeClock), stranger(Secret{4}, FakeClock);
  const std::vector<uint8_t> ticket = Seal(keys, "session");
  EXPECT_EQ(Open(keys, ticket), "session");
  EXPECT_EQ(Open(stranger, ticket), "refused");
  for (size_t i = 0; i < ticket.size(); ++i) {
    std::vector<uint8_t> damaged = ticket;
    damaged[i] ^= 1;
    EXPECT_EQ(Open(keys, damaged), "refused") << i;
    EXPECT_EQ(Open(keys, {ticket.begin(), ticket.begin() + static_cast<ptrdiff_t>(i)}), "refused")
        << i;
  }
}

TEST(TicketKeysTest, SealsInPlaceAndNeverTwiceTheSame) {
  const TicketKeys keys(kSecret, FakeClock);
  std::string text = "session";
  std::vector<uint8_t> buffer(text.begin(), text.end());
  buffer.resize(text.size() + TicketKeys::kOverheadBytes);
  EXPECT_EQ(keys.Seal(buffer, {buffer.data(), text.size()}), buffer.size());
  EXPECT_EQ(Open(keys, buffer), "session");
  EXPECT_NE(Seal(keys, "session"), Seal(keys, "session"));
}

}  // namespace
}  // namespace sluice::tls
