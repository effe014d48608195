// TLSRoute, TCPRoute and UDPRoute (gateway.networking.k8s.io/v1): routes of whole connections or
// datagram flows. Each has exactly one rule. Plain values.
#pragma once

#include <string>
#include <vector>

#include "gateway-api/metadata.h"
#include "gateway-api/reference.h"

namespace sluice::gateway_api {

struct StreamRouteRule {
  std::string name;
  std::vector<BackendRef> backend_refs;

  bool operator==(const StreamRouteRule&) const = default;
};

struct TlsRoute {
  static constexpr char kKind[] = "TLSRoute";

  ObjectMeta meta;
  std::vector<ParentReference> parent_refs;
  std::vector<std::string> hostnames;  // of the SNI
  std::vector<StreamRouteRule> rules;

  bool operator==(const TlsRoute&) const = default;
};

struct TcpRoute {
  static constexpr char kKind[] = "TCPRoute";

  ObjectMeta meta;
  std::vector<ParentReference> parent_refs;
  std::vector<StreamRouteRule> rules;

  bool operator==(const TcpRoute&) const = default;
};

struct UdpRoute {
  static constexpr char kKind[] = "UDPRoute";

  ObjectMeta meta;
  std::vector<ParentReference> parent_refs;
  std::vector<StreamRouteRule> rules;

  bool operator==(const UdpRoute&) const = default;
};

}  // namespace sluice::gateway_api
