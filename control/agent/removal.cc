#include "control/agent/removal.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "control/kube/resource.h"

namespace sluice::agent {
namespace {

constexpr kube::Resource kDaemonSets{"apps", "v1", "daemonsets", "DaemonSet"};
constexpr absl::Duration kPatience = absl::Seconds(2);

}  // namespace

Removal RemovalOf(const kube::Response& response) {
  if (!response.transport.ok()) return Removal::kUnknown;
  if (response.code == 404) return Removal::kYes;
  if (response.code == 401 || response.code == 403) return Removal::kRefused;
  const auto object = nlohmann::json::parse(response.body, nullptr, false);
  if (response.code != 200 || !object.is_object() || !object.contains("metadata"))
    return Removal::kUnknown;
  const nlohmann::json& metadata = object["metadata"];
  return metadata.is_object() && metadata.contains("deletionTimestamp") ? Removal::kYes
                                                                        : Removal::kNo;
}

std::unique_ptr<kube::Call> AskForRemoval(kube::Client& client,
                                          const gateway_api::NamespacedName& daemonset,
                                          std::function<void(Removal removal)> done) {
  return client.Send(
      {.path = kube::ObjectPath(kDaemonSets, daemonset), .deadline = kPatience},
      [done = std::move(done)](const kube::Response& response) { done(RemovalOf(response)); });
}

}  // namespace sluice::agent
