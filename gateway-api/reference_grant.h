// ReferenceGrant (gateway.networking.k8s.io/v1, v1beta1): which foreign objects may refer to
// objects of its own namespace. Plain values.
#pragma once

#include <string>
#include <vector>

#include "gateway-api/metadata.h"

namespace sluice::gateway_api {

struct ReferenceGrant {
  static constexpr char kKind[] = "ReferenceGrant";
  struct From {
    std::string group;
    std::string kind;
    std::string namespace_;

    bool operator==(const From&) const = default;
  };
  struct To {
    std::string group;
    std::string kind;
    std::string name;  // "": all of the kind

    bool operator==(const To&) const = default;
  };

  ObjectMeta meta;
  std::vector<From> from;
  std::vector<To> to;

  bool operator==(const ReferenceGrant&) const = default;
};

}  // namespace sluice::gateway_api
