#include "control/agent/node_report.h"

#include <gtest/gtest.h>

namespace sluice::agent {
namespace {

using status::NodeReport;

packet::IpAddress Address(const char* text) { return *packet::IpAddress::Parse(text); }

publish::Report Serving(uint64_t latest, uint64_t applied, bool proxy = true) {
  publish::Report report;
  report.latest = latest;
  report.applied = applied;
  report.proxy_connected = proxy;
  return report;
}

TEST(NodeReport, WhatMakesANodeEligible) {
  publish::Report refused = Serving(3, 2);
  refused.refused = "no such thing";
  const struct {
    publish::Report report;
    bool eligible;
    const char* reason;
  } rows[] = {
      {Serving(2, 2), true, ""},
      {Serving(2, 2, false), false, "NoProxy"},
      {Serving(1, 0), false, "NothingApplied"},
      {Serving(3, 2), false, "Behind"},
      {refused, true, "Behind"},
  };
  for (const auto& row : rows) {
    const NodeReport report = MakeNodeReport({.node = "n", .report = row.report});
    EXPECT_EQ(report.eligible, row.eligible) << row.reason;
    EXPECT_EQ(report.reason, row.reason);
    EXPECT_EQ(report.message.empty(), report.reason.empty());
  }
}

TEST(NodeReport, VipsWithTheirElection) {
  OwnershipReport::Lan lan{.interface = "eth0"};
  lan.addresses.push_back({.address = Address("192.0.2.1").bytes,
                           .owned = true,
                           .owner = "n",
                           .candidates = {"n", "m"},
                           .epoch = 4,
                           .moved_at = absl::FromUnixSeconds(50)});
  lan.addresses.push_back({.address = Address("192.0.2.2").bytes, .candidates = {"m"}});
  packet::VipTable vips(3);
  vips[0].address = Address("192.0.2.1");
  vips[1].address = Address("192.0.2.2");
  vips[2].address = Address("2001:db8::1");
  const NodeReport report =
      MakeNodeReport({.node = "n",
                      .report = Serving(1, 1),
                      .problems = 2,
                      .vips = vips,
                      .held = {Address("192.0.2.1")},
                      .ownership = OwnershipReport{.lans = {lan}, .at = absl::FromUnixSeconds(60)},
                      .now = absl::FromUnixSeconds(1000)});
  EXPECT_EQ(report.problems, 2);
  EXPECT_EQ(report.vips, (std::vector<NodeReport::Vip>{
                             {.address = "192.0.2.1",
                              .interface = "eth0",
                              .owned = true,
                              .candidate = true,
                              .epoch = 4,
                              .since = absl::FromUnixSeconds(990)},
                             {.address = "192.0.2.2", .interface = "eth0"},
                             {.address = "2001:db8::1"},
                         }));
}

}  // namespace
}  // namespace sluice::agent
