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

enum class Removal {
  kNo,       // the DaemonSet is there
  kYes,      // it is not, or is being deleted
  kRefused,  // we may not know: 401 or 403
  kUnknown,  // no clear answer; the responder's deadline ends what nobody renews
};

// Of an answer to a GET of the DaemonSet.
Removal RemovalOf(const kube::Response& response);

// `done` comes once from the loop, at the latest after two seconds; destroying the Call cancels it.
[[nodiscard]] std::unique_ptr<kube::Call> AskForRemoval(
    kube::Client& client, const gateway_api::NamespacedName& daemonset,
    std::function<void(Removal removal)> done);

}  // namespace sluice::agent
