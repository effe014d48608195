// The folder of manifests as the agent's source, with state files: the addresses that were given to
// Gateways, and the statuses as text. Lives on the agent's loop.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "control/agent/options.h"
#include "control/compile/compile.h"
#include "control/source/file_source.h"
#include "dataplane/core/event_loop.h"

namespace sluice::agent {

class Folder {
 public:
  Folder(core::EventLoop& loop, const AgentOptions& options, std::function<void()> on_change);

  absl::Status Start();
  const source::SourceState& state() const { return source_.state(); }
  const compile::Allocations& allocations() const { return allocations_; }

  // Keeps what changed on disk.
  void SaveAllocations(const compile::Allocations& allocations);
  void SaveStatuses(const compile::Statuses& statuses);

 private:
  const std::string state_dir_;
  source::FileSource source_;
  compile::Allocations allocations_;
  std::string statuses_;  // as they were written last
};

}  // namespace sluice::agent
