// Namespaces' labels, and whether a namespace filter lets one in. Pure functions.
#pragma once

#include <string>

#include "gateway-api/object_set.h"

namespace sluice::compile {

// With kubernetes.io/metadata.name, which every namespace has, also one without an object.
gateway_api::StringMap NamespaceLabels(const gateway_api::ObjectSet& objects,
                                       const std::string& name);

// `own`: the namespace that "Same" means.
bool Allows(const gateway_api::NamespaceFilter& filter, const gateway_api::ObjectSet& objects,
            const std::string& own, const std::string& name);

}  // namespace sluice::compile
