#include "control/agent/removal.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "control/kube/resource.h"

namespace sluice::agent {
namespace {

constexpr kube::Resource kDaemonSets{"apps", "v1", "daemonsets", "DaemonSet"};
constexpr absl::Duration kPatience = absl::Seconds(2);

}  // namespace

bool IsRemoved(const kube::Response& response) {
  if (!response.transport.ok()) return false;
  if (response.code == 404) return true;
  if (response.code != 200) return false;
  const auto object = nlohmann::json::parse(response.body, nullptr, false);
  if (!object.is_object() || !object.contains("metadata")) return false;
  return object["metadata"].is_object() && object["metadata"].contains("deletionTimestamp");
}

std::unique_ptr<kube::Call> AskForRemoval(kube::Client& client,
                                          const gateway_api::NamespacedName& daemonset,
                                          std::function<void(bool removed)> done) {
  return client.Send(
      {.path = kube::ObjectPath(kDaemonSets, daemonset), .deadline = kPatience},
      [done = std::move(done)](const kube::Response& response) { done(IsRemoved(response)); });
}

}  // namespace sluice::agent
