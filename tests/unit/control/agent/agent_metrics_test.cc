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

}  // namespace
}  // namespace sluice::agent
