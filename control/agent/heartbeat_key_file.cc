#include "control/agent/heartbeat_key_file.h"

#include <utility>

#include "absl/log/log.h"

namespace sluice::agent {

HeartbeatKeyFile::HeartbeatKeyFile(core::EventLoop& loop, std::string path, Give give,
                                   absl::Duration every)
    : loop_(loop),
      path_(std::move(path)),
      give_(std::move(give)),
      every_ms_(static_cast<uint64_t>(absl::ToInt64Milliseconds(every))),
      look_([](void* self) { static_cast<HeartbeatKeyFile*>(self)->Look(); }, this) {}

absl::Status HeartbeatKeyFile::Start() {
  loop_.timers().Arm(look_, every_ms_);
  return Read();
}

void HeartbeatKeyFile::Look() {
  loop_.timers().Arm(look_, every_ms_);
  const Mark now = MarkNow();
  const bool same = now.inode == read_.inode && now.size == read_.size &&
                    now.modified.tv_sec == read_.modified.tv_sec &&
                    now.modified.tv_nsec == read_.modified.tv_nsec;
  if (same) return;
  if (absl::Status read = Read(); !read.ok()) {
    LOG(ERROR) << read.message() << "; the former keys stay in use";
  } else {
    LOG(INFO) << "new heartbeat keys are in use";
  }
}

// The mark is taken first: a change while it is read is seen the next time.
absl::Status HeartbeatKeyFile::Read() {
  read_ = MarkNow();
  absl::StatusOr<election::HeartbeatKeys> keys = election::HeartbeatKeys::Read(path_);
  if (!keys.ok()) return keys.status();
  give_(*std::move(keys));
  return absl::OkStatus();
}

HeartbeatKeyFile::Mark HeartbeatKeyFile::MarkNow() const {
  struct stat info;
  if (::stat(path_.c_str(), &info) != 0) return {};
  return {info.st_ino, info.st_size, info.st_mtim};
}

}  // namespace sluice::agent
