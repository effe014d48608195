// What the agent shows of itself: to gwctl, to Prometheus, to the kubelet.
#include <algorithm>
#include <array>
#include <utility>

#include "absl/time/clock.h"
#include "bpf/verdict_reasons.h"
#include "control/agent/agent.h"
#include "control/agent/node_report.h"

namespace sluice::agent {
namespace {

view::Counters CountersOf(const std::array<uint64_t, VERDICT_COUNT>& by_reason) {
  static constexpr const char* kLabels[] = {
#define X(name, label, text) label,
      SLUICE_VERDICTS(X)
#undef X
  };
  view::Counters counters;
  for (int i = 0; i < VERDICT_COUNT; ++i) {
    const uint64_t packets = by_reason[static_cast<size_t>(i)];
    if (packets > 0) counters.push_back({kLabels[i], static_cast<int64_t>(packets)});
  }
  return counters;
}

}  // namespace

view::View Agent::MakeView() {
  const publish::PublicationPtr latest = publisher_.latest();
  const source::SourceState& state = source_->state();
  view::View view = view::MakeView(
      *state.objects, latest == nullptr ? compile::Compiled() : latest->compiled, state.problems);
  view.statuses = publisher_.report().statuses;
  view.agent = MakeState();
  return view;
}

view::AgentState Agent::MakeState() {
  const publish::Report& report = publisher_.report();
  view::AgentState state;
  state.node = options_.node;
  state.generation = static_cast<int64_t>(report.latest);
  state.acknowledged = static_cast<int64_t>(report.applied);
  state.refused = report.refused;
  state.proxy_connected = report.proxy_connected;
  state.workers = sockets_.workers();
  state.source = std::string(source_->state().health.message());
  if (packets_ == nullptr) return state;
  for (const packet::DeviceStatus& device : packets_->path().devices()) {
    state.devices.push_back(
        {device.name, device.mode, device.announcing, device.carrier, device.note});
  }
  const absl::StatusOr<packet::Counters> counters = packets_->path().ReadCounters();
  const std::vector<packet::IpAddress> held = packets_->path().Held();
  for (const packet::Vip& vip : packets_->table()) {
    view::VipState& out = state.vips.emplace_back();
    out.address = vip.address.ToString();
    out.owned = std::ranges::find(held, vip.address) != held.end();
    if (!counters.ok()) continue;
    const auto found =
        std::ranges::find(counters->vips, vip.address, &packet::VipCounters::address);
    if (found != counters->vips.end()) out.counters = CountersOf(found->by_reason);
  }
  if (!counters.ok()) return state;
  state.counters = CountersOf(counters->by_reason);
  state.drift_repaired = static_cast<int64_t>(counters->drift_repaired);
  return state;
}

AgentFacts Agent::Facts() {
  const source::SourceState& state = source_->state();
  AgentFacts facts{.report = publisher_.report(),
                   .objects = state.objects->size(),
                   .problems = state.problems.size(),
                   .source_ok = state.health.ok(),
                   .compiles = compiles_,
                   .compile_seconds = compile_seconds_,
                   .statm = statm_.get()};
  if (publisher_.latest() != nullptr)
    facts.problems += publisher_.latest()->compiled.warnings.size();
  if (liveness_ != nullptr) {
    facts.liveness_answers = liveness_->answers();
    facts.liveness_failures = liveness_->renew_failures();
    if (liveness_->ownership() != nullptr) facts.ownership = liveness_->ownership()->Report();
  }
  if (packets_ == nullptr) return facts;
  facts.foreign_claims = packets_->foreign_claims();
  if (absl::StatusOr<packet::Counters> counters = packets_->path().ReadCounters(); counters.ok()) {
    facts.packets = *std::move(counters);
  }
  return facts;
}

void Agent::SayHowWeAre() {
  if (let_go()) return;
  NodeFacts facts{.node = options_.node,
                  .report = publisher_.report(),
                  .problems = static_cast<int>(source_->state().problems.size()),
                  .now = absl::Now()};
  if (packets_ != nullptr) {
    facts.vips = packets_->table();
    facts.held = packets_->path().Held();
    facts.devices = packets_->path().devices();
  }
  if (liveness_ != nullptr && liveness_->ownership() != nullptr)
    facts.ownership = liveness_->ownership()->Report();
  source_->Say(MakeNodeReport(facts));
}

absl::Status Agent::Ready() const {
  const publish::Report& report = publisher_.report();
  if (!lock_.valid()) return absl::UnavailableError("another agent owns this node");
  if (let_go()) return absl::UnavailableError("handed over to another agent");
  if (!report.proxy_connected) return absl::UnavailableError("no proxy is connected");
  if (report.applied == 0) return absl::UnavailableError("no configuration is served yet");
  return absl::OkStatus();
}

}  // namespace sluice::agent
