// The kinds that a ClusterSource reads: how the API server calls them, what of them is worth
// parsing, and how one of them is put into an ObjectSet. A constant table, no thread rule.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/kube/object_text.h"
#include "control/kube/resource.h"
#include "gateway-api/object_set.h"

namespace sluice::kube {

struct Kind {
  std::vector<Resource> versions;  // the first that the API server has is read
  Trimming trimming = {};
  bool has_status = false;     // conditions are written to it, so what is there is remembered
  bool ours_to_judge = false;  // Gateway API's or our own: unknown fields are worth a warning
  bool metadata_only = false;
  // Puts an object of this kind in; false if the set had it already, its resourceVersion aside,
  // which then stays.
  bool (*put)(gateway_api::ObjectSet& objects, gateway_api::Object object);
  // False: there was none.
  bool (*erase)(gateway_api::ObjectSet& objects, const gateway_api::NamespacedName& name);

  std::string_view name() const { return versions.front().kind; }
};

// Those of an ObjectSet.
std::span<const Kind> ObjectKinds();

// Not in an ObjectSet: only their metadata is read.
inline constexpr Resource kNodes = {"", "v1", "nodes", "Node", false};
inline constexpr Resource kCustomResources = {
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false};

}  // namespace sluice::kube
