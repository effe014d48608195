// The configuration as a folder of manifests: reads it, watches it, and hands on whole object sets.
// Lives on its loop's thread; reading happens there too (files are local and bounded).
// A burst of changes is one batch: it is read when nothing changed for `quiet`, at the latest
// `longest` after the first change (a tick of the loop's timers more). A folder that vanishes keeps
// the last good set. Flow: files -> *FileSource* -> ObjectSet -> compile (control/publish).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control/source/folder_watch.h"
#include "control/source/manifest_folder.h"
#include "control/source/source_state.h"
#include "dataplane/core/event_loop.h"
#include "gateway-api/object_set.h"
#include "gateway-api/parse.h"

namespace sluice::source {

struct FileSourceOptions {
  std::string folder;
  absl::Duration quiet = absl::Milliseconds(20);
  absl::Duration longest = absl::Milliseconds(200);
  absl::Duration retry = absl::Seconds(1);  // looking again for a folder that is gone
};

class FileSource {
 public:
  // `on_change` is called after each reading that changed anything in state().
  FileSource(core::EventLoop& loop, FileSourceOptions options,
             std::function<void(const SourceState&)> on_change);

  // The first reading, at once. NotFound or the like if the folder cannot be read; then nothing is
  // watched yet, and Start may be called again.
  absl::Status Start();

  const SourceState& state() const { return state_; }

 private:
  void Changed();
  void ReadAgain();
  absl::Status Read();

  core::EventLoop& loop_;
  FileSourceOptions options_;
  std::function<void(const SourceState&)> on_change_;
  FolderWatch watch_;
  core::Timer quiet_;
  core::Timer retry_;
  uint64_t first_change_ms_ = 0;  // of the burst that waits; 0: none does
  SourceState state_;
};

}  // namespace sluice::source
