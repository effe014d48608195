#include "control/status/coverage.h"

#include <algorithm>

#include "absl/strings/numbers.h"

namespace sluice::status {
namespace {

void Raise(std::string& version, const std::string& to) {
  if (version.empty() || IsNewer(to, version)) version = to;
}

}  // namespace

bool IsNewer(std::string_view version, std::string_view than) {
  uint64_t left = 0, right = 0;
  return absl::SimpleAtoi(version, &left) && absl::SimpleAtoi(than, &right) && left > right;
}

bool Covers(const Versions& applied, const Versions& needed) {
  return std::ranges::all_of(needed, [&](const auto& item) {
    auto found = applied.find(item.first);
    return found != applied.end() && !IsNewer(item.second, found->second);
  });
}

std::vector<std::string> Lagging(const std::vector<NodeProgress>& nodes, const Versions& needed) {
  std::vector<std::string> lagging;
  for (const NodeProgress& node : nodes) {
    if (node.counted && !Covers(node.applied, needed)) lagging.push_back(node.node);
  }
  return lagging;
}

template <typename T>
void Needs::UpdateKind(const gateway_api::ObjectSet& objects, const Versions& seen) {
  const auto& map = objects.All<T>();
  auto& version = maps_[T::kKind];
  if (version == map.version()) return;
  if (version == nullptr) {
    for (const auto& [name, object] : map) Raise(needed_[T::kKind], object.meta.resource_version);
  } else if (auto latest = seen.find(T::kKind); latest != seen.end()) {
    Raise(needed_[T::kKind], latest->second);
  }
  version = map.version();
}

const Versions& Needs::Update(const gateway_api::ObjectSet& objects, const Versions& seen) {
  namespace api = gateway_api;
  UpdateKind<api::GatewayClass>(objects, seen);
  UpdateKind<api::Gateway>(objects, seen);
  UpdateKind<api::ListenerSet>(objects, seen);
  UpdateKind<api::HttpRoute>(objects, seen);
  UpdateKind<api::GrpcRoute>(objects, seen);
  UpdateKind<api::TlsRoute>(objects, seen);
  UpdateKind<api::TcpRoute>(objects, seen);
  UpdateKind<api::UdpRoute>(objects, seen);
  UpdateKind<api::ReferenceGrant>(objects, seen);
  UpdateKind<api::BackendTlsPolicy>(objects, seen);
  UpdateKind<api::AddressPool>(objects, seen);
  UpdateKind<api::GatewayParameters>(objects, seen);
  UpdateKind<api::Service>(objects, seen);
  UpdateKind<api::Secret>(objects, seen);
  UpdateKind<api::ConfigMap>(objects, seen);
  UpdateKind<api::Namespace>(objects, seen);
  return needed_;
}

}  // namespace sluice::status
