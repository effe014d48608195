#include "control/kube/resource.h"

#include "absl/strings/str_cat.h"

namespace sluice::kube {

std::string ApiVersion(const Resource& resource) {
  return resource.group.empty() ? std::string(resource.version)
                                : absl::StrCat(resource.group, "/", resource.version);
}

std::string CollectionPath(const Resource& resource, std::string_view in_namespace) {
  return absl::StrCat(resource.group.empty() ? "/api/" : "/apis/", ApiVersion(resource),
                      in_namespace.empty() ? "" : "/namespaces/", in_namespace, "/",
                      resource.plural);
}

std::string ObjectPath(const Resource& resource, const gateway_api::NamespacedName& name,
                       std::string_view subresource) {
  return absl::StrCat(CollectionPath(resource, resource.namespaced ? name.namespace_ : ""), "/",
                      name.name, subresource.empty() ? "" : "/", subresource);
}

}  // namespace sluice::kube
