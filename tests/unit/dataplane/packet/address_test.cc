#include "dataplane/packet/address.h"

#include <gtest/gtest.h>

namespace sluice::packet {
namespace {

TEST(IpAddressTest, ReadsAndWritesCanonicalText) {
  for (const std::string_view text :
       {"0.0.0.0", "192.168.0.200", "255.255.255.255", "::", "::1", "2001:db8::200", "ff02::1"}) {
    const absl::StatusOr<IpAddress> address = IpAddress::Parse(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(text, address->ToString());
    EXPECT_EQ(text.find(':') == std::string_view::npos, address->is_v4()) << text;
  }
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  for (const std::string_view text :
       {"", "192.168.0", "192.168.0.256", "192.168.0.1/24", "192.168.0.1 ", "host", "fe80::1%eth0",
        "[::1]", "::ffff:192.168.0.1", "2001:db8:::1"}) {
    EXPECT_EQ("not an IP address: \"" + std::string(text) + "\"",
              IpAddress::Parse(text).status().message());
  }
}

TEST(IpAddressTest, KeepsIpv4Mapped) {
  const IpAddress address = IpAddress::FromV4({192, 168, 0, 200});
  EXPECT_EQ((std::array<uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 0, 200}),
            address.bytes);
  EXPECT_EQ((std::array<uint8_t, 4>{192, 168, 0, 200}), address.v4());
}

TEST(MacAddressTest, ReadsAndWrites) {
  EXPECT_EQ("02:00:ab:cd:ef:0a", MacAddress::Parse("02:00:AB:cd:ef:0a")->ToString());
  for (const std::string_view text :
       {"", "02:00:00:00:00", "02:00:00:00:00:0", "02:00:00:00:00:0g", "02:00:00:00:00:00:00",
        "020000000000", "+2:00:00:00:00:00"}) {
    EXPECT_EQ("not a MAC address: \"" + std::string(text) + "\"",
              MacAddress::Parse(text).status().message());
  }
}

}  // namespace
}  // namespace sluice::packet
