#include "control/agent/agent_metrics.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "bpf/verdict_reasons.h"
#include "dataplane/metrics/exposition.h"

namespace sluice::agent {
namespace {

constexpr std::array<std::string_view, VERDICT_COUNT> kReasons = {
#define X(name, label, text) label,
    SLUICE_VERDICTS(X)
#undef X
};

void AddPackets(const packet::Counters& packets, metrics::Exposition& out) {
  for (size_t i = 0; i < kReasons.size(); ++i) {
    out.Counter("sluice_packets_total", "packets that the BPF programs decided on, by verdict",
                {{"reason", kReasons[i]}}, static_cast<double>(packets.by_reason[i]));
  }
  for (const packet::VipCounters& vip : packets.vips) {
    const std::string address = vip.address.ToString();
    for (size_t i = 0; i < kReasons.size(); ++i) {
      if (vip.by_reason[i] == 0) continue;
      out.Counter("sluice_vip_packets_total", "the same by VIP",
                  {{"vip", address}, {"reason", kReasons[i]}},
                  static_cast<double>(vip.by_reason[i]));
    }
  }
  out.Counter("sluice_drift_repaired_total",
              "things of the packet path that had drifted and were repaired", {},
              static_cast<double>(packets.drift_repaired));
}

void AddNodes(const OwnershipReport& ownership, metrics::Exposition& out) {
  const auto each = [&](const auto& add) {
    for (const OwnershipReport::Lan& lan : ownership.lans) {
      for (const election::NodeState& node : lan.nodes) add(lan, node);
    }
  };
  each([&](const OwnershipReport::Lan& lan, const election::NodeState& node) {
    out.Gauge("sluice_node_alive", "1: heard, and it hears us",
              {{"interface", lan.interface}, {"node", node.name}}, node.alive ? 1 : 0);
  });
  each([&](const OwnershipReport::Lan& lan, const election::NodeState& node) {
    out.Gauge("sluice_node_standing", "as a candidate: 0 none, 1 draining, 2 new, 3 settled",
              {{"interface", lan.interface}, {"node", node.name}},
              static_cast<double>(node.standing));
  });
}

void AddHeartbeats(const OwnershipReport& ownership, metrics::Exposition& out) {
  for (const OwnershipReport::Lan& lan : ownership.lans) {
    const election::LanCounters& counters = lan.counters;
    for (const auto& [result, count] : {std::pair{"sent", counters.sent},
                                        {"send_failed", counters.send_failures},
                                        {"received", counters.received},
                                        {"foreign", counters.foreign},
                                        {"malformed", counters.malformed},
                                        {"other_version", counters.other_version},
                                        {"routed", counters.routed},
                                        {"late", counters.late}}) {
      out.Counter("sluice_heartbeats_total", "heartbeats between nodes, by what became of them",
                  {{"interface", lan.interface}, {"result", result}}, static_cast<double>(count));
    }
  }
}

void AddOwnership(const OwnershipReport& ownership, metrics::Exposition& out) {
  for (const OwnershipReport::Lan& lan : ownership.lans) {
    for (const election::AddressState& vip : lan.addresses) {
      const std::string address = packet::IpAddress{vip.address}.ToString();
      out.Gauge("sluice_vip_owned", "1: this node answers for it",
                {{"vip", address}, {"interface", lan.interface}}, vip.owned ? 1 : 0);
    }
  }
  AddNodes(ownership, out);
  AddHeartbeats(ownership, out);
  out.Counter("sluice_hold_failures_total", "times that the packet path refused a decision", {},
              static_cast<double>(ownership.hold_failures));
}

}  // namespace

std::string MetricsText(const AgentFacts& facts) {
  metrics::Exposition out;
  const auto gauge = [&](std::string_view name, std::string_view help, double value) {
    out.Gauge(name, help, {}, value);
  };
  const auto counter = [&](std::string_view name, std::string_view help, uint64_t value) {
    out.Counter(name, help, {}, static_cast<double>(value));
  };
  gauge("sluice_generation", "the newest generation", static_cast<double>(facts.report.latest));
  gauge("sluice_generation_applied", "the newest that the proxy serves",
        static_cast<double>(facts.report.applied));
  gauge("sluice_generation_refused", "1: the proxy refused the newest generation",
        facts.report.refused.empty() ? 0 : 1);
  gauge("sluice_proxy_connected", "1: the proxy is there", facts.report.proxy_connected ? 1 : 0);
  gauge("sluice_objects", "objects that were read", static_cast<double>(facts.objects));
  gauge("sluice_problems", "problems on reading and compiling",
        static_cast<double>(facts.problems));
  gauge("sluice_source_ok", "1: the configuration can be read", facts.source_ok ? 1 : 0);
  counter("sluice_compiles_total", "compiles", facts.compiles);
  gauge("sluice_compile_seconds", "how long the last compile took", facts.compile_seconds);
  counter("sluice_liveness_answers_total", "pings that all workers answered",
          facts.liveness_answers);
  counter("sluice_liveness_failures_total", "renewals of the VIPs' deadline that failed",
          facts.liveness_failures);
  counter("sluice_foreign_claims_total", "claims of others for our VIPs", facts.foreign_claims);
  if (facts.packets) AddPackets(*facts.packets, out);
  if (facts.ownership) AddOwnership(*facts.ownership, out);
  metrics::AddProcess(out, facts.statm);
  return out.ToText();
}

}  // namespace sluice::agent
