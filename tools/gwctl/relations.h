// Who refers to whom, over a whole View: built once, then looked up. Borrows nothing.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/view/view.h"

namespace sluice::gwctl {

struct Relations {
  using Names = std::set<gateway_api::NamespacedName>;
  using Routes = std::set<compile::ObjectKey>;

  explicit Relations(const view::View& view);

  std::map<std::string, Names> gateways_of_class;                   // by the class's name
  std::map<gateway_api::NamespacedName, Routes> routes_of_gateway;  // accepted ones
  std::map<gateway_api::NamespacedName, Routes> routes_of_service;  // any backendRef, mirrors too
  std::map<gateway_api::NamespacedName, std::set<std::string>> listeners_of_secret;  // their ids
};

template <typename Map, typename Key>
typename Map::mapped_type Of(const Map& map, const Key& key) {
  auto found = map.find(key);
  return found == map.end() ? typename Map::mapped_type() : found->second;
}

// "HTTPRoute/namespace/name".
std::string ToString(const compile::ObjectKey& key);

// The namespaced name that a reference from `own` means.
gateway_api::NamespacedName Target(const std::string& ref_namespace, const std::string& name,
                                   const std::string& own);

}  // namespace sluice::gwctl
