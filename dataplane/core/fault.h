// Why a request or a connection failed, as data: the data path has no exceptions, no absl::Status
// and no strings. One table gives each code its HTTP status, its access-log flag and its counter.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::core {

// X(code, side, HTTP status that the client gets, flag in the access log)
#define SLUICE_FAULTS(X)                                        \
  X(kNone, kUs, 0, "-")                                         \
  X(kBadRequest, kDownstream, 400, "bad_request")               \
  X(kRequestTimeout, kDownstream, 408, "request_timeout")       \
  X(kUriTooLong, kDownstream, 414, "uri_too_long")              \
  X(kHeadersTooLarge, kDownstream, 431, "headers_too_large")    \
  X(kExpectationFailed, kDownstream, 417, "expectation_failed") \
  X(kMethodNotAllowed, kDownstream, 405, "method_not_allowed")  \
  X(kMisdirected, kDownstream, 421, "misdirected")              \
  X(kNoRoute, kDownstream, 404, "no_route")                     \
  X(kClientGone, kDownstream, 499, "client_gone")               \
  X(kClientStalled, kDownstream, 499, "client_stalled")         \
  X(kTlsFailure, kDownstream, 0, "tls_failure")                 \
  X(kProtocolError, kDownstream, 400, "protocol_error")         \
  X(kAbuse, kDownstream, 0, "abuse")                            \
  X(kUnresolvedBackend, kUs, 500, "unresolved_backend")         \
  X(kNoEndpoint, kUpstream, 503, "no_endpoint")                 \
  X(kOverload, kUs, 503, "overload")                            \
  X(kDraining, kUs, 503, "draining")                            \
  X(kInternal, kUs, 500, "internal")                            \
  X(kConnectFailure, kUpstream, 503, "connect_failure")         \
  X(kConnectTimeout, kUpstream, 504, "connect_timeout")         \
  X(kUpstreamReset, kUpstream, 502, "upstream_reset")           \
  X(kUpstreamProtocol, kUpstream, 502, "upstream_protocol")     \
  X(kUpstreamTimeout, kUpstream, 504, "upstream_timeout")       \
  X(kUpstreamTruncated, kUpstream, 502, "upstream_truncated")

enum class FaultCode : uint8_t {
#define X(code, side, status, flag) code,
  SLUICE_FAULTS(X)
#undef X
};

enum class Side : uint8_t { kDownstream, kUpstream, kUs };

// Whether the same request may be sent again on another connection.
enum class Retry : uint8_t { kNo, kYes, kIfReused };

struct [[nodiscard]] Fault {
  FaultCode code = FaultCode::kNone;
  Side side = Side::kUs;
  Retry retry = Retry::kNo;

  constexpr explicit operator bool() const { return code != FaultCode::kNone; }
  constexpr bool operator==(const Fault&) const = default;
};

// The fault of `code`, with its side from the table.
Fault MakeFault(FaultCode code, Retry retry = Retry::kNo);

int HttpStatus(FaultCode code);             // 0: no response can be given
std::string_view FlagName(FaultCode code);  // static storage; access log and metrics label

inline constexpr int kFaultCodes = 0
#define X(code, side, status, flag) +1
    SLUICE_FAULTS(X)
#undef X
    ;

}  // namespace sluice::core
