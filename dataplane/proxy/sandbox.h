// The proxy's way into its sandbox: after everything was opened, before the first thread and the
// first byte from outside. One thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace sluice::proxy {

// No capabilities, no_new_privs, Landlock (only `readable` can be opened, for reading) and seccomp.
// Core dumps are off already.
absl::Status EnterSandbox(const std::vector<std::string>& readable);

}  // namespace sluice::proxy
