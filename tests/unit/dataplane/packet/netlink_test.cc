#include "dataplane/packet/netlink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/packet/node_network.h"

namespace sluice::packet {
namespace {

std::vector<std::pair<int, std::vector<uint8_t>>> Parse(const std::vector<uint8_t>& bytes) {
  std::vector<std::pair<int, std::vector<uint8_t>>> result;
  for (const NetlinkAttribute& attribute : ParseAttributes(bytes)) {
    result.emplace_back(attribute.type,
                        std::vector<uint8_t>(attribute.value.begin(), attribute.value.end()));
  }
  return result;
}

using Attributes = std::vector<std::pair<int, std::vector<uint8_t>>>;

TEST(NetlinkTest, BuildsWhatItParses) {
  NetlinkRequest request(RTM_GETLINK, NLM_F_DUMP);
  request.AddAttribute(1, uint8_t{7}).AddAttribute(2, uint32_t{0x01020304});
  const std::span<const uint8_t> bytes = request.Finish(9);
  const auto* header = reinterpret_cast<const nlmsghdr*>(bytes.data());
  EXPECT_EQ(bytes.size(), header->nlmsg_len);
  EXPECT_EQ(9u, header->nlmsg_seq);
  EXPECT_EQ(NLM_F_REQUEST | NLM_F_DUMP, header->nlmsg_flags);
  const std::vector<uint8_t> rest(bytes.begin() + NLMSG_HDRLEN, bytes.end());
  EXPECT_EQ((Attributes{{1, {7}}, {2, {4, 3, 2, 1}}}), Parse(rest));
}

TEST(NetlinkTest, StopsAtAMalformedAttribute) {
  EXPECT_EQ((Attributes{}), Parse({}));
  EXPECT_EQ((Attributes{}), Parse({4, 0, 1}));                         // shorter than a header
  EXPECT_EQ((Attributes{{1, {}}}), Parse({4, 0, 1, 0, 3, 0, 2, 0}));   // length below its header
  EXPECT_EQ((Attributes{{1, {}}}), Parse({4, 0, 1, 0, 12, 0, 2, 0}));  // length beyond the end
  EXPECT_EQ((Attributes{{1, {9}}}), Parse({5, 0, 1, 0x80, 9}));        // flag bit, no padding
}

TEST(NetlinkTest, ReadsTextUpToItsNul) {
  const std::vector<uint8_t> bytes = {9, 0, 3, 0, 'e', 't', 'h', '0', 0};
  EXPECT_EQ("eth0", ParseAttributes(bytes)[0].text());
  EXPECT_EQ(0u, NetlinkAttribute{}.As<uint32_t>());
}

TEST(NodeNetworkTest, SeesLoopbackAsNoEthernet) {
  absl::StatusOr<NodeNetwork> network = NodeNetwork::Open();
  ASSERT_TRUE(network.ok()) << network.status();
  const absl::StatusOr<std::vector<Device>> devices = network->Devices();
  ASSERT_TRUE(devices.ok()) << devices.status();
  const auto loopback = std::ranges::find(*devices, "lo", &Device::name);
  ASSERT_NE(devices->end(), loopback);
  EXPECT_FALSE(loopback->ethernet);
  EXPECT_FALSE(loopback->is_port());
}

TEST(NodeNetworkTest, ComputesTheSolicitedNodeGroup) {
  EXPECT_EQ("ff02::1:ff34:5678",
            SolicitedNodeGroup(IpAddress::Parse("2001:db8::12:1234:5678").value()).ToString());
}

}  // namespace
}  // namespace sluice::packet
