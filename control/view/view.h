// Everything that gwctl shows, as one plain value: objects, statuses, Snapshot, what is public of
// certificates, what was wrong on reading, and the state of the agent. Made by the agent from what
// it serves, or by gwctl from a folder of manifests, by the same steps; so both look the same.
// No thread rule. Invariant: it holds no value of any Secret.
//
// In the flow: objects -> compile -> *View* -> admin socket (document.h) -> gwctl.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/compile/compile.h"
#include "dataplane/snapshot/snapshot.pb.h"
#include "gateway-api/object_set.h"
#include "gateway-api/parse.h"

namespace sluice::view {

// What a TLS Secret says in public.
struct CertificateFacts {
  gateway_api::NamespacedName secret;
  std::string id;       // in the Snapshot's listeners; "": it cannot be served
  std::string problem;  // "": none
  std::vector<std::string> dns_names, ip_addresses;
  std::string subject, issuer;
  std::string key;  // "EC P-256"
  absl::Time not_before = absl::InfinitePast();
  absl::Time not_after = absl::InfiniteFuture();

  bool operator==(const CertificateFacts&) const = default;
};

// Packets by the labels of bpf/verdict_reasons.h.
struct Counter {
  std::string reason;
  int64_t packets = 0;

  bool operator==(const Counter&) const = default;
};
using Counters = std::vector<Counter>;

struct VipState {
  std::string address;
  bool owned = false;  // this node answers for it
  Counters counters;

  bool operator==(const VipState&) const = default;
};

struct DeviceState {
  std::string name;
  std::string mode;  // "xdp", "tcx", "silence"
  bool announcing = false;
  bool carrier = false;
  std::string note;

  bool operator==(const DeviceState&) const = default;
};

struct AgentState {
  std::string node;
  std::string build;
  int64_t generation = 0;    // the newest that was sent to the proxy
  int64_t acknowledged = 0;  // the newest that the proxy serves
  std::string refused;       // why it refused the last one; "": it did not
  bool proxy_connected = false;
  int workers = 0;
  std::string source;  // why the configuration cannot be read at present; "": it can
  std::vector<VipState> vips;
  std::vector<DeviceState> devices;
  Counters counters;  // of the node
  int64_t drift_repaired = 0;

  bool operator==(const AgentState&) const = default;
};

struct View {
  gateway_api::ObjectSet objects;  // Secrets have their keys, with empty values
  compile::Statuses statuses;
  snapshot::Snapshot snapshot;
  std::vector<CertificateFacts> certificates;  // of all TLS Secrets, sorted by name
  std::vector<gateway_api::Problem> problems;  // of reading, then the compiler's warnings
  std::optional<AgentState> agent;             // nullopt: made from a folder
};

// The agent adds its state.
View MakeView(const gateway_api::ObjectSet& objects, const compile::Compiled& compiled,
              std::vector<gateway_api::Problem> problems);

// Reads and compiles a folder as the agent does. An error only if the folder cannot be read at all;
// `now` is for the validity of certificates.
absl::StatusOr<View> ReadView(const std::string& folder, absl::Time now);

}  // namespace sluice::view
