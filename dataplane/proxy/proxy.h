// The proxy process, after its options are known: opens what it needs, enters the sandbox, starts
// workers, and serves until it is told to stop and its requests have ended. Main thread.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/metrics/text_server.h"
#include "dataplane/proxy/access_log_writer.h"
#include "dataplane/proxy/agent_client.h"
#include "dataplane/proxy/options.h"
#include "dataplane/proxy/pulse.h"
#include "dataplane/proxy/serving.h"
#include "dataplane/proxy/standalone.h"
#include "dataplane/worker/fleet.h"

namespace sluice::proxy {

class Proxy {
 public:
  explicit Proxy(ProxyOptions options);
  ~Proxy();

  // Returns the exit code.
  int Run();

 private:
  absl::Status OpenBeforeSandbox();
  absl::Status OpenSignals();
  void OpenMetrics();
  void StartWorkers();
  void StartAlone();
  void ReadFilesAgain();
  void OnSignal();
  void Drain(absl::Duration timeout);
  void LookWhetherDrained();
  void CollectStats(std::function<void(std::string)> respond);

  const ProxyOptions options_;
  const int workers_;
  core::EventLoop loop_;
  core::Mailbox mailbox_;
  core::Fd signals_;
  core::Pollable on_signal_;
  core::Fd statm_;
  core::Fd metrics_socket_;
  std::vector<BoundSocket> bound_;
  std::optional<LoadedFiles> loaded_;
  uint64_t files_read_ = 0;
  int exit_code_ = 0;

  // In the order in which they are made; the workers end before what they use.
  std::unique_ptr<AccessLogWriter> access_log_;
  std::unique_ptr<Serving> serving_;
  std::unique_ptr<AgentClient> agent_;
  std::unique_ptr<Pulse> pulse_;
  std::unique_ptr<metrics::TextServer> metrics_;

  core::Timer drain_check_;
  uint64_t drain_until_ms_ = 0;  // 0: not draining
};

}  // namespace sluice::proxy
