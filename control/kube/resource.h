// A kind as the Kubernetes API serves it, and the paths of its objects (Kubernetes API conventions,
// "Resources"). Plain values, no thread rule.
#pragma once

#include <string>
#include <string_view>

#include "gateway-api/metadata.h"

namespace sluice::kube {

struct Resource {
  std::string_view group;    // "": the core group
  std::string_view version;  // "v1"
  std::string_view plural;   // "httproutes"
  std::string_view kind;     // "HTTPRoute"
  bool namespaced = true;

  bool operator==(const Resource&) const = default;
};

// "gateway.networking.k8s.io/v1", or "v1" for the core group.
std::string ApiVersion(const Resource& resource);

// "/apis/GROUP/VERSION/[namespaces/NS/]PLURAL"; namespace "": those of all namespaces.
std::string CollectionPath(const Resource& resource, std::string_view in_namespace = "");

// The path of one object, or of its subresource ("status").
std::string ObjectPath(const Resource& resource, const gateway_api::NamespacedName& name,
                       std::string_view subresource = "");

}  // namespace sluice::kube
