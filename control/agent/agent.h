// The agent, after its options are known: reads manifests, compiles, tells the proxy, drives the
// packet path, answers gwctl. One event loop; only the liveness thread runs beside it.
// On SIGTERM it ends and leaves everything in the kernel to its successor; see Detach for the rest.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "control/agent/admin_server.h"
#include "control/agent/agent_metrics.h"
#include "control/agent/listening_sockets.h"
#include "control/agent/liveness.h"
#include "control/agent/options.h"
#include "control/agent/packet_driver.h"
#include "control/agent/proxy_peer.h"
#include "control/publish/certificate_store.h"
#include "control/publish/publisher.h"
#include "control/source/file_source.h"
#include "control/view/view.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/metrics/text_server.h"

namespace sluice::agent {

class Agent {
 public:
  explicit Agent(AgentOptions options);
  ~Agent();

  // Returns the exit code.
  int Run();

 private:
  // Start-up, in this order.
  absl::Status OpenState();
  absl::Status OpenSignals();
  absl::Status OpenPacketPath();
  absl::Status OpenDoors();  // sockets for the proxy, gwctl, metrics
  absl::Status StartSource();
  absl::Status StartLiveness();

  // The configuration path.
  void Compile();
  void WatchValidity(absl::Time until);
  void OnApplied(const publish::Publication& publication);
  void OnReport(const publish::Report& report);
  void WriteStatuses();

  // Sockets.
  absl::Status MakeSockets(int workers);
  void OnSockets();
  void OpenVipSockets(const snapshot::Snapshot& snapshot);

  view::View MakeView();
  view::AgentState MakeState();
  AgentFacts Facts();

  const AgentOptions options_;
  core::EventLoop loop_;
  core::Fd lock_;
  core::Fd signals_;
  core::Fd statm_;
  core::Pollable on_signal_;

  compile::Allocations allocations_;
  publish::CertificateStore certificates_;
  publish::Publisher publisher_;
  ListeningSockets sockets_;
  ProxyPeer proxy_;
  AdminServer admin_;
  source::FileSource source_;
  std::unique_ptr<PacketDriver> packets_;  // null: no packet path
  std::unique_ptr<Liveness> liveness_;
  std::unique_ptr<metrics::TextServer> metrics_;

  core::Timer late_;      // the proxy does not answer
  core::Timer validity_;  // a certificate begins or ends to be valid
  std::string statuses_;  // as they were written last
  uint64_t compiles_ = 0;
  double compile_seconds_ = 0;
};

// Takes everything of Sluice out of the kernel; succeeds if there is nothing. FailedPrecondition
// while an agent runs, which would put it back.
absl::Status Detach(const AgentOptions& options);

}  // namespace sluice::agent
