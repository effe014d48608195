// Step 6b: the clusters that emitted rules name, with their endpoints. Endpoints are a part of
// their own: a pod that comes or goes concerns its Service's clusters, and no route. Belongs to a
// Compiler.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "control/compile/backends.h"
#include "control/compile/changes.h"

namespace sluice::compile {

class ClusterParts {
 public:
  // Each rule that names a cluster uses it once for each time that it does.
  void Use(const ClusterPlan& plan);
  void Drop(std::string_view id);

  // Once the rules are there. `services`: that changed.
  void Update(const gateway_api::ObjectSet& objects,
              const std::set<gateway_api::NamespacedName>& services);
  // Clusters and endpoints, sorted.
  void Emit(snapshot::Snapshot& snapshot) const;

 private:
  using Slices =
      std::map<gateway_api::NamespacedName, gateway_api::ObjectPtr<gateway_api::EndpointSlice>>;
  struct Part {
    ClusterPlan plan;
    int uses = 0;
    snapshot::Cluster cluster;
    snapshot::EndpointSet endpoints;
  };
  using Parts = std::map<std::string, Part, std::less<>>;

  void TakeSlices(const gateway_api::ObjectSet& objects);
  void MarkDirty(const gateway_api::NamespacedName& service);
  void Remove(Parts::iterator at);
  void Build(const gateway_api::ObjectSet& objects, Part& part) const;

  Remembered<gateway_api::EndpointSlice> remembered_;
  std::map<gateway_api::NamespacedName, Slices> slices_;              // by Service
  Parts parts_;                                                       // by id
  std::map<gateway_api::NamespacedName, std::set<std::string>> ids_;  // of parts, by Service
  std::set<std::string> dirty_;  // ids of parts that are new, unused, or changed
};

}  // namespace sluice::compile
