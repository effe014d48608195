// A Kubernetes cluster as the agent's source: the connection to its API server, the objects, and
// what is written back. Lives on the agent's loop. Nothing here waits for the API server: with it
// away the last good objects stay, and what is to be written waits.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "control/agent/options.h"
#include "control/compile/compile.h"
#include "control/kube/cluster_source.h"
#include "control/kube/curl_client.h"
#include "control/publish/publisher.h"
#include "control/source/source_state.h"
#include "control/status/scribe.h"
#include "dataplane/core/event_loop.h"

namespace sluice::agent {

class Cluster {
 public:
  struct Events {
    std::function<void()> on_change;  // something that Compile reads is another
    std::function<void(const status::SharedKeys&)> on_keys;  // new ones, or the first
  };

  Cluster(core::EventLoop& loop, const AgentOptions& options, Events events);
  ~Cluster();

  // NotFound, InvalidArgument and the like: the kubeconfig or the pod's account cannot be used.
  absl::Status Start();

  const source::SourceState& state() const { return source_->state(); }
  bool complete() const { return source_ != nullptr && source_->synced(); }
  compile::CompileOptions CompileOptions() const;
  void OnCompiled(const compile::Compiled& compiled);
  void OnReport(const publish::Report& report);
  // Of this node, without its versions. What did not change is not written.
  void Say(status::NodeReport report);
  // Gives the leadership up; `done` comes within about two seconds, and says whether Sluice is
  // being removed from the cluster.
  void Stop(std::function<void(bool removed)> done);

  bool leads() const { return scribe_ != nullptr && scribe_->leads(); }

 private:
  void OnObjects();
  void LookForKeys();
  gateway_api::NamespacedName OwnDaemonSet() const;
  void AskWhetherWeMayAsk();

  core::EventLoop& loop_;
  const AgentOptions options_;
  const Events events_;
  std::unique_ptr<kube::CurlClient> client_;
  std::unique_ptr<kube::ClusterSource> source_;
  std::unique_ptr<status::Scribe> scribe_;
  std::unique_ptr<kube::Call> removal_;
  bool may_ask_ = false;  // we were told of our DaemonSet
  bool synced_ = false;
  status::Versions compiled_;  // what the newest compile read
  status::Versions settled_;   // of the newest that was applied or refused
  std::optional<status::SharedKeys> keys_;
  std::string keys_problem_;  // as it was logged last
};

}  // namespace sluice::agent
