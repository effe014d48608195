// Tells that something changed in a tree of folders, by inotify. It never says what: whoever hears
// it reads again, so an event that is lost or doubled does no harm.
// Lives on its loop's thread. Sees writes, renames (also the swap of a Kubernetes volume's ..data
// link), files behind links, and the coming and going of the top folder itself.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "dataplane/core/event_loop.h"

namespace sluice::source {

class FolderWatch {
 public:
  FolderWatch(core::EventLoop& loop, std::string top, std::function<void()> on_change);
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;
  ~FolderWatch();

  // Watches exactly these, and the folder that holds `top`. Call it before reading what is to be
  // watched, and again with what was found: nothing can then change unseen in between.
  // ResourceExhausted: the limits of inotify (fs.inotify.max_user_watches) are reached.
  absl::Status Watch(std::span<const std::string> folders, std::span<const std::string> links);

 private:
  enum class Kind { kFolder, kLink, kParent };

  absl::Status Add(const std::string& path, Kind kind, absl::flat_hash_map<int, Kind>& watches);
  void OnReadable();
  bool Concerns(int watch, const char* name) const;

  core::EventLoop& loop_;
  std::string top_;
  std::string top_name_;  // its last component
  std::function<void()> on_change_;
  core::Fd inotify_;
  core::Pollable pollable_;
  absl::flat_hash_map<int, Kind> watches_;
};

}  // namespace sluice::source
