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
  auto [at, is_new] = parts_.try_emplace(plan.id);
  Part& part = at->second;
  ++part.uses;
  if (!is_new) return;
  part.plan = plan;
  part.cluster.set_id(plan.id);
  part.cluster.set_protocol(plan.protocol);
  ids_[plan.service].insert(plan.id);
  dirty_.insert(plan.id);
}

// A cluster that is dropped and used again within one compile keeps its endpoints.
void ClusterParts::Drop(std::string_view id) {
  auto found = parts_.find(id);
  CHECK(found != parts_.end() && found->second.uses > 0);
  if (--found->second.uses == 0) dirty_.insert(found->first);
}

void ClusterParts::TakeSlices(const gateway_api::ObjectSet& objects) {
  TakeChanges(objects.All<EndpointSlice>(), remembered_,
              [this](const NamespacedName& name, const ObjectPtr<EndpointSlice>& before,
                     const ObjectPtr<EndpointSlice>& now) {
                if (auto service = ServiceOf(before)) {
                  auto slices = slices_.find(*service);
                  slices->second.erase(name);
                  if (slices->second.empty()) slices_.erase(slices);
                  MarkDirty(*service);
                }
                if (auto service = ServiceOf(now)) {
                  slices_[*service][name] = now;
                  MarkDirty(*service);
                }
              });
}

void ClusterParts::MarkDirty(const NamespacedName& service) {
  if (auto ids = ids_.find(service); ids != ids_.end()) {
    dirty_.insert(ids->second.begin(), ids->second.end());
  }
}

void ClusterParts::Remove(Parts::iterator at) {
  auto ids = ids_.find(at->second.plan.service);
  ids->second.erase(at->first);
  if (ids->second.empty()) ids_.erase(ids);
  parts_.erase(at);
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
}

void ClusterParts::Update(const gateway_api::ObjectSet& objects,
                          const std::set<NamespacedName>& services) {
  TakeSlices(objects);
  for (const NamespacedName& service : services) MarkDirty(service);
  for (const std::string& id : dirty_) {
    auto at = parts_.find(id);
    if (at->second.uses == 0) {
      Remove(at);
    } else {
      Build(objects, at->second);
    }
  }
  dirty_.clear();
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
