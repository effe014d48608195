#include "dataplane/packet/pin_folder.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "dataplane/core/fd.h"
#include "dataplane/packet/kernel_error.h"

namespace sluice::packet {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kOwnerOnly = 0700;

bool IsOnBpffs(const fs::path& path) {
  struct statfs info;
  return statfs(path.c_str(), &info) == 0 && static_cast<uint32_t>(info.f_type) == BPF_FS_MAGIC;
}

// Makes `path` and its missing parents, all of them for the owner alone.
absl::Status MakeFolders(const fs::path& path) {
  if (access(path.c_str(), F_OK) == 0) return absl::OkStatus();
  if (path.has_relative_path()) {
    if (absl::Status status = MakeFolders(path.parent_path()); !status.ok()) return status;
  }
  if (!IsOnBpffs(path.parent_path())) {
    return absl::FailedPreconditionError(
        absl::StrCat(path.string(), " is not on a bpffs: mount -t bpf bpf /sys/fs/bpf"));
  }
  if (mkdir(path.c_str(), kOwnerOnly) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("making the folder ", path.string()));
}

// Links are detached, not only unpinned: a running process may hold descriptors of them.
absl::Status RemoveLinks(const fs::path& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const core::Fd link(bpf_obj_get(entry.path().c_str()));
    if (!link.valid()) return KernelError(errno, absl::StrCat("opening ", entry.path().string()));
    if (bpf_link_detach(link.get()) != 0) {
      return KernelError(errno, absl::StrCat("detaching ", entry.path().string()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string PinFolder::DefaultPath() { return absl::StrCat("/sys/fs/bpf/sluice/v", SLUICE_LAYOUT); }

absl::StatusOr<PinFolder> PinFolder::Make(std::string path) {
  const bool is_new = access(path.c_str(), F_OK) != 0;
  if (absl::Status status = MakeFolders(path); !status.ok()) return status;
  PinFolder folder(std::move(path), is_new);
  if (!IsOnBpffs(folder.path())) {
    return absl::FailedPreconditionError(absl::StrCat(folder.path(), " is not on a bpffs"));
  }
  if (absl::Status status = MakeFolders(folder.links()); !status.ok()) return status;
  return folder;
}

absl::Status PinFolder::Remove(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return absl::OkStatus();
  if (!IsOnBpffs(path)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not on a bpffs"));
  }
  if (absl::Status status = RemoveLinks(path + "/links"); !status.ok()) return status;
  fs::remove_all(path, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("removing ", path));
  if (path == DefaultPath()) fs::remove(fs::path(path).parent_path(), error);  // if it is empty
  return absl::OkStatus();
}

}  // namespace sluice::packet
