// What a process gives up for good: core dumps, being traced, privileges gained by exec.
// Threads: call before starting any; all of it is inherited by threads and children.
// Flow: first steps of the mains of sluice, sluice-agent and sluice-proxy.
#pragma once

#include "absl/status/status.h"

namespace sluice::process {

// No core dump and no ptrace by the same uid: keys must not leave by either. RLIMIT_CORE 0 (hard)
// survives exec; PR_SET_DUMPABLE does not, so each program calls this itself.
absl::Status DisableCoreDumps();

// Nothing that this process or its children execute can raise privileges again.
absl::Status SetNoNewPrivileges();

}  // namespace sluice::process
