#include "dataplane/process/hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

namespace sluice::process {

absl::Status DisableCoreDumps() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0)
    return absl::ErrnoToStatus(errno, "setting RLIMIT_CORE to 0");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return absl::ErrnoToStatus(errno, "PR_SET_DUMPABLE 0");
  return absl::OkStatus();
}

absl::Status SetNoNewPrivileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return absl::ErrnoToStatus(errno, "PR_SET_NO_NEW_PRIVS");
  return absl::OkStatus();
}

}  // namespace sluice::process
