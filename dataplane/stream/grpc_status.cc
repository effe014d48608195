#include "dataplane/stream/grpc_status.h"

namespace sluice::stream {
namespace {

using core::FaultCode;

constexpr std::string_view kDeadlineExceeded = "4";
constexpr std::string_view kUnimplemented = "12";
constexpr std::string_view kInternal = "13";
constexpr std::string_view kUnavailable = "14";

}  // namespace

// Unavailable is what clients may try again; the others are not to be repeated.
std::string_view GrpcStatus(FaultCode code) {
  switch (code) {
    case FaultCode::kNoRoute:
    case FaultCode::kMisdirected:
    case FaultCode::kMethodNotAllowed:
      return kUnimplemented;
    case FaultCode::kRequestTimeout:
    case FaultCode::kUpstreamTimeout:
      return kDeadlineExceeded;
    case FaultCode::kNoEndpoint:
    case FaultCode::kOverload:
    case FaultCode::kDraining:
    case FaultCode::kConnectFailure:
    case FaultCode::kConnectTimeout:
    case FaultCode::kUpstreamReset:
    case FaultCode::kUpstreamTruncated:
      return kUnavailable;
    case FaultCode::kNone:
    case FaultCode::kBadRequest:
    case FaultCode::kUriTooLong:
    case FaultCode::kHeadersTooLarge:
    case FaultCode::kExpectationFailed:
    case FaultCode::kClientGone:
    case FaultCode::kClientStalled:
    case FaultCode::kTlsFailure:
    case FaultCode::kProtocolError:
    case FaultCode::kAbuse:
    case FaultCode::kUnresolvedBackend:
    case FaultCode::kInternal:
    case FaultCode::kUpstreamProtocol:
      return kInternal;
  }
}

}  // namespace sluice::stream
