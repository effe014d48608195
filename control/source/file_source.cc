#include "control/source/file_source.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::source {
namespace {

uint64_t Milliseconds(absl::Duration duration) {
  return static_cast<uint64_t>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

FileSource::FileSource(core::EventLoop& loop, FileSourceOptions options,
                       std::function<void(const SourceState&)> on_change)
    : loop_(loop),
      options_(std::move(options)),
      on_change_(std::move(on_change)),
      watch_(loop, options_.folder, [this] { Changed(); }),
      quiet_([](void* self) { static_cast<FileSource*>(self)->ReadAgain(); }, this),
      retry_([](void* self) { static_cast<FileSource*>(self)->ReadAgain(); }, this),
      state_{.objects = std::make_shared<const gateway_api::ObjectSet>()} {}

absl::Status FileSource::Start() {
  if (absl::Status read = Read(); !read.ok()) return read;
  on_change_(state_);
  return absl::OkStatus();
}

void FileSource::Changed() {
  const uint64_t now = loop_.now_ms();
  if (first_change_ms_ == 0) first_change_ms_ = now;
  const uint64_t fires = now + Milliseconds(options_.quiet);
  // Near the end of the longest wait the timer is left as it is: it fires within `quiet`.
  if (quiet_.armed() && fires > first_change_ms_ + Milliseconds(options_.longest)) return;
  loop_.timers().Arm(quiet_, Milliseconds(options_.quiet));
}

void FileSource::ReadAgain() {
  first_change_ms_ = 0;
  quiet_.Cancel();
  const SourceState before = state_;
  state_.health = Read();
  if (state_.health.ok()) {
    retry_.Cancel();
  } else {
    loop_.timers().Arm(retry_, Milliseconds(options_.retry));
  }
  const bool same = before.health == state_.health && before.problems == state_.problems &&
                    *before.objects == *state_.objects;
  if (same) {
    state_.objects = before.objects;
  } else {
    on_change_(state_);
  }
}

absl::Status FileSource::Read() {
  // Watch what was found, then read once more, because it may have changed before it was watched;
  // until both readings found the same.
  std::vector<std::string> watched;
  absl::StatusOr<FolderContent> content;
  absl::Status watching;
  for (int round = 0; round < 3; ++round) {
    content = ReadFolder(options_.folder);
    if (!content.ok()) {
      watch_.Watch({}, {}).IgnoreError();  // the retry timer looks as well
      return content.status();
    }
    std::vector<std::string> found = content->folders;
    found.insert(found.end(), content->links.begin(), content->links.end());
    if (found == watched) break;
    watching = watch_.Watch(content->folders, content->links);
    watched = std::move(found);
  }
  gateway_api::LoadResult loaded =
      gateway_api::LoadYaml(std::move(content->files), *state_.objects);
  state_.objects = std::make_shared<const gateway_api::ObjectSet>(std::move(loaded.objects));
  state_.problems = std::move(content->problems);
  std::ranges::move(loaded.problems, std::back_inserter(state_.problems));
  if (!watching.ok()) {
    state_.problems.push_back({.severity = gateway_api::Problem::Severity::kWarning,
                               .at = {.file = options_.folder},
                               .message = std::string(watching.message())});
  }
  return absl::OkStatus();
}

}  // namespace sluice::source
