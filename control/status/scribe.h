// Everything that the agent writes to the API server: it joins the parts of this folder. Lives on
// the loop's thread. How the agent uses it:
//
//   Scribe scribe(loop, client, source, {.node = ..., .namespace_ = ..., .identity = ...},
//                 {.compile = [&] { Compile(); }});
//   scribe.Start();                                    // once the source is synced
//   options.allocate = scribe.leads();                 // before each compile
//   options.allocations = scribe.given();
//   scribe.Compiled(compiled);                         // after each compile
//   scribe.Want(report.statuses, versions);            // with each publish::Report
//   scribe.Say(node_report);                           // whenever it changes
//   scribe.Stop([&] { loop.Stop(); });                 // on SIGTERM
//
// `versions` are source.versions() as they were when the reported generation was compiled.
// Only the leader writes what all share; the others keep what they would write, and go on from
// there. A status waits until every counted node has applied what it was made from, or `patience`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/compile/compile.h"
#include "control/kube/client.h"
#include "control/kube/cluster_source.h"
#include "control/status/allocations.h"
#include "control/status/coverage.h"
#include "control/status/gateway_services.h"
#include "control/status/keys.h"
#include "control/status/lease.h"
#include "control/status/node_reporter.h"
#include "control/status/node_reports.h"
#include "control/status/status_writer.h"
#include "dataplane/core/event_loop.h"

namespace sluice::status {

struct ScribeOptions {
  std::string node;
  std::string namespace_;  // of the Lease and the keys
  std::string identity;    // of this process, as leader; the node's name if only one can run there
  std::string lease = "sluice-agent";
  LeaseTimes times = {};
  absl::Duration patience = absl::Seconds(2);
};

struct ScribeOutputs {
  // Something that compile depends on has changed: leads(), given().
  std::function<void()> compile;
};

class Scribe {
 public:
  Scribe(core::EventLoop& loop, kube::Client& client, const kube::ClusterSource& source,
         ScribeOptions options, ScribeOutputs outputs);
  Scribe(const Scribe&) = delete;
  Scribe& operator=(const Scribe&) = delete;

  void Start();
  void Compiled(const compile::Compiled& compiled);
  void Want(const compile::Statuses& statuses, Versions versions);
  // This node's own report; who leads is filled in.
  void Say(NodeReport report);
  // Writes nothing more and gives the leadership up; `done` comes within about a second.
  void Stop(std::function<void()> done);

  bool leads() const { return lease_.leads(); }
  // Who leads, as its identity; "": not known.
  std::string leader() const { return lease_.holder(); }
  // Addresses that this leader gave out, written down or not.
  compile::Allocations given() const { return allocations_.given(); }
  // The nodes that a status did not wait for any longer, since they last reported.
  std::vector<std::string> lagging() const;
  const StatusWriter::Counters& counters() const { return statuses_.counters(); }

 private:
  struct Held {
    compile::Statuses statuses;
    Versions versions;
  };

  bool MayTakeAway() const;
  void OnLeader(bool leads);
  void OnNodes();
  std::vector<std::string> Awaited() const;
  void OutOfPatience();
  void Release(const compile::Statuses& statuses, Versions versions);
  void Review();
  void WantServices();
  void RemoveOrphans();

  core::EventLoop& loop_;
  kube::Client& client_;
  const kube::ClusterSource& source_;
  ScribeOptions options_;
  ScribeOutputs outputs_;

  Lease lease_;
  StatusWriter statuses_;
  AllocationWriter allocations_;
  GatewayServices services_;
  KeyMaker keys_;
  NodeReporter reporter_;
  NodeReports nodes_;

  Needs needs_;
  Versions needed_;
  std::optional<Held> held_;  // until the nodes know
  Versions covered_;          // by what was wanted last
  bool wanted_ = false;       // Want was called
  bool stopped_ = false;
  std::optional<NodeReport> said_;
  std::set<gateway_api::NamespacedName> gateways_;  // ours
  std::map<std::string, std::unique_ptr<kube::Call>> removals_;
  core::Timer patience_;
  core::Timer review_;
};

}  // namespace sluice::status
