// The endpoints of a Service's port, from its EndpointSlices. A part of its own: a pod's change
// touches nothing but one EndpointSet. Pure.
#pragma once

#include <vector>

#include "dataplane/snapshot/snapshot.pb.h"
#include "gateway-api/object_set.h"

namespace sluice::compile {

// Those that may get traffic: ready ones; if none is, those that serve while they terminate
// (KEP-1669). With both families, only the Service's first: the other names the same pods.
snapshot::EndpointSet CompileEndpoints(
    const gateway_api::Service& service, const gateway_api::ServicePort& port,
    const std::vector<const gateway_api::EndpointSlice*>& slices);

}  // namespace sluice::compile
