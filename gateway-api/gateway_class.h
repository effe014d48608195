// GatewayClass (gateway.networking.k8s.io/v1), cluster-scoped: which controller serves a Gateway.
#pragma once

#include <optional>
#include <string>

#include "gateway-api/metadata.h"
#include "gateway-api/reference.h"

namespace sluice::gateway_api {

struct GatewayClass {
  static constexpr char kKind[] = "GatewayClass";

  ObjectMeta meta;
  std::string controller_name;
  std::optional<ObjectReference> parameters_ref;
  std::string description;

  bool operator==(const GatewayClass&) const = default;
};

}  // namespace sluice::gateway_api
