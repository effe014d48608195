#include "control/agent/cluster.h"

#include <random>
#include <utility>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "control/agent/removal.h"
#include "control/kube/config.h"

namespace sluice::agent {
namespace {

// Of this process: two agents of one node overlap while the newer takes over, and in containers
// both are process 1.
std::string Identity(const std::string& node) {
  return absl::StrCat(node, "_", absl::Hex(std::random_device{}(), absl::kZeroPad8));
}

}  // namespace

Cluster::Cluster(core::EventLoop& loop, const AgentOptions& options, Events events)
    : loop_(loop), options_(options), events_(std::move(events)) {}

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
                                 .secret_namespaces = cluster.secret_namespaces,
                                 .secrets = {{cluster.own_namespace, status::kKeysSecret}}},
      [this](const source::SourceState&) { OnObjects(); });
  scribe_ = std::make_unique<status::Scribe>(
      loop_, *client_, *source_,
      status::ScribeOptions{.node = options_.node,
                            .namespace_ = cluster.own_namespace,
                            .identity = Identity(options_.node)},
      status::ScribeOutputs{.compile = [this] { events_.on_change(); }});
  source_->Start();
  return absl::OkStatus();
}

void Cluster::OnObjects() {
  if (!synced_) scribe_->Start();
  if (!synced_) AskWhetherWeMayAsk();
  synced_ = true;
  LookForKeys();
  events_.on_change();
}

gateway_api::NamespacedName Cluster::OwnDaemonSet() const {
  return {options_.cluster.own_namespace, options_.cluster.daemonset};
}

// A removal often takes our rights first: an answer that was given before and is refused then tells
// the same.
void Cluster::AskWhetherWeMayAsk() {
  if (options_.cluster.daemonset.empty()) return;
  removal_ = AskForRemoval(*client_, OwnDaemonSet(),
                           [this](Removal removal) { may_ask_ = removal == Removal::kNo; });
}

void Cluster::LookForKeys() {
  const auto* secret = source_->state().objects->Find<gateway_api::Secret>(
      {options_.cluster.own_namespace, status::kKeysSecret});
  if (secret == nullptr) return;
  absl::StatusOr<status::SharedKeys> keys = status::ReadKeys(*secret);
  if (!keys.ok()) {  // those in use stay
    if (keys_problem_ != keys.status().message()) LOG(ERROR) << keys.status().message();
    keys_problem_ = keys.status().message();
    return;
  }
  keys_problem_.clear();
  if (keys_ == *keys) return;
  keys_ = *std::move(keys);
  events_.on_keys(*keys_);
}

compile::CompileOptions Cluster::CompileOptions() const {
  return {.allocations = leads() ? scribe_->given() : compile::Allocations(),
          .allocate = leads(),
          .node_labels = source_->node_labels(),
          .bundle_version = source_->bundle_version()};
}

void Cluster::OnCompiled(const compile::Compiled& compiled) {
  compiled_ = source_->versions();
  scribe_->Compiled(compiled);
}

void Cluster::OnReport(const publish::Report& report) {
  if (!complete()) return;
  if (report.applied == report.latest || !report.refused.empty()) settled_ = compiled_;
  scribe_->Want(report.statuses, compiled_);
}

void Cluster::Say(status::NodeReport report) {
  if (!complete()) return;
  report.versions = settled_;
  scribe_->Say(std::move(report));
}

void Cluster::Stop(std::function<void(bool removed)> done) {
  if (scribe_ == nullptr || !synced_) return done(false);
  scribe_->Stop([this, done = std::move(done)] {
    if (options_.cluster.daemonset.empty()) return done(false);
    removal_ = AskForRemoval(*client_, OwnDaemonSet(), [this, done](Removal removal) {
      done(removal == Removal::kYes || (removal == Removal::kRefused && may_ask_));
    });
  });
}

}  // namespace sluice::agent
