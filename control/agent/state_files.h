// What the agent leaves on disk: the lock that keeps a second agent away, the addresses that were
// given to Gateways (so that a restart moves none), and the statuses for whoever has no gwctl.
// One thread. Files are replaced whole, so that a reader sees the old or the new one.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "certs/secret.h"
#include "control/compile/compile.h"
#include "dataplane/core/fd.h"

namespace sluice::agent {

// Makes the folder (and its parents) where it is missing; mode 0755 less the umask.
absl::Status MakeFolder(const std::string& path);

// Held as long as the descriptor lives, also when the process is killed. AlreadyExists: another
// agent runs.
absl::StatusOr<core::Fd> TakeLock(const std::string& path);

// The 32 bytes that TLS session tickets are sealed under, kept in memory (tmpfs) from one agent to
// the next, mode 0600: made if there are none. FailedPrecondition: `path` is on a disk.
absl::StatusOr<certs::SecretBytes> KeepTicketSecret(const std::string& path);

// On disk when it returns.
absl::Status ReplaceFile(const std::string& path, const std::string& text);

// No file: no allocations. InvalidArgument names the line; such a file is not overwritten silently.
absl::StatusOr<compile::Allocations> ReadAllocations(const std::string& path);
absl::Status WriteAllocations(const std::string& path, const compile::Allocations& allocations);

}  // namespace sluice::agent
