// The steps of `sluice`: prepare the machine, give up privileges, keep both processes running.
// It parses nothing but its own few options and opens no socket. One thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/launcher/launch_options.h"
#include "dataplane/process/supervisor.h"

namespace sluice::launcher {

// The two children, as stages of this program. `program_folder` is where it lives.
std::vector<process::ChildSpec> Children(const LaunchOptions& options, const User& proxy,
                                         const std::string& program_folder);

// From here on: SETUID, SETGID and KILL only, no core dumps.
absl::Status GiveUpPrivileges();

// Runs until it is told to stop; returns the exit code.
int Launch(const LaunchOptions& options);

}  // namespace sluice::launcher
