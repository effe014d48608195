#include "control/agent/node_report.h"

#include <algorithm>

namespace sluice::agent {
namespace {

using status::NodeReport;

void JudgeFitness(const NodeFacts& facts, NodeReport& out) {
  if (!facts.report.proxy_connected) {
    out.reason = "NoProxy";
    out.message = "no proxy is connected";
  } else if (facts.report.applied == 0) {
    out.reason = "NothingApplied";
    out.message = "no configuration is served yet";
  } else if (facts.report.applied != facts.report.latest) {
    out.reason = "Behind";
    out.message = facts.report.refused.empty() ? "the newest configuration is not served yet"
                                               : "the newest configuration was refused";
  }
  // A node that refuses what is new serves what was good before, and is as good as the others.
  out.eligible = out.reason.empty() || !facts.report.refused.empty();
}

void AddElection(const OwnershipReport& ownership, absl::Time now, NodeReport::Vip& vip,
                 const election::AddressKey& key, const std::string& node) {
  for (const OwnershipReport::Lan& lan : ownership.lans) {
    const auto found = std::ranges::find(lan.addresses, key, &election::AddressState::address);
    if (found == lan.addresses.end()) continue;
    vip.interface = lan.interface;
    vip.candidate = std::ranges::find(found->candidates, node) != found->candidates.end();
    vip.epoch = static_cast<int64_t>(found->epoch);
    if (found->moved_at != absl::InfinitePast()) vip.since = now - (ownership.at - found->moved_at);
    return;
  }
}

NodeReport::Vip ReportVip(const NodeFacts& facts, const packet::Vip& vip) {
  NodeReport::Vip out;
  out.address = vip.address.ToString();
  out.owned = std::ranges::find(facts.held, vip.address) != facts.held.end();
  if (facts.ownership) AddElection(*facts.ownership, facts.now, out, vip.address.bytes, facts.node);
  return out;
}

}  // namespace

NodeReport MakeNodeReport(const NodeFacts& facts) {
  NodeReport out;
  out.node = facts.node;
  out.generation = static_cast<int64_t>(facts.report.applied);
  out.refused = facts.report.refused;
  out.problems = facts.problems;
  JudgeFitness(facts, out);
  for (const packet::Vip& vip : facts.vips) out.vips.push_back(ReportVip(facts, vip));
  for (const packet::DeviceStatus& device : facts.devices) {
    out.interfaces.push_back({device.name, device.mode, device.carrier});
  }
  return out;
}

}  // namespace sluice::agent
