#include "control/compile/cluster_parts.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/log/check.h"
#include "control/compile/endpoints.h"

namespace sluice::compile {
namespace {

using gateway_api::EndpointSlice;
using gateway_api::NamespacedName;
using gateway_api::ObjectPtr;
using gateway_api::Service;

// The Service that the slice belongs to.
std::optional<NamespacedName> ServiceOf(const ObjectPtr<EndpointSlice>& slice) {
  if (slice == nullptr) return std::nullopt;
  auto label = slice->meta.labels.find(EndpointSlice::kServiceNameLabel);
  if (label == slice->meta.labels.end()) return std::nullopt;
  return NamespacedName{slice->meta.namespace_, label->second};
}

}  // namespace

void ClusterParts::Use(const ClusterPlan& plan) {
  auto found = parts_.find(plan.id);
  if (found == parts_.end()) {
    found = parts_.try_emplace(plan.id).first;
    Part& part = found->second;
    part.plan = plan;
    part.cluster.set_id(plan.id);
    part.cluster.set_protocol(plan.protocol);
  }
  ++found->second.uses;
}

// A cluster that is dropped and used again within one compile keeps its endpoints.
void ClusterParts::Drop(std::string_view id) {
  auto found = parts_.find(id);
  CHECK(found != parts_.end() && found->second.uses > 0);
  --found->second.uses;
}

std::set<NamespacedName> ClusterParts::TakeSlices(const gateway_api::ObjectSet& objects) {
  std::set<NamespacedName> services;
  TakeChanges(objects.All<EndpointSlice>(), remembered_,
              [&](const NamespacedName& name, const ObjectPtr<EndpointSlice>& before,
                  const ObjectPtr<EndpointSlice>& now) {
                if (auto service = ServiceOf(before)) {
                  auto slices = slices_.find(*service);
                  slices->second.erase(name);
                  if (slices->second.empty()) slices_.erase(slices);
                  services.insert(*std::move(service));
                }
                if (auto service = ServiceOf(now)) {
                  slices_[*service][name] = now;
                  services.insert(*std::move(service));
                }
              });
  return services;
}

void ClusterParts::Build(const gateway_api::ObjectSet& objects, Part& part) const {
  const Service* service = objects.Find<Service>(part.plan.service);
  CHECK(service != nullptr);
  std::vector<const EndpointSlice*> slices;
  if (auto found = slices_.find(part.plan.service); found != slices_.end()) {
    for (const auto& [name, slice] : found->second) slices.push_back(slice.get());
  }
  part.endpoints = CompileEndpoints(*service, *FindPort(*service, part.plan.port), slices);
  part.endpoints.set_cluster_id(part.plan.id);
  part.dirty = false;
}

void ClusterParts::Update(const gateway_api::ObjectSet& objects,
                          const std::set<NamespacedName>& services) {
  const std::set<NamespacedName> sliced = TakeSlices(objects);
  for (auto at = parts_.begin(); at != parts_.end();) {
    Part& part = at->second;
    if (part.uses == 0) {
      at = parts_.erase(at);
      continue;
    }
    const NamespacedName& service = part.plan.service;
    if (part.dirty || services.contains(service) || sliced.contains(service)) Build(objects, part);
    ++at;
  }
}

void ClusterParts::Emit(snapshot::Snapshot& snapshot) const {
  snapshot.mutable_clusters()->Reserve(static_cast<int>(parts_.size()));
  snapshot.mutable_endpoints()->Reserve(static_cast<int>(parts_.size()));
  for (const auto& [id, part] : parts_) {
    *snapshot.add_clusters() = part.cluster;
    *snapshot.add_endpoints() = part.endpoints;
  }
}

}  // namespace sluice::compile
