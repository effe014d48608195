// Where a View comes from: a folder of manifests, the agent's admin socket, or an API server. One
// thread; blocks, at most kAgentTimeout for the agent, and kClusterTimeout for an API server.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/kube/config.h"
#include "control/view/view.h"

namespace sluice::gwctl {

inline constexpr absl::Duration kAgentTimeout = absl::Seconds(10);
inline constexpr absl::Duration kClusterTimeout = absl::Seconds(20);

// Errors say what to do.
absl::StatusOr<view::View> ViewOfFolder(const std::string& folder, absl::Time now);
absl::StatusOr<view::View> ViewOfAgent(const std::string& socket_path);
// Statuses are those that the API server has. What is not allowed to be read is missing, and is one
// of the View's problems.
absl::StatusOr<view::View> ViewOfCluster(const kube::ConfigOptions& options, absl::Time now);

}  // namespace sluice::gwctl
