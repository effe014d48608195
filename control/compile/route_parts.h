// Step 6: all routes together: their parts (route_part.h), and the hosts, rules and statuses that
// they make. Update does again only what a change concerns; the result is the same as from scratch.
// Belongs to a Compiler.
//
// What a Snapshot can hold is bounded (snapshot/validate.h): if it is too small for all routes, the
// oldest have it, and the others are refused.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "control/compile/changes.h"
#include "control/compile/cluster_parts.h"
#include "control/compile/route_part.h"

namespace sluice::compile {

class RouteParts {
 public:
  // What parts are made of besides their routes.
  struct Context {
    const Backends& backends;
    const Attacher& attacher;
    const std::set<gateway_api::NamespacedName>& services;  // that changed
    bool references_changed = false;                        // grants or policies
    bool parents_changed = false;                           // listeners or namespaces
  };

  explicit RouteParts(ClusterParts& clusters) : clusters_(clusters) {}

  void Update(const gateway_api::ObjectSet& objects, const Context& context);

  // Counts the routes of each listener. REQUIRES: those of the last context.
  void CountOn(const std::vector<ListenerPlan*>& listeners) const;
  // Hosts and rules, sorted.
  void Emit(snapshot::Snapshot& snapshot) const;
  const std::map<ObjectKey, RouteStatus>& statuses() const { return statuses_; }

 private:
  struct HostPart {
    std::set<const RoutePart*> routes;
    snapshot::Host host;
  };
  using Touched = std::set<RoutePart*>;

  template <typename Route>
  void TakeRoutes(const gateway_api::ObjectSet& objects);
  void AddPart(AnyRoute route);
  void RemovePart(const ObjectKey& key);
  void Refill(const Context& context);
  void RefillRules(const Context& context, RoutePart& part);
  void RefillParents(const Context& context, RoutePart& part);

  void Admit();
  void AdmitOldestFirst();
  void SetAdmitted(RoutePart& part, bool admitted);

  // A part that is in its place is in the Snapshot and counts on its listeners, as it is admitted.
  void PutInPlace(RoutePart& part);
  void TakeOut(RoutePart& part);
  void BuildHosts();

  ClusterParts& clusters_;
  std::tuple<Remembered<gateway_api::HttpRoute>, Remembered<gateway_api::GrpcRoute>,
             Remembered<gateway_api::TlsRoute>, Remembered<gateway_api::TcpRoute>,
             Remembered<gateway_api::UdpRoute>>
      remembered_;
  std::map<ObjectKey, std::unique_ptr<RoutePart>> parts_;
  std::map<gateway_api::NamespacedName, std::set<RoutePart*>> users_;  // of Services
  Needs needs_;                                                        // of all parts
  bool all_admitted_ = true;
  std::vector<int> counts_;  // by listener

  std::map<Place, HostPart> hosts_;
  std::map<std::string_view, const snapshot::Rule*> rules_;  // by id
  std::map<ObjectKey, RouteStatus> statuses_;

  // During an Update.
  Touched touched_;  // to be put in place
  std::set<Place> dirty_hosts_;
};

}  // namespace sluice::compile
