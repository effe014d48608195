// Where the agent's objects come from, and where statuses and addresses go back to: a folder of
// manifests with state files beside it, or a cluster. One code path for both above this. Lives on
// the agent's loop.
// In a cluster only the leader writes statuses and hands out addresses; in a folder we are alone.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "control/agent/options.h"
#include "control/compile/compile.h"
#include "control/publish/publisher.h"
#include "control/source/source_state.h"
#include "control/status/keys.h"
#include "control/status/node_report.h"
#include "dataplane/core/event_loop.h"

namespace sluice::agent {

class Cluster;
class Folder;

class ObjectSource {
 public:
  // `on_change` also comes when something else than the objects asks for a compile: the leadership,
  // the node's labels. `on_keys`: what the nodes of a cluster share.
  ObjectSource(core::EventLoop& loop, const AgentOptions& options, std::function<void()> on_change,
               std::function<void(const status::SharedKeys&)> on_keys);
  ~ObjectSource();

  // A folder must be there; a cluster may be away.
  absl::Status Start();

  const source::SourceState& state() const;
  // Whether state() is worth compiling: a cluster has been listed once.
  bool complete() const;
  // All but the check of certificates and the time.
  compile::CompileOptions CompileOptions() const;

  void OnCompiled(const compile::Compiled& compiled);
  // Writes what changed in the statuses, and says what this node serves.
  void OnReport(const publish::Report& report);
  // Tells the cluster of this node; nobody reads it of a folder.
  void Say(status::NodeReport report);

  // Writes nothing more; `done` comes at once or within about two seconds, and says whether nothing
  // of us is to stay on this node.
  void Stop(std::function<void(bool removed)> done);

 private:
  std::unique_ptr<Folder> folder_;
  std::unique_ptr<Cluster> cluster_;
};

}  // namespace sluice::agent
