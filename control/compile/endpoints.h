// The endpoints of a Service's port, from its EndpointSlices. A part of its own: a pod's change
// touches nothing but one EndpointSet. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dataplane/snapshot/snapshot.pb.h"
#include "gateway-api/object_set.h"

namespace sluice::compile {

// EndpointSlices by the Service that they belong to.
class SliceIndex {
 public:
  explicit SliceIndex(const gateway_api::ObjectSet& objects);

  const std::vector<const gateway_api::EndpointSlice*>& Of(
      const gateway_api::NamespacedName& service) const;

 private:
  std::map<gateway_api::NamespacedName, std::vector<const gateway_api::EndpointSlice*>> slices_;
};

// Those that may get traffic: ready ones; if none is, those that serve while they terminate
// (KEP-1669). With both families, only the Service's first: the other names the same pods.
snapshot::EndpointSet CompileEndpoints(
    const gateway_api::Service& service, const gateway_api::ServicePort& port,
    const std::vector<const gateway_api::EndpointSlice*>& slices);

}  // namespace sluice::compile
