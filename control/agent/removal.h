// Whether Sluice is being removed from the cluster, or only this pod ends: asked of our own
// DaemonSet on SIGTERM, because what is pinned in the kernel must stay for a successor and must not
// stay without one. Lives on the loop of its client.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "control/kube/client.h"
#include "gateway-api/metadata.h"

namespace sluice::agent {

// Of an answer to a GET of the DaemonSet: it is not there, or is being deleted. Anything that is
// not a clear answer is no removal: the responder's deadline ends what nobody renews.
bool IsRemoved(const kube::Response& response);

// `done` comes once from the loop, at the latest after two seconds; destroying the Call cancels it.
[[nodiscard]] std::unique_ptr<kube::Call> AskForRemoval(
    kube::Client& client, const gateway_api::NamespacedName& daemonset,
    std::function<void(bool removed)> done);

}  // namespace sluice::agent
