// How a child of the launcher gets exactly its own privileges. The launcher itself keeps too few
// to hand any out; but an exec as root gains the bounding set, so it executes this very program
// again as a stage, which trims itself down to one role and then executes the role's program.
// A stage reads nothing but its own arguments.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "control/launcher/launch_options.h"
#include "dataplane/process/capabilities.h"

namespace sluice::launcher {

enum class Role { kAgent, kProxy };

// Of the running launcher: start children of another uid, and signal them.
inline constexpr process::CapabilityMask kLauncherCapabilities = process::MaskOf(
    {process::Capability::kSetUid, process::Capability::kSetGid, process::Capability::kKill});
inline constexpr process::CapabilityMask kAgentCapabilities = process::MaskOf(
    {process::Capability::kBpf, process::Capability::kNetAdmin, process::Capability::kPerfmon});
// What a stage may regain by exec: its child's, and what trimming itself needs.
inline constexpr process::CapabilityMask kLauncherBounding =
    kLauncherCapabilities | kAgentCapabilities | process::MaskOf(process::Capability::kSetPcap);

struct Stage {
  Role role = Role::kAgent;
  User user;                      // of the proxy
  std::vector<std::string> argv;  // argv[0] is the program's path

  bool operator==(const Stage&) const = default;
};

// The arguments that main recognises: {"sluice", "--stage", "proxy", "65532", "65532", argv...}.
std::vector<std::string> StageArguments(const Stage& stage);
bool IsStage(const std::vector<std::string>& arguments);
absl::StatusOr<Stage> ParseStage(const std::vector<std::string>& arguments);

// Takes the role's privileges and executes its program; returns only on failure.
absl::Status EnterStage(const Stage& stage);

}  // namespace sluice::launcher
