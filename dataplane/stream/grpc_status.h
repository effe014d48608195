// What a gRPC client is told of a fault of ours: the status of its call
// (https://grpc.io/docs/guides/status-codes). Pure.
#pragma once

#include <string_view>

#include "dataplane/core/fault.h"

namespace sluice::stream {

// The number of the status, as text; static storage.
std::string_view GrpcStatus(core::FaultCode code);

}  // namespace sluice::stream
