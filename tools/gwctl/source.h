// Where a View comes from: a folder of manifests, or the agent's admin socket. One thread; blocks,
// at most kAgentTimeout for the agent.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/view/view.h"

namespace sluice::gwctl {

inline constexpr absl::Duration kAgentTimeout = absl::Seconds(10);

// Errors say what to do.
absl::StatusOr<view::View> ViewOfFolder(const std::string& folder, absl::Time now);
absl::StatusOr<view::View> ViewOfAgent(const std::string& socket_path);

}  // namespace sluice::gwctl
