// Keeps child processes alive: starts them, starts each again when it dies (Backoff), passes on
// signals, reaps what the kernel hands to PID 1. Parses nothing and talks to nobody.
// One thread, which must be the process's only one (it forks). Children die with it (SIGTERM by
// PR_SET_PDEATHSIG), so that a successor finds no strays.
// Flow: `sluice` runs the agent and the proxy with it; `sluice-proxy --supervise` one proxy.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dataplane/core/fd.h"
#include "dataplane/process/backoff.h"

namespace sluice::process {

// A child that ends with this code was started wrongly (EX_USAGE): starting it again is of no use,
// so the supervisor stops everything and ends with the same code.
inline constexpr int kExitUsage = 64;

struct ChildSpec {
  std::string name;               // for the log
  std::string program;            // path; /proc/self/exe is this very program
  std::vector<std::string> argv;  // argv[0] included
};

struct SupervisorOptions {
  std::vector<ChildSpec> children;
  absl::Duration stop_timeout = absl::Seconds(35);  // after SIGTERM; then SIGKILL
  BackoffLimits backoff;
};

class Supervisor {
 public:
  explicit Supervisor(SupervisorOptions options);

  // Returns the exit code for main once SIGTERM or SIGINT came and every child is gone.
  // SIGHUP, SIGUSR1 and SIGUSR2 are passed on.
  int Run();

 private:
  struct Child {
    ChildSpec spec;
    Backoff backoff;
    pid_t pid = 0;  // 0: not running
    absl::Time started = absl::InfinitePast();
    absl::Time start_at = absl::InfinitePast();  // when not running
  };

  absl::Status OpenSignals();
  void StartDue(absl::Time now);
  void Start(Child& child, absl::Time now);
  void Wait(absl::Time now);
  void HandleSignals(absl::Time now);
  void Reap(absl::Time now);
  void Ended(Child& child, int status, absl::Time now);
  void Stop(int signal, absl::Time now);
  void KillAll(int signal) const;
  bool AnyRunning() const;
  absl::Time NextDeadline() const;

  SupervisorOptions options_;
  std::vector<Child> children_;
  core::Fd signals_;
  bool stopping_ = false;
  absl::Time kill_at_ = absl::InfiniteFuture();
  int exit_code_ = 0;
};

}  // namespace sluice::process
