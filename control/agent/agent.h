// The agent, after its options are known: reads objects, compiles, tells the proxy, drives the
// packet path, answers gwctl. One event loop; only the liveness thread runs beside it.
// It owns the node (pins, listening sockets, doors) from its start, or, with --take-over and
// another agent running, from the moment its own proxy is ready to serve (handover.h).
// On SIGTERM it ends and leaves everything in the kernel to its successor; see Detach for the rest.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "control/agent/admin_server.h"
#include "control/agent/agent_metrics.h"
#include "control/agent/handover.h"
#include "control/agent/heartbeat_key_file.h"
#include "control/agent/listening_sockets.h"
#include "control/agent/liveness.h"
#include "control/agent/object_source.h"
#include "control/agent/options.h"
#include "control/agent/packet_driver.h"
#include "control/agent/proxy_peer.h"
#include "control/compile/compiler.h"
#include "control/publish/certificate_store.h"
#include "control/publish/publisher.h"
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
  absl::Status OpenFolders();
  absl::Status OpenSignals();
  absl::Status TakeNode();  // the lock; or none yet, and we wait
  absl::Status OpenReadyDoor();
  absl::Status OpenProxyDoor();
  void OpenDoorNow();
  absl::Status StartSource();

  void OnSignal();
  // What is left in the kernel at the end; the exit code.
  int LeaveAll();
  int LeaveNothing();

  // What only one agent of a node may have.
  absl::Status OwnNode();
  absl::Status OpenPacketPath();
  absl::Status OpenDoors();  // for gwctl, metrics and the next agent
  absl::Status OpenMetrics();
  absl::Status StartLiveness();
  absl::Status JoinElection();

  // Upgrade: from the agent before us, and to the one after us.
  void AskForNode();
  void OnHanded(absl::StatusOr<Handover::Sockets> handed);
  void LetGo();
  bool let_go() const { return successor_ != nullptr && successor_->handed(); }

  // What the nodes of a cluster share.
  void UseKeys(const status::SharedKeys& keys);
  void JoinBySharedKeys();

  // The configuration path.
  void Compile();
  void RestoreLastGood();
  void SaveLastGood();
  void WatchValidity(absl::Time until);
  void OnApplied(const publish::Publication& publication);
  void OnReport(const publish::Report& report);

  // Sockets.
  absl::Status MakeSockets(int workers);
  void OnSockets();
  void OpenVipSockets(const snapshot::Snapshot& snapshot);

  // What is shown (agent_view.cc).
  view::View MakeView();
  view::AgentState MakeState();
  AgentFacts Facts();
  absl::Status Ready() const;
  void SayHowWeAre();

  const AgentOptions options_;
  core::EventLoop loop_;
  core::Fd lock_;  // invalid: another agent owns the node
  core::Fd signals_;
  core::Fd statm_;
  core::Pollable on_signal_;

  compile::Compiler compiler_;
  publish::CertificateStore certificates_;
  publish::Publisher publisher_;
  ListeningSockets sockets_;
  ProxyPeer proxy_;
  std::unique_ptr<ObjectSource> source_;
  std::unique_ptr<PacketDriver> packets_;  // null: no packet path, or not ours (yet, any more)
  std::unique_ptr<Liveness> liveness_;
  std::unique_ptr<HeartbeatKeyFile> heartbeat_key_;  // null: none was given
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<AdminServer> ready_;
  std::unique_ptr<metrics::TextServer> metrics_;
  std::unique_ptr<HandoverServer> successor_;  // the door for the agent after us
  std::unique_ptr<Handover> predecessor_;      // asking the agent before us

  core::Timer late_;       // the proxy does not answer
  core::Timer validity_;   // a certificate begins or ends to be valid
  core::Timer ask_again_;  // for the node; for the metrics' port
  core::Timer door_;       // opens for the proxy without shared keys
  core::Timer last_good_;  // to be saved, or to be restored
  std::optional<status::SharedKeys> shared_keys_;
  bool door_open_ = false;
  bool stopping_ = false;
  bool removed_ = false;  // from the cluster
  uint64_t compiles_ = 0;
  double compile_seconds_ = 0;
};

// Takes everything of Sluice out of the kernel; succeeds if there is nothing. FailedPrecondition
// while an agent runs, which would put it back.
absl::Status Detach(const AgentOptions& options);

// What the running agent says of itself: OK if it serves. Blocks for at most two seconds.
absl::Status AskReady(const AgentOptions& options);

}  // namespace sluice::agent
