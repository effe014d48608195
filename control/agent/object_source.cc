#include "control/agent/object_source.h"

#include <utility>

#include "control/agent/cluster.h"
#include "control/agent/folder.h"

namespace sluice::agent {

ObjectSource::ObjectSource(core::EventLoop& loop, const AgentOptions& options,
                           std::function<void()> on_change,
                           std::function<void(const status::SharedKeys&)> on_keys) {
  if (options.cluster.given()) {
    cluster_ = std::make_unique<Cluster>(
        loop, options,
        Cluster::Events{.on_change = std::move(on_change), .on_keys = std::move(on_keys)});
  } else {
    folder_ = std::make_unique<Folder>(loop, options, std::move(on_change));
  }
}

ObjectSource::~ObjectSource() = default;

absl::Status ObjectSource::Start() {
  return cluster_ != nullptr ? cluster_->Start() : folder_->Start();
}

const source::SourceState& ObjectSource::state() const {
  return cluster_ != nullptr ? cluster_->state() : folder_->state();
}

bool ObjectSource::complete() const { return cluster_ == nullptr || cluster_->complete(); }

compile::CompileOptions ObjectSource::CompileOptions() const {
  if (cluster_ != nullptr) return cluster_->CompileOptions();
  return {.allocations = folder_->allocations()};
}

void ObjectSource::OnCompiled(const compile::Compiled& compiled) {
  if (cluster_ != nullptr) return cluster_->OnCompiled(compiled);
  folder_->SaveAllocations(compiled.allocations);
}

void ObjectSource::OnReport(const publish::Report& report) {
  if (cluster_ != nullptr) return cluster_->OnReport(report);
  folder_->SaveStatuses(report.statuses);
}

void ObjectSource::Say(status::NodeReport report) {
  if (cluster_ != nullptr) cluster_->Say(std::move(report));
}

void ObjectSource::Stop(std::function<void(bool removed)> done) {
  cluster_ != nullptr ? cluster_->Stop(std::move(done)) : done(false);
}

}  // namespace sluice::agent
