#include "control/compile/namespaces.h"

namespace sluice::compile {

gateway_api::StringMap NamespaceLabels(const gateway_api::ObjectSet& objects,
                                       const std::string& name) {
  gateway_api::StringMap labels;
  if (const auto* ns = objects.Find<gateway_api::Namespace>({"", name})) labels = ns->meta.labels;
  labels["kubernetes.io/metadata.name"] = name;
  return labels;
}

bool Allows(const gateway_api::NamespaceFilter& filter, const gateway_api::ObjectSet& objects,
            const std::string& own, const std::string& name) {
  switch (filter.from) {
    case gateway_api::FromNamespaces::kAll:
      return true;
    case gateway_api::FromNamespaces::kSame:
      return name == own;
    case gateway_api::FromNamespaces::kNone:
      return false;
    case gateway_api::FromNamespaces::kSelector:
      return Matches(filter.selector, NamespaceLabels(objects, name));
  }
  return false;
}

}  // namespace sluice::compile
