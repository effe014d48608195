// `status`: how the agent and its proxy are; only an agent has one.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "control/view/document.h"
#include "tools/gwctl/commands.h"
#include "tools/gwctl/table.h"
#include "tools/gwctl/yaml.h"

namespace sluice::gwctl {
namespace {

using view::AgentState;

std::string YesNo(bool yes) { return yes ? "yes" : "no"; }

void PrintFacts(const AgentState& agent, std::ostream& out) {
  const auto line = [&](std::string_view name, std::string_view value) {
    out << name << ":" << std::string(13 - name.size(), ' ') << value << "\n";
  };
  line("Node", agent.node);
  if (!agent.build.empty()) line("Build", agent.build);
  line("Proxy", agent.proxy_connected ? absl::StrCat("connected, ", agent.workers, " workers")
                                      : "not connected");
  const bool behind = agent.acknowledged != agent.generation;
  line("Generation", absl::StrCat(agent.generation,
                                  behind ? absl::StrCat(", serving ", agent.acknowledged) : ""));
  if (!agent.refused.empty()) line("Refused", agent.refused);
  if (!agent.source.empty()) line("Source", agent.source);
  line("Drift", absl::StrCat(agent.drift_repaired, " repaired"));
}

uint64_t PacketsOf(const view::Counters& counters, std::string_view reason) {
  for (const view::Counter& counter : counters) {
    if (counter.reason == reason) return static_cast<uint64_t>(counter.packets);
  }
  return 0;
}

// Nothing without rows: an agent without BPF has none.
void PrintTable(const Cells& titles, const std::vector<Cells>& rows, std::ostream& out) {
  if (!rows.empty()) out << "\n" << FormatTable(titles, rows);
}

void PrintTables(const AgentState& agent, std::ostream& out) {
  std::vector<Cells> vips, devices, counters;
  for (const view::VipState& vip : agent.vips) {
    vips.push_back({vip.address, YesNo(vip.owned),
                    absl::StrCat(PacketsOf(vip.counters, "arp_answered") +
                                 PacketsOf(vip.counters, "ndp_answered")),
                    absl::StrCat(PacketsOf(vip.counters, "announced"))});
  }
  for (const view::DeviceState& device : agent.devices) {
    devices.push_back(
        {device.name, device.mode, YesNo(device.announcing), YesNo(device.carrier), device.note});
  }
  for (const view::Counter& counter : agent.counters) {
    if (counter.packets != 0) counters.push_back({counter.reason, absl::StrCat(counter.packets)});
  }
  PrintTable({"VIP", "OWNED", "ANSWERED", "ANNOUNCED"}, vips, out);
  PrintTable({"DEVICE", "MODE", "ANNOUNCES", "CARRIER", "NOTE"}, devices, out);
  PrintTable({"PACKETS", "COUNT"}, counters, out);
}

}  // namespace

ExitCode StatusCommand(const view::View& view, const Options& options, const Session& session) {
  if (!view.agent) {
    return session.Fail(
        kUsage,
        "only an agent has a status: ask it on its node, without --manifests and --kubeconfig");
  }
  const AgentState& agent = *view.agent;
  const Document document = view::ToDocument(agent);
  if (options.output == Output::kJson) {
    session.out << ToJson(document);
  } else if (options.output == Output::kYaml) {
    session.out << ToYaml(document);
  } else {
    PrintFacts(agent, session.out);
    PrintTables(agent, session.out);
  }
  const bool serving = agent.proxy_connected && agent.refused.empty() && agent.source.empty() &&
                       agent.acknowledged == agent.generation;
  return serving ? kOk : kProblems;
}

}  // namespace sluice::gwctl
