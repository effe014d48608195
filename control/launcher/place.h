// What must exist before the agent starts, made while the launcher still has every privilege.
// Threads: one, at start-up. Idempotent.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "control/launcher/launch_options.h"

namespace sluice::launcher {

// `path` as a folder of root that only root and the proxy's group may enter (0750). A folder that
// exists gets these rights; anything else of that name is an error.
absl::Status MakeRunDir(const std::string& path, const User& proxy);

// Mounts a bpffs (mode 0700) on `path` if what is there is not one. The folder is made if missing.
absl::Status MountBpffs(const std::string& path);

}  // namespace sluice::launcher
