#include "control/source/folder_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"

namespace sluice::source {
namespace {

constexpr uint32_t kFolderEvents = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_FROM |
                                   IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |
                                   IN_ATTRIB | IN_ONLYDIR;
constexpr uint32_t kLinkEvents =
    IN_CLOSE_WRITE | IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;
constexpr uint32_t kParentEvents = IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR;

std::filesystem::path Absolute(const std::string& path) {
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(path, error).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

}  // namespace

FolderWatch::FolderWatch(core::EventLoop& loop, std::string top, std::function<void()> on_change)
    : loop_(loop),
      top_(std::move(top)),
      top_name_(Absolute(top_).filename().string()),
      on_change_(std::move(on_change)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      pollable_{[](void* self, uint32_t) { static_cast<FolderWatch*>(self)->OnReadable(); }, this} {
  if (inotify_.valid()) CHECK(loop_.AddLevel(inotify_.get(), pollable_));
}

FolderWatch::~FolderWatch() {
  if (inotify_.valid()) loop_.Remove(inotify_.get(), pollable_);
}

absl::Status FolderWatch::Watch(std::span<const std::string> folders,
                                std::span<const std::string> links) {
  if (!inotify_.valid())
    return absl::ResourceExhaustedError("no inotify instance left for this user");
  absl::flat_hash_map<int, Kind> watches;
  absl::Status status = Add(Absolute(top_).parent_path().string(), Kind::kParent, watches);
  for (const std::string& folder : folders) status.Update(Add(folder, Kind::kFolder, watches));
  for (const std::string& link : links) status.Update(Add(link, Kind::kLink, watches));
  for (const auto& [watch, kind] : watches_) {
    if (!watches.contains(watch)) ::inotify_rm_watch(inotify_.get(), watch);
  }
  watches_ = std::move(watches);
  return status;
}

absl::Status FolderWatch::Add(const std::string& path, Kind kind,
                              absl::flat_hash_map<int, Kind>& watches) {
  uint32_t events = kind == Kind::kFolder ? kFolderEvents
                    : kind == Kind::kLink ? kLinkEvents
                                          : kParentEvents;
  const int watch = ::inotify_add_watch(inotify_.get(), path.c_str(), events);
  if (watch >= 0) {
    watches[watch] = kind;
    return absl::OkStatus();
  }
  // What is gone by now was seen to go by the watch above it.
  if (errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("watching ", path));
}

bool FolderWatch::Concerns(int watch, const char* name) const {
  if (watch < 0) return true;  // IN_Q_OVERFLOW: events were lost
  const auto found = watches_.find(watch);
  if (found == watches_.end()) return false;  // removed meanwhile
  return found->second != Kind::kParent || top_name_ == name;
}

void FolderWatch::OnReadable() {
  alignas(inotify_event) char buffer[16 * 1024];
  bool changed = false;
  for (ssize_t n; (n = ::read(inotify_.get(), buffer, sizeof buffer)) > 0;) {
    for (const char* at = buffer; at < buffer + n;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      changed |= Concerns(event->wd, event->len > 0 ? event->name : "");
      at += sizeof(inotify_event) + event->len;
    }
  }
  if (changed) on_change_();
}

}  // namespace sluice::source
