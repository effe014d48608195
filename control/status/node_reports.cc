#include "control/status/node_reports.h"

#include <algorithm>
#include <utility>

namespace sluice::status {

NodeReports::NodeReports(core::EventLoop& loop, kube::Client& client, std::string self,
                         std::function<void()> on_change)
    : loop_(loop), client_(client), self_(std::move(self)), on_change_(std::move(on_change)) {}

void NodeReports::Start() {
  if (reflector_ != nullptr) return;
  reports_.clear();
  kube::ReflectorOptions options{.versions = {kNodeReports}};
  options.random = [this] { return std::uniform_real_distribution<double>()(random_); };
  reflector_ = std::make_unique<kube::Reflector>(
      loop_.timers(), client_, std::move(options),
      kube::ReflectorHandlers{.on_object = [this](const kube::ObjectText& object,
                                                  const kube::Resource&) { OnObject(object); },
                              .on_gone =
                                  [this](const gateway_api::NamespacedName& name) {
                                    reports_.erase(name.name);
                                    on_change_();
                                  },
                              .on_state = [this] { on_change_(); }});
  reflector_->Start();
}

void NodeReports::Stop() {
  reflector_.reset();
  reports_.clear();
}

void NodeReports::OnObject(const kube::ObjectText& object) {
  std::optional<NodeReport> report = ReadNodeReport(object.text);
  if (!report) return;
  reports_[object.name.name] = {*std::move(report), loop_.now_ms(), false};
  on_change_();
}

std::vector<NodeProgress> NodeReports::progress() const {
  std::vector<NodeProgress> nodes;
  for (const auto& [name, entry] : reports_) {
    if (name == self_) continue;
    const bool heard = loop_.now_ms() - entry.heard_ms < kSilentMs;
    nodes.push_back({.node = name,
                     .applied = entry.report.versions,
                     .counted = entry.report.eligible && heard && !entry.gone_without});
  }
  return nodes;
}

void NodeReports::GoneWithout(const std::vector<std::string>& nodes) {
  for (const std::string& name : nodes) {
    if (auto found = reports_.find(name); found != reports_.end()) {
      found->second.gone_without = true;
    }
  }
}

std::vector<std::string> NodeReports::Orphans(
    const std::map<std::string, gateway_api::StringMap>& nodes) const {
  std::vector<std::string> orphans;
  for (const auto& [name, entry] : reports_) {
    if (nodes.contains(name) || loop_.now_ms() - entry.heard_ms < kSilentMs) continue;
    orphans.push_back(name);
  }
  return orphans;
}

}  // namespace sluice::status
