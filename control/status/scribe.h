// Everything that the agent writes to the API server: it joins the parts of this folder. Lives on
// the loop's thread.
//
//   Scribe scribe(loop, client, source, {.node = ..., .namespace_ = ..., .identity = ...},
//                 {.on_leader = [&](bool) { Compile(); }});
//   scribe.Start();                             // when the source is synced
//   compile_options.allocate = scribe.leads();  // before each compile
//   scribe.Want(report.statuses, versions);     // on each publish::Report
//   scribe.Stop([&] { loop.Stop(); });          // on SIGTERM
//
// `versions` are source.versions() as they were when the reported generation was compiled.
// Only the leader writes statuses; the others keep what they would write, and go on from there.
#pragma once

#include <functional>
#include <string>

#include "control/compile/status.h"
#include "control/kube/client.h"
#include "control/kube/cluster_source.h"
#include "control/status/lease.h"
#include "control/status/status_writer.h"
#include "dataplane/core/event_loop.h"

namespace sluice::status {

struct ScribeOptions {
  std::string node;
  std::string namespace_;  // of the Lease
  std::string identity;    // of this process, as leader; the node's name if only one can run there
  std::string lease = "sluice-agent";
  LeaseTimes times = {};
};

struct ScribeOutputs {
  // leads() has changed: compile again, as only the leader hands out addresses.
  std::function<void(bool leads)> on_leader;
};

class Scribe {
 public:
  Scribe(core::EventLoop& loop, kube::Client& client, const kube::ClusterSource& source,
         ScribeOptions options, ScribeOutputs outputs);
  Scribe(const Scribe&) = delete;
  Scribe& operator=(const Scribe&) = delete;

  void Start();
  void Want(const compile::Statuses& statuses, Versions covered);
  // Writes nothing more and gives the leadership up; `done` comes within about a second.
  void Stop(std::function<void()> done);

  bool leads() const { return lease_.leads(); }
  // Who leads, as its identity; "": not known.
  std::string leader() const { return lease_.holder(); }
  const StatusWriter::Counters& counters() const { return statuses_.counters(); }

 private:
  void OnLeader(bool leads);
  void Review();

  core::EventLoop& loop_;
  const kube::ClusterSource& source_;
  ScribeOutputs outputs_;
  Lease lease_;
  StatusWriter statuses_;
  Versions covered_;
  bool wanted_ = false;  // Want was called
  core::Timer review_;
};

}  // namespace sluice::status
