// Step 6a: from backendRefs to clusters. Each Service port that a route may use becomes one
// cluster, or two, if HTTPRoutes and GRPCRoutes speak differently to it; what cannot be resolved
// gets no cluster and a condition, and its share of requests is answered 500. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "control/compile/compile.h"
#include "control/compile/grants.h"

namespace sluice::compile {

// A Service's port as a route speaks to it.
struct ClusterPlan {
  std::string id;
  gateway_api::NamespacedName service;
  int port = 0;
  snapshot::Cluster::Protocol protocol = snapshot::Cluster::PROTOCOL_HTTP1;
};

struct ResolvedBackend {
  std::optional<ClusterPlan> cluster;  // nullopt: unresolved
  std::optional<Condition> problem;    // ResolvedRefs=False
};

// What of a route decides which backends it may have, and how they are spoken to.
struct RouteOfBackend {
  std::string_view kind;
  const std::string& namespace_;
  bool grpc = false;  // its clusters speak H2C, whatever the port says
};

class Backends {
 public:
  Backends(const gateway_api::ObjectSet& objects, const Grants& grants);

  ResolvedBackend Resolve(const gateway_api::BackendObjectReference& ref,
                          const RouteOfBackend& route) const;

 private:
  std::optional<Condition> CheckPort(const gateway_api::Service& service,
                                     const gateway_api::ServicePort* port, int number,
                                     bool grpc) const;
  bool WantsTls(const gateway_api::Service& service, const gateway_api::ServicePort& port) const;

  const gateway_api::ObjectSet& objects_;
  const Grants& grants_;
  std::set<std::pair<gateway_api::NamespacedName, std::string>> tls_targets_;  // service, port name
};

// Null: the Service has no such TCP port.
const gateway_api::ServicePort* FindPort(const gateway_api::Service& service, int number);

}  // namespace sluice::compile
