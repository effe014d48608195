#include "control/agent/cluster.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "control/agent/removal.h"
#include "control/kube/config.h"

namespace sluice::agent {
namespace {

// Of this process: two agents of one node overlap while the newer takes over.
std::string Identity(const std::string& node) { return absl::StrCat(node, "-", ::getpid()); }

}  // namespace

Cluster::Cluster(core::EventLoop& loop, const AgentOptions& options,
                 std::function<void()> on_change)
    : loop_(loop), options_(options), on_change_(std::move(on_change)) {}

Cluster::~Cluster() = default;

absl::Status Cluster::Start() {
  const ClusterOptions& cluster = options_.cluster;
  const kube::ConfigOptions asked{
      .kubeconfig = cluster.kubeconfig, .context = cluster.context, .server = cluster.server};
  const kube::Surroundings surroundings = kube::Surroundings::OfProcess();
  absl::StatusOr<kube::Config> config = cluster.in_cluster
                                            ? kube::InClusterConfig(asked, surroundings)
                                            : kube::KubeconfigConfig(asked, surroundings);
  if (!config.ok()) return config.status();
  client_ = std::make_unique<kube::CurlClient>(loop_, *std::move(config));
  source_ = std::make_unique<kube::ClusterSource>(
      loop_, *client_,
      kube::ClusterSourceOptions{.node = options_.node,
                                 .secret_namespaces = cluster.secret_namespaces},
      [this](const source::SourceState&) { OnObjects(); });
  scribe_ = std::make_unique<status::Scribe>(
      loop_, *client_, *source_,
      status::ScribeOptions{.node = options_.node,
                            .namespace_ = cluster.own_namespace,
                            .identity = Identity(options_.node)},
      status::ScribeOutputs{.on_leader = [this](bool) { on_change_(); }});
  source_->Start();
  return absl::OkStatus();
}

void Cluster::OnObjects() {
  if (!synced_) scribe_->Start();
  synced_ = true;
  on_change_();
}

compile::CompileOptions Cluster::CompileOptions() const {
  return {.allocations = leads() ? given_ : compile::Allocations(),
          .allocate = leads(),
          .node_labels = source_->node_labels(),
          .bundle_version = source_->bundle_version()};
}

void Cluster::OnCompiled(const compile::Compiled& compiled) {
  compiled_ = source_->versions();
  given_ = compiled.allocations;
}

void Cluster::OnReport(const publish::Report& report) {
  if (complete()) scribe_->Want(report.statuses, compiled_);
}

void Cluster::Stop(std::function<void(bool removed)> done) {
  if (scribe_ == nullptr || !synced_) return done(false);
  scribe_->Stop([this, done = std::move(done)] {
    if (options_.cluster.daemonset.empty()) return done(false);
    removal_ =
        AskForRemoval(*client_, {options_.cluster.own_namespace, options_.cluster.daemonset}, done);
  });
}

}  // namespace sluice::agent
