#include "dataplane/proxy/proxy.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "dataplane/channel/unix_socket.h"
#include "dataplane/process/hardening.h"
#include "dataplane/proxy/sandbox.h"
#include "dataplane/proxy/stats_text.h"

namespace sluice::proxy {
namespace {

constexpr uint64_t kDrainCheckMs = 20;

// The CPUs that this process may use: containers are often given some of many.
int UsableCpus() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (::sched_getaffinity(0, sizeof cpus, &cpus) != 0) return 1;
  return std::max(1, CPU_COUNT(&cpus));
}

std::string FolderOf(const std::string& file) {
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
}

}  // namespace

Proxy::Proxy(ProxyOptions options)
    : options_(std::move(options)),
      workers_(options_.workers > 0 ? options_.workers : UsableCpus()),
      mailbox_(loop_),
      on_signal_{[](void* self, uint32_t) { static_cast<Proxy*>(self)->OnSignal(); }, this},
      drain_check_([](void* self) { static_cast<Proxy*>(self)->LookWhetherDrained(); }, this) {}

Proxy::~Proxy() {
  if (signals_.valid()) loop_.Remove(signals_.get(), on_signal_);
}

int Proxy::Run() {
  if (absl::Status opened = OpenBeforeSandbox(); !opened.ok()) {
    LOG(ERROR) << "cannot start: " << opened.message();
    return EXIT_FAILURE;
  }
  if (options_.sandbox) {
    std::vector<std::string> readable;
    if (!options_.snapshot_file.empty()) readable.push_back(FolderOf(options_.snapshot_file));
    if (!options_.certificate_folder.empty()) readable.push_back(options_.certificate_folder);
    if (absl::Status entered = EnterSandbox(readable); !entered.ok()) {
      LOG(ERROR) << "cannot enter the sandbox: " << entered.message();
      return EXIT_FAILURE;
    }
  }
  StartWorkers();
  if (options_.agent_socket.empty()) {
    StartAlone();
  } else {
    agent_->Start();
  }
  loop_.Run();
  return exit_code_;
}

absl::Status Proxy::OpenBeforeSandbox() {
  if (absl::Status disabled = process::DisableCoreDumps(); !disabled.ok()) return disabled;
  if (absl::Status opened = OpenSignals(); !opened.ok()) return opened;
  statm_ = core::Fd(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  OpenMetrics();
  if (!options_.agent_socket.empty()) return absl::OkStatus();
  absl::StatusOr<LoadedFiles> loaded =
      LoadFiles(options_.snapshot_file, options_.certificate_folder);
  if (!loaded.ok()) return loaded.status();
  if (absl::Status checked = CheckListeners(options_.listen, loaded->snapshot); !checked.ok())
    return checked;
  loaded_ = *std::move(loaded);
  absl::StatusOr<std::vector<BoundSocket>> bound = BindSockets(options_.listen, workers_);
  if (!bound.ok()) return bound.status();
  bound_ = *std::move(bound);
  return absl::OkStatus();
}

absl::Status Proxy::OpenSignals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t watched;
  sigemptyset(&watched);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&watched, signal);
  // Before any thread: they inherit it.
  if (::sigprocmask(SIG_BLOCK, &watched, nullptr) != 0)
    return absl::ErrnoToStatus(errno, "sigprocmask");
  signals_ = core::Fd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) return absl::ErrnoToStatus(errno, "signalfd");
  CHECK(loop_.AddLevel(signals_.get(), on_signal_));
  return absl::OkStatus();
}

void Proxy::OpenMetrics() {
  if (!options_.metrics) return;
  absl::StatusOr<core::Fd> socket = metrics::Listen(*options_.metrics);
  if (socket.ok()) {
    metrics_socket_ = *std::move(socket);
  } else {  // traffic goes before figures: another proxy may still drain there
    LOG(ERROR) << "no metrics: " << socket.status().message();
  }
}

void Proxy::StartWorkers() {
  access_log_ = std::make_unique<AccessLogWriter>(STDOUT_FILENO);
  serving_ = std::make_unique<Serving>(mailbox_, workers_, *access_log_);
  if (!options_.agent_socket.empty()) {
    AgentClient::Events events{
        .collect_stats =
            [this](std::function<void(std::string)> respond) { CollectStats(std::move(respond)); },
        .drain = [this](absl::Duration timeout) { Drain(timeout); }};
    agent_ =
        std::make_unique<AgentClient>(loop_, options_.agent_socket, *serving_, std::move(events));
    pulse_ = std::make_unique<Pulse>(channel::PulsePath(options_.agent_socket), serving_->fleet());
  }
  if (metrics_socket_.valid()) {
    absl::flat_hash_map<std::string, metrics::TextServer::Page> pages;
    pages["/metrics"] = [this](metrics::TextServer::Respond respond) {
      CollectStats(std::move(respond));
    };
    pages["/healthz"] = [](const metrics::TextServer::Respond& respond) { respond("ok\n"); };
    metrics_ =
        std::make_unique<metrics::TextServer>(loop_, std::move(metrics_socket_), std::move(pages));
  }
}

void Proxy::StartAlone() {
  for (BoundSocket& bound : bound_) serving_->AddSocket(bound.worker, std::move(bound.socket));
  bound_.clear();
  const LoadedFiles files = *std::exchange(loaded_, std::nullopt);
  serving_->Apply(++files_read_, files.snapshot, files.certificates,
                  [this](const absl::Status& applied) {
                    if (applied.ok()) return;
                    exit_code_ = EXIT_FAILURE;  // there is no earlier one to serve
                    loop_.Stop();
                  });
}

void Proxy::ReadFilesAgain() {
  if (options_.snapshot_file.empty()) return;
  absl::StatusOr<LoadedFiles> files =
      LoadFiles(options_.snapshot_file, options_.certificate_folder);
  if (files.ok()) {
    const absl::Status checked = CheckListeners(options_.listen, files->snapshot);
    if (!checked.ok()) files = checked;
  }
  if (!files.ok()) {
    LOG(ERROR) << "generation " << serving_->generation()
               << " serves on: " << files.status().message();
    return;
  }
  serving_->Apply(++files_read_, files->snapshot, files->certificates, [](const absl::Status&) {});
}

void Proxy::OnSignal() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGHUP) {
      ReadFilesAgain();
    } else if (drain_until_ms_ == 0) {
      Drain(options_.drain_timeout);
    } else {  // told twice: at once
      loop_.Stop();
    }
  }
}

void Proxy::Drain(absl::Duration timeout) {
  if (drain_until_ms_ != 0) return;
  LOG(INFO) << "draining, for at most " << timeout;
  drain_until_ms_ = loop_.now_ms() + static_cast<uint64_t>(absl::ToInt64Milliseconds(timeout));
  serving_->fleet().Drain();
  LookWhetherDrained();
}

void Proxy::LookWhetherDrained() {
  serving_->fleet().CountOpen([this](size_t open) {
    if (open > 0 && loop_.now_ms() < drain_until_ms_) {
      loop_.timers().Arm(drain_check_, kDrainCheckMs);
      return;
    }
    if (open > 0) LOG(WARNING) << "cutting " << open << " connections";
    loop_.Stop();
  });
}

void Proxy::CollectStats(std::function<void(std::string)> respond) {
  serving_->fleet().Stats(
      [this, respond = std::move(respond)](const std::vector<worker::WorkerStats>& workers) {
        respond(StatsText(workers, {.generation = serving_->generation(),
                                    .apply = serving_->counters(),
                                    .log_lines = access_log_->lines(),
                                    .log_dropped = access_log_->dropped(),
                                    .agent_connected = agent_ != nullptr && agent_->connected(),
                                    .statm = statm_.get()}));
      });
}

}  // namespace sluice::proxy
