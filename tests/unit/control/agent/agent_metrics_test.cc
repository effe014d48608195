#include "control/agent/agent_metrics.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"

namespace sluice::agent {
namespace {

TEST(AgentMetrics, SaysWhatIsServedAndWhatIsWrong) {
  AgentFacts facts{.report = {.latest = 7, .applied = 6, .refused = "no", .proxy_connected = true},
                   .objects = 12,
                   .problems = 3,
                   .source_ok = false};
  const std::string text = MetricsText(facts);
  for (const char* line : {"sluice_generation 7\n", "sluice_generation_applied 6\n",
                           "sluice_generation_refused 1\n", "sluice_proxy_connected 1\n",
                           "sluice_objects 12\n", "sluice_problems 3\n", "sluice_source_ok 0\n"}) {
    EXPECT_TRUE(absl::StrContains(text, line)) << line << text;
  }
  EXPECT_FALSE(absl::StrContains(text, "sluice_packets_total"));
}

TEST(AgentMetrics, PacketsByReasonAndVip) {
  packet::Counters counters;
  counters.by_reason[VERDICT_ARP_ANSWERED] = 5;
  counters.vips.push_back({packet::IpAddress::Parse("192.0.2.1").value(), {}});
  counters.vips[0].by_reason[VERDICT_STEERED] = 2;
  counters.drift_repaired = 1;
  const std::string text = MetricsText({.packets = counters});
  EXPECT_TRUE(absl::StrContains(text, "sluice_packets_total{reason=\"arp_answered\"} 5\n"));
  EXPECT_TRUE(absl::StrContains(text, "sluice_packets_total{reason=\"malformed\"} 0\n"));
  EXPECT_TRUE(absl::StrContains(
      text, "sluice_vip_packets_total{vip=\"192.0.2.1\",reason=\"steered\"} 2\n"));
  EXPECT_TRUE(absl::StrContains(text, "sluice_drift_repaired_total 1\n"));
}

TEST(AgentMetrics, WhoOwnsAndWhoIsHeard) {
  OwnershipReport ownership{.hold_failures = 3};
  OwnershipReport::Lan& lan = ownership.lans.emplace_back();
  lan.interface = "eth0";
  lan.nodes = {{.name = "a", .alive = true, .standing = election::Standing::kSettled},
               {.name = "b"}};
  lan.addresses.emplace_back().address = packet::IpAddress::Parse("192.0.2.1").value().bytes;
  lan.addresses[0].owned = true;
  lan.counters.foreign = 4;
  const std::string text = MetricsText({.ownership = ownership});
  for (const char* line : {
           "sluice_vip_owned{vip=\"192.0.2.1\",interface=\"eth0\"} 1\n",
           "sluice_node_alive{interface=\"eth0\",node=\"a\"} 1\n",
           "sluice_node_alive{interface=\"eth0\",node=\"b\"} 0\n",
           "sluice_node_standing{interface=\"eth0\",node=\"a\"} 3\n",
           "sluice_heartbeats_total{interface=\"eth0\",result=\"foreign\"} 4\n",
           "sluice_hold_failures_total 3\n",
       }) {
    EXPECT_TRUE(absl::StrContains(text, line)) << line << text;
  }
}

}  // namespace
}  // namespace sluice::agent
