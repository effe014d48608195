#include "dataplane/process/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "dataplane/core/fd.h"

namespace sluice::process {
namespace {

// Rights by the ABI version that brought them; distribution headers may be older than the kernel.
constexpr uint64_t kRightsOfAbi1 = (uint64_t{1} << 13) - 1;
constexpr uint64_t kRefer = uint64_t{1} << 13, kTruncate = uint64_t{1} << 14,
                   kIoctlDevice = uint64_t{1} << 15;

uint64_t HandledRights(int abi) {
  uint64_t rights = kRightsOfAbi1;
  if (abi >= 2) rights |= kRefer;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kIoctlDevice;
  return rights;
}

absl::Status AllowReading(int ruleset, const std::string& path) {
  const core::Fd folder(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat about = {};
  if (!folder.valid() || ::fstat(folder.get(), &about) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("opening ", path));
  }
  landlock_path_beneath_attr rule = {};
  rule.parent_fd = folder.get();
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (S_ISDIR(about.st_mode)) rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("allowing to read ", path));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<bool> RestrictFiles(std::span<const std::string> readable) {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi <= 0) return false;
  landlock_ruleset_attr attributes = {};
  attributes.handled_access_fs = HandledRights(static_cast<int>(abi));
  const core::Fd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!ruleset.valid()) return absl::ErrnoToStatus(errno, "creating a Landlock ruleset");
  for (const std::string& path : readable) {
    if (absl::Status allowed = AllowReading(ruleset.get(), path); !allowed.ok()) return allowed;
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return absl::ErrnoToStatus(errno, "entering the Landlock ruleset");
  }
  return true;
}

}  // namespace sluice::process
