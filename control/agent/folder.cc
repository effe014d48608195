#include "control/agent/folder.h"

#include <utility>

#include "absl/log/log.h"
#include "control/agent/state_files.h"

namespace sluice::agent {
namespace {

std::string AllocationsFile(const std::string& state_dir) { return state_dir + "/addresses"; }

}  // namespace

Folder::Folder(core::EventLoop& loop, const AgentOptions& options, std::function<void()> on_change)
    : state_dir_(options.state_dir),
      source_(loop, {.folder = options.manifests},
              [on_change = std::move(on_change)](const source::SourceState&) { on_change(); }) {}

absl::Status Folder::Start() {
  absl::StatusOr<compile::Allocations> allocations = ReadAllocations(AllocationsFile(state_dir_));
  if (!allocations.ok()) return allocations.status();
  allocations_ = *std::move(allocations);
  return source_.Start();
}

void Folder::SaveAllocations(const compile::Allocations& allocations) {
  if (allocations == allocations_) return;
  allocations_ = allocations;
  if (absl::Status written = WriteAllocations(AllocationsFile(state_dir_), allocations_);
      !written.ok()) {
    LOG(ERROR) << "addresses may move at the next start: " << written.message();
  }
}

void Folder::SaveStatuses(const compile::Statuses& statuses) {
  std::string text = compile::ToYaml(statuses);
  if (text == statuses_) return;
  statuses_ = std::move(text);
  if (absl::Status written = ReplaceFile(state_dir_ + "/statuses.yaml", statuses_); !written.ok())
    LOG(ERROR) << "statuses: " << written.message();
}

}  // namespace sluice::agent
