#include "control/agent/vips.h"

#include <gtest/gtest.h>

namespace sluice::agent {
namespace {

TEST(Vips, FollowTheSnapshot) {
  snapshot::Snapshot snapshot;
  auto* first = snapshot.add_vips();
  first->set_address("192.0.2.1");
  first->set_announce(true);
  first->add_interfaces("eth*");
  first->add_ports()->set_port(80);
  auto* udp = first->add_ports();
  udp->set_port(443);
  udp->set_transport(snapshot::TRANSPORT_UDP);
  snapshot.add_vips()->set_address("2001:db8::1");
  snapshot.add_vips()->set_address("no address");  // never made; costs no other
  const packet::VipTable expected = {
      {.address = packet::IpAddress::Parse("192.0.2.1").value(),
       .interfaces = {"eth*"},
       .announce = true,
       .owned = true,
       .ports = {{packet::Transport::kTcp, 80}, {packet::Transport::kUdp, 443}}},
      {.address = packet::IpAddress::Parse("2001:db8::1").value(),
       .announce = false,
       .owned = true}};
  EXPECT_EQ(VipTableOf(snapshot), expected);
}

}  // namespace
}  // namespace sluice::agent
