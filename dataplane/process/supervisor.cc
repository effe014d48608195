#include "dataplane/process/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace sluice::process {
namespace {

constexpr int kExitCannotExecute = 127;

sigset_t WatchedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

// Between fork and exec: only what is safe there.
[[noreturn]] void Become(const char* program, char* const* argv, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(0);  // it died before the line above
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::execv(program, argv);
  ::_exit(kExitCannotExecute);
}

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) {
    const char* name = ::sigdescr_np(WTERMSIG(status));  // null for real-time signals
    return absl::StrCat("died of signal ", WTERMSIG(status), " (", name == nullptr ? "?" : name,
                        ")");
  }
  if (WEXITSTATUS(status) == kExitCannotExecute) return "could not be executed";
  return absl::StrCat("ended with exit code ", WEXITSTATUS(status));
}

// Time that neither a clock change nor a suspend can move.
absl::Time MonotonicNow() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::TimeFromTimespec(now);
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options) : options_(std::move(options)) {
  for (const ChildSpec& spec : options_.children) {
    children_.push_back({.spec = spec, .backoff = Backoff(options_.backoff)});
  }
}

absl::Status Supervisor::OpenSignals() {
  const sigset_t watched = WatchedSignals();
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &watched, nullptr); error != 0)
    return absl::ErrnoToStatus(error, "pthread_sigmask");
  signals_ = core::Fd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) return absl::ErrnoToStatus(errno, "signalfd");
  return absl::OkStatus();
}

int Supervisor::Run() {
  if (absl::Status opened = OpenSignals(); !opened.ok()) {
    LOG(ERROR) << "cannot supervise: " << opened.message();
    return EXIT_FAILURE;
  }
  while (!stopping_ || AnyRunning()) {
    StartDue(MonotonicNow());
    Wait(MonotonicNow());
    const absl::Time now = MonotonicNow();
    HandleSignals(now);
    Reap(now);
    if (now >= kill_at_) {
      LOG(ERROR) << "children did not stop within " << options_.stop_timeout << "; killing them";
      KillAll(SIGKILL);
      kill_at_ = absl::InfiniteFuture();
    }
  }
  return exit_code_;
}

void Supervisor::StartDue(absl::Time now) {
  if (stopping_) return;
  for (Child& child : children_) {
    if (child.pid == 0 && child.start_at <= now) Start(child, now);
  }
}

void Supervisor::Start(Child& child, absl::Time now) {
  std::vector<char*> argv;
  argv.reserve(child.spec.argv.size() + 1);
  for (std::string& argument : child.spec.argv) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) Become(child.spec.program.c_str(), argv.data(), parent);
  child.started = now;
  if (pid < 0) {
    const absl::Duration wait = child.backoff.Failed(absl::ZeroDuration());
    PLOG(ERROR) << "cannot fork for " << child.spec.name;
    child.start_at = now + std::max(wait, absl::Milliseconds(100));
    return;
  }
  child.pid = pid;
  LOG(INFO) << "started " << child.spec.name << " (pid " << pid << ")";
}

absl::Time Supervisor::NextDeadline() const {
  absl::Time next = kill_at_;
  if (stopping_) return next;
  for (const Child& child : children_) {
    if (child.pid == 0) next = std::min(next, child.start_at);
  }
  return next;
}

void Supervisor::Wait(absl::Time now) {
  pollfd ready{.fd = signals_.get(), .events = POLLIN, .revents = 0};
  const absl::Duration left = std::max(NextDeadline() - now, absl::ZeroDuration());
  const timespec timeout = absl::ToTimespec(std::min(left, absl::Hours(1)));
  ::ppoll(&ready, 1, &timeout, nullptr);  // an interruption is only a short wait
}

void Supervisor::HandleSignals(absl::Time now) {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    switch (info.ssi_signo) {
      case SIGCHLD:
        break;  // Reap looks anyway
      case SIGTERM:
      case SIGINT:
        Stop(static_cast<int>(info.ssi_signo), now);
        break;
      default:
        KillAll(static_cast<int>(info.ssi_signo));
    }
  }
}

void Supervisor::Reap(absl::Time now) {
  int status;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    for (Child& child : children_) {
      if (child.pid == pid) Ended(child, status, now);
    }
  }
}

void Supervisor::Ended(Child& child, int status, absl::Time now) {
  const absl::Duration lived = now - child.started;
  const std::string what =
      absl::StrCat(child.spec.name, " (pid ", child.pid, ") ", HowItEnded(status), " after ",
                   absl::FormatDuration(absl::Trunc(lived, absl::Milliseconds(1))));
  child.pid = 0;
  if (stopping_) {
    LOG(INFO) << what;
    return;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitUsage) {
    LOG(ERROR) << what << ": it was started wrongly, so it is not started again";
    exit_code_ = kExitUsage;
    Stop(SIGTERM, now);
    return;
  }
  const absl::Duration wait = child.backoff.Failed(lived);
  child.start_at = now + wait;
  LOG(ERROR) << what << "; starting it again in " << wait << " (" << child.backoff.failures()
             << " in a row)";
}

void Supervisor::Stop(int signal, absl::Time now) {
  KillAll(signal);
  if (stopping_) return;
  stopping_ = true;
  kill_at_ = now + options_.stop_timeout;
}

void Supervisor::KillAll(int signal) const {
  for (const Child& child : children_) {
    if (child.pid > 0) ::kill(child.pid, signal);
  }
}

bool Supervisor::AnyRunning() const {
  for (const Child& child : children_) {
    if (child.pid > 0) return true;
  }
  return false;
}

}  // namespace sluice::process
