#include "control/launcher/place.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dataplane/core/fd.h"

namespace sluice::launcher {
namespace {

absl::Status Failed(std::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

}  // namespace

absl::Status MakeRunDir(const std::string& path, const User& proxy) {
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) return Failed("making", path);
  // By descriptor and without following a link: the parent may be writable by others.
  const core::Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return Failed("opening", path);
  if (::fchown(folder.get(), 0, proxy.gid) != 0) return Failed("changing the owner of", path);
  if (::fchmod(folder.get(), 0750) != 0) return Failed("changing the mode of", path);
  return absl::OkStatus();
}

absl::Status MountBpffs(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return Failed("making", path);
  struct statfs about = {};
  if (::statfs(path.c_str(), &about) != 0) return Failed("looking at", path);
  if (about.f_type == BPF_FS_MAGIC) return absl::OkStatus();
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::mount("bpf", path.c_str(), "bpf", kFlags, "mode=0700") != 0)
    return Failed("mounting a bpffs on", path);
  return absl::OkStatus();
}

}  // namespace sluice::launcher
