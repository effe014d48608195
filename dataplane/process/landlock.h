// The file system seen by a process after it has started: nothing, or some folders to read.
// Landlock came with Linux 5.13 and may be disabled at boot; then the uid and seccomp stand alone.
// Threads: call before starting any.
#pragma once

#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace sluice::process {

// From now on only what lies under `readable` can be opened, and only for reading. Needs
// no_new_privs. Returns false if this kernel has no Landlock. Pathname Unix sockets can still be
// connected to: Landlock does not look at those (kernel 6.18).
absl::StatusOr<bool> RestrictFiles(std::span<const std::string> readable);

}  // namespace sluice::process
