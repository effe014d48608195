// Step 6a: from backendRefs to clusters. Each Service port that a route may use becomes one
// Cluster with its EndpointSet; what cannot be resolved gets no cluster and a condition, and its
// share of requests is answered 500. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "control/compile/compile.h"
#include "control/compile/endpoints.h"
#include "control/compile/grants.h"

namespace sluice::compile {

struct ResolvedBackend {
  std::string cluster_id;            // "": unresolved
  std::optional<Condition> problem;  // ResolvedRefs=False
};

class Backends {
 public:
  Backends(const gateway_api::ObjectSet& objects, const Grants& grants);

  // For a route of this kind and namespace.
  ResolvedBackend Resolve(const gateway_api::BackendObjectReference& ref, std::string_view kind,
                          const std::string& route_namespace);

  // The clusters that the Snapshot's rules name.
  void Emit(snapshot::Snapshot& snapshot) const;

 private:
  struct Target {
    const gateway_api::Service* service = nullptr;
    const gateway_api::ServicePort* port = nullptr;
  };
  std::optional<Condition> CheckPort(const gateway_api::Service& service,
                                     const gateway_api::ServicePort* port, int number) const;
  bool WantsTls(const gateway_api::Service& service, const gateway_api::ServicePort& port) const;

  const gateway_api::ObjectSet& objects_;
  const Grants& grants_;
  SliceIndex slices_;
  std::set<std::pair<gateway_api::NamespacedName, std::string>> tls_targets_;  // service, port name
  std::map<std::string, Target> clusters_;                                     // by id
};

}  // namespace sluice::compile
