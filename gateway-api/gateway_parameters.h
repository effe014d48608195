// GatewayParameters (sluice.edgeprime.io/v1alpha1), namespaced: how Gateways are served. Through a
// GatewayClass's parametersRef they are the administrator's; through a Gateway's
// infrastructure.parametersRef they are a tenant's, who may only tighten.
//
//   spec:
//     accessLog: {format: JSON | Text | Off}
//     trustedProxies: ["10.0.0.0/8"]      # whose X-Forwarded-* are kept and appended to
//     limits: {maxConnections: 20000}
//     timeouts: {header: 10s, idle: 1m, connect: 5s}
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gateway-api/metadata.h"

namespace sluice::gateway_api {

struct GatewayParameters {
  static constexpr char kKind[] = "GatewayParameters";
  enum class AccessLogFormat { kJson, kText, kOff };

  ObjectMeta meta;
  std::optional<AccessLogFormat> access_log_format;
  std::vector<std::string> trusted_proxies;
  std::optional<int> max_connections;
  std::optional<absl::Duration> header_timeout;
  std::optional<absl::Duration> idle_timeout;
  std::optional<absl::Duration> connect_timeout;

  bool operator==(const GatewayParameters&) const = default;
};

}  // namespace sluice::gateway_api
