#include "dataplane/snapshot/listener_groups.h"

#include <gtest/gtest.h>

#include <string>

#include "dataplane/snapshot/text.h"

namespace sluice::snapshot {
namespace {

TEST(ListenerGroupsTest, GroupsByAddressAndPort) {
  const absl::StatusOr<Snapshot> snapshot = FromText(R"(
    listeners { id: "a" addresses: "192.0.2.1" addresses: "2001:db8::1" port: 443 protocol: PROTOCOL_HTTPS
                hostname: "a.test" certificate_ids: "c" }
    listeners { id: "b" addresses: "192.0.2.1" addresses: "2001:db8::1" port: 443 protocol: PROTOCOL_HTTPS
                hostname: "*.test" certificate_ids: "c" }
    listeners { id: "c" addresses: "192.0.2.1" port: 80 }
    listeners { id: "d" addresses: "192.0.2.2" port: 443 protocol: PROTOCOL_HTTPS certificate_ids: "c" })");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const ListenerGroups groups(*snapshot);

  EXPECT_EQ(groups.size(), 3u);
  const auto https = groups.Find(*core::Address::Parse("192.0.2.1", 443));
  ASSERT_TRUE(https.has_value());
  EXPECT_EQ(groups.Find(*core::Address::Parse("2001:db8::1", 443)), https);
  EXPECT_EQ(groups.FindByListener("b"), https);
  EXPECT_EQ(groups.protocol(*https), Listener::PROTOCOL_HTTPS);
  EXPECT_EQ(groups.FindListener(*https, "a.test"), 0u);
  EXPECT_EQ(groups.FindListener(*https, "x.y.test"), 1u);
  EXPECT_EQ(groups.FindListener(*https, "test"), std::nullopt);

  const auto http = groups.Find(*core::Address::Parse("192.0.2.1", 80));
  ASSERT_TRUE(http.has_value());
  EXPECT_EQ(groups.protocol(*http), Listener::PROTOCOL_HTTP);
  EXPECT_EQ(groups.FindListener(*http, "anything"), 2u);

  EXPECT_EQ(groups.Find(*core::Address::Parse("192.0.2.2", 80)), std::nullopt);
  EXPECT_EQ(groups.Find(*core::Address::Parse("2001:db8::1", 80)), std::nullopt);
  EXPECT_EQ(groups.FindByListener("z"), std::nullopt);
}

TEST(ListenerGroupsTest, TheSameSnapshotGivesTheSameIds) {
  Snapshot snapshot;
  for (uint32_t i = 0; i < 200; ++i) {
    Listener& listener = *snapshot.add_listeners();
    listener.set_id("l" + std::to_string(1000 + i));
    listener.set_port(1000 + i);
    listener.add_addresses("192.0.2.1");
  }
  const ListenerGroups one(snapshot), other(snapshot);
  for (uint16_t i = 0; i < 200; ++i) {
    const auto local = core::Address::Parse("192.0.2.1", static_cast<uint16_t>(1000 + i));
    EXPECT_EQ(one.Find(*local), i);
    EXPECT_EQ(other.Find(*local), i);
  }
}

}  // namespace
}  // namespace sluice::snapshot
