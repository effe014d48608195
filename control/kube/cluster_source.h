// The configuration as a Kubernetes API server has it: lists and watches every kind that Compile
// reads, keeps one object set up to date, and hands it on in batches. The counterpart of
// source::FileSource. Lives on its loop's thread.
// A burst of events is one batch: it is handed on when nothing came for `quiet`, at the latest
// `longest` after its first event. With the API server gone the last good objects stay.
// An object that cannot be parsed keeps its last good value and is a Problem; the others go on.
// Flow: API server -> reflector per kind -> *ClusterSource* -> ObjectSet -> compile -> publish.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control/kube/client.h"
#include "control/kube/reflector.h"
#include "control/source/source_state.h"
#include "dataplane/core/event_loop.h"
#include "gateway-api/metadata.h"
#include "gateway-api/write.h"

namespace sluice::kube {

// An object as the API server has it now, for those who write to it.
struct Known {
  std::string uid;
  std::string resource_version;
  int64_t generation = 0;
  std::string status;  // the `status` field as compact JSON; "": none
};

using KnownObjects = std::map<std::string_view, std::map<gateway_api::NamespacedName, Known>>;

struct ClusterSourceOptions {
  std::string node;  // whose labels are wanted; "": no node is looked at
  // Of Secrets, those of type kubernetes.io/tls are read, in these namespaces; empty: everywhere.
  std::vector<std::string> secret_namespaces;
  std::vector<gateway_api::NamespacedName> secrets;  // of any type, by name
  absl::Duration quiet = absl::Milliseconds(1);
  absl::Duration longest = absl::Milliseconds(20);
  ReflectorTiming timing = {};
};

class ClusterSource {
 public:
  ClusterSource(core::EventLoop& loop, Client& client, ClusterSourceOptions options,
                std::function<void(const source::SourceState&)> on_change);
  ~ClusterSource();

  // Begins; on_change comes first when every kind that is there has been listed once.
  void Start();
  bool synced() const;

  const source::SourceState& state() const;
  // Null: the API server has no such object. Kinds without a status are not remembered.
  const Known* Find(std::string_view kind, const gateway_api::NamespacedName& name) const;
  // All of them, by kind.
  const KnownObjects& known() const;
  const gateway_api::StringMap& node_labels() const;
  // All nodes with their labels, by name.
  const std::map<std::string, gateway_api::StringMap>& nodes() const;
  // Of the Gateway API CRDs (gateway.networking.k8s.io/bundle-version); "": not known.
  const std::string& bundle_version() const;
  // The newest resourceVersion, by kind, whose changes have all been handed on. Kinds that the API
  // server does not have are left out.
  const std::map<std::string, std::string>& versions() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::kube
