#include "control/agent/agent.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/agent/state_files.h"
#include "control/agent/vips.h"
#include "control/compile/compile.h"
#include "control/publish/last_good.h"
#include "dataplane/channel/unix_socket.h"

namespace sluice::agent {
namespace {

constexpr uint64_t kLateMs = 2000;
constexpr uint64_t kSaveAfterMs = 1000;
constexpr uint64_t kRestoreAfterMs = 2000;
constexpr uint64_t kKeysMs = 2000;
constexpr int kReadyWaitMs = 2000;
constexpr absl::Duration kLongestTimer = absl::Hours(1);

AgentOptions WithNode(AgentOptions options) {
  char name[256] = {};
  if (options.node.empty() && ::gethostname(name, sizeof name - 1) == 0) options.node = name;
  return options;
}

}  // namespace

Agent::Agent(AgentOptions options)
    : options_(WithNode(std::move(options))),
      on_signal_{[](void* self, uint32_t) { static_cast<Agent*>(self)->OnSignal(); }, this},
      publisher_({.send =
                      [this](channel::Message update) {
                        proxy_.Send(update);
                        channel::WipeKeys(update);
                      },
                  .on_applied =
                      [this](const publish::Publication& publication) { OnApplied(publication); },
                  .on_report = [this](const publish::Report& report) { OnReport(report); }}),
      proxy_(loop_, options_.proxy_uid, sockets_, publisher_,
             {.make_sockets = [this](int workers) { return MakeSockets(workers); },
              .on_sockets = [this] { OnSockets(); }}),
      source_(std::make_unique<ObjectSource>(
          loop_, options_, [this] { Compile(); },
          [this](const status::SharedKeys& keys) { UseKeys(keys); })),
      late_([](void* self) { static_cast<Agent*>(self)->publisher_.ProxyIsLate(); }, this),
      validity_([](void* self) { static_cast<Agent*>(self)->Compile(); }, this),
      ask_again_([](void* self) { static_cast<Agent*>(self)->AskForNode(); }, this),
      door_([](void* self) { static_cast<Agent*>(self)->OpenDoorNow(); }, this),
      last_good_(
          [](void* self) {
            auto* agent = static_cast<Agent*>(self);
            agent->publisher_.latest() == nullptr ? agent->RestoreLastGood()
                                                  : agent->SaveLastGood();
          },
          this) {}

Agent::~Agent() {
  liveness_.reset();  // its thread uses the packet path
  if (signals_.valid()) loop_.Remove(signals_.get(), on_signal_);
}

int Agent::Run() {
  for (const auto step : {&Agent::OpenFolders, &Agent::OpenSignals, &Agent::TakeNode,
                          &Agent::OpenReadyDoor, &Agent::OpenProxyDoor, &Agent::StartSource}) {
    if (absl::Status done = (this->*step)(); !done.ok()) {
      LOG(ERROR) << "cannot start: " << done.message();
      return EXIT_FAILURE;
    }
  }
  LOG(INFO) << (lock_.valid() ? "started" : "started, beside the agent that owns this node");
  loop_.Run();
  return removed_ ? LeaveNothing() : LeaveAll();
}

int Agent::LeaveAll() {
  LOG(INFO) << "stopped; programs, routes and sockets stay for the next agent";
  return EXIT_SUCCESS;
}

int Agent::LeaveNothing() {
  if (packets_ != nullptr) packets_->Follow(nullptr);
  liveness_.reset();  // first: its thread uses the packet path
  packets_.reset();
  const absl::Status detached = packet::PacketPath::Detach(options_.pin_folder());
  ::unlink(options_.last_good_file().c_str());
  ::unlink(options_.ticket_secret_file().c_str());
  if (detached.ok()) {
    LOG(INFO) << "removed: nothing of Sluice is in the kernel any more";
  } else {
    LOG(ERROR) << "removed, but something stays in the kernel: " << detached.message();
  }
  return detached.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}

absl::Status Agent::OpenFolders() {
  for (const std::string& folder : {options_.run_dir, options_.state_dir}) {
    if (absl::Status made = MakeFolder(folder); !made.ok()) return made;
  }
  absl::StatusOr<certs::SecretBytes> secret = KeepTicketSecret(options_.ticket_secret_file());
  if (secret.ok()) {
    proxy_.UseTicketSecret(*std::move(secret));
  } else {
    LOG(WARNING) << "TLS tickets end with this agent: " << secret.status().message();
  }
  return absl::OkStatus();
}

absl::Status Agent::OpenSignals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t watched;
  sigemptyset(&watched);
  for (int signal : {SIGTERM, SIGINT}) sigaddset(&watched, signal);
  ::signal(SIGHUP, SIG_IGN);  // files are watched; the launcher passes it to both
  if (::sigprocmask(SIG_BLOCK, &watched, nullptr) != 0)
    return absl::ErrnoToStatus(errno, "sigprocmask");
  signals_ = core::Fd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) return absl::ErrnoToStatus(errno, "signalfd");
  CHECK(loop_.AddLevel(signals_.get(), on_signal_));
  return absl::OkStatus();
}

void Agent::OnSignal() {
  signalfd_siginfo ignored;
  if (::read(signals_.get(), &ignored, sizeof ignored) < 0) return;
  if (stopping_ || let_go()) return loop_.Stop();
  stopping_ = true;
  source_->Stop([this](bool removed) {
    removed_ = removed;
    VipOwnership* ownership = liveness_ == nullptr ? nullptr : liveness_->ownership();
    if (ownership == nullptr) return loop_.Stop();
    ownership->Leave([this] { loop_.Stop(); });
  });
}

absl::Status Agent::TakeNode() {
  absl::StatusOr<core::Fd> lock = TakeLock(options_.lock_file());
  if (absl::IsAlreadyExists(lock.status()) && options_.take_over) return absl::OkStatus();
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  return OwnNode();
}

absl::Status Agent::OpenReadyDoor() {
  ready_ = std::make_unique<AdminServer>(
      loop_, absl::flat_hash_map<std::string, AdminServer::Request>{
                 {"ready", [this](const AdminServer::Respond& respond) {
                    const absl::Status ready = Ready();
                    respond(ready.ok() ? "ok\n" : absl::StrCat(ready.message(), "\n"));
                  }}});
  return ready_->Listen(options_.ready_socket());
}

// In a cluster the proxy is let in with the keys that all nodes share, or if they do not come soon.
absl::Status Agent::OpenProxyDoor() {
  if (!options_.cluster.given()) return proxy_.Listen(options_.proxy_socket());
  loop_.timers().Arm(door_, kKeysMs);
  return absl::OkStatus();
}

void Agent::OpenDoorNow() {
  door_.Cancel();
  if (std::exchange(door_open_, true)) return;
  if (absl::Status listening = proxy_.Listen(options_.proxy_socket()); !listening.ok()) {
    LOG(ERROR) << "no proxy can come: " << listening.message();
    std::exit(EXIT_FAILURE);
  }
}

absl::Status Agent::StartSource() {
  if (absl::Status started = source_->Start(); !started.ok()) return started;
  if (options_.cluster.given()) loop_.timers().Arm(last_good_, kRestoreAfterMs);
  return absl::OkStatus();
}

// ---- the configuration path --------------------------------------------------------------------

void Agent::Compile() {
  if (let_go() || !source_->complete()) return;
  const source::SourceState& state = source_->state();
  for (const gateway_api::Problem& problem : state.problems) LOG(WARNING) << ToString(problem);
  if (!state.health.ok())
    LOG(ERROR) << "the last good configuration serves on: " << state.health.message();
  const absl::Time begin = absl::Now();
  compile::CompileOptions options = source_->CompileOptions();
  options.now = begin;
  options.check_certificate = [this](const gateway_api::Secret& secret) {
    return certificates_.Check(secret);
  };
  compile::Compiled compiled = compiler_.Compile(*state.objects, options);
  ++compiles_;
  compile_seconds_ = absl::ToDoubleSeconds(absl::Now() - begin);
  for (const gateway_api::Problem& warning : compiled.warnings) LOG(WARNING) << ToString(warning);
  source_->OnCompiled(compiled);
  WatchValidity(compiled.valid_until);
  // Not before a proxy is there: it may hold the sockets of a former agent.
  if (!options_.packet_path && proxy_.connected()) OpenVipSockets(compiled.snapshot);
  certificates_.KeepOnly(compiled.certificates);
  publisher_.Publish(std::move(compiled), certificates_);
  if (publisher_.waiting() && !late_.armed()) loop_.timers().Arm(late_, kLateMs);
}

void Agent::RestoreLastGood() {
  absl::StatusOr<channel::Message> saved = publish::LoadLastGood(options_.last_good_file());
  if (absl::IsNotFound(saved.status())) return;
  const absl::Status restored = saved.ok() ? publisher_.Restore(saved->update()) : saved.status();
  if (saved.ok()) channel::WipeKeys(*saved);
  if (restored.ok()) {
    LOG(WARNING) << "the API server does not answer: serving what was served last";
  } else {
    LOG(ERROR) << "what was served last cannot be restored: " << restored.message();
  }
}

void Agent::SaveLastGood() {
  if (!options_.cluster.given() || !lock_.valid()) return;
  std::optional<channel::Message> complete = publisher_.Complete();
  if (!complete) return;
  const absl::Status saved = publish::SaveLastGood(options_.last_good_file(), complete->update());
  channel::WipeKeys(*complete);
  if (!saved.ok()) LOG(ERROR) << "a restart without the API server will have nothing: " << saved;
}

void Agent::WatchValidity(absl::Time until) {
  if (until == absl::InfiniteFuture()) return validity_.Cancel();
  const absl::Duration wait = std::clamp(until - absl::Now() + absl::Milliseconds(1),
                                         absl::Milliseconds(10), kLongestTimer);
  loop_.timers().Arm(validity_, static_cast<uint64_t>(absl::ToInt64Milliseconds(wait)));
}

void Agent::OnApplied(const publish::Publication& publication) {
  LOG(INFO) << "the proxy serves generation " << publication.generation;
  if (packets_ != nullptr) packets_->Apply(VipTableOf(publication.compiled.snapshot));
  if (options_.cluster.given() && !last_good_.armed()) loop_.timers().Arm(last_good_, kSaveAfterMs);
  if (!lock_.valid() && !let_go() && predecessor_ == nullptr) loop_.timers().Arm(ask_again_, 0);
}

void Agent::OnReport(const publish::Report& report) {
  if (!report.refused.empty()) {
    LOG(ERROR) << "the proxy refused generation " << report.latest << ", " << report.applied
               << " serves on: " << report.refused;
  }
  if (publisher_.waiting()) {
    if (!late_.armed()) loop_.timers().Arm(late_, kLateMs);
  } else {
    late_.Cancel();
  }
  if (let_go()) return;
  source_->OnReport(report);
  SayHowWeAre();
}

// ---- sockets -----------------------------------------------------------------------------------

absl::Status Agent::MakeSockets(int workers) {
  if (!options_.packet_path || packets_ == nullptr) return absl::OkStatus();  // OnSockets, OnHanded
  return sockets_.OpenForPacketPath(options_.workers > 0 ? options_.workers : workers);
}

void Agent::OnSockets() {
  if (!options_.packet_path) {
    if (publisher_.latest() != nullptr) OpenVipSockets(publisher_.latest()->compiled.snapshot);
    return;
  }
  if (packets_ == nullptr) return;  // another agent's, still
  if (absl::Status set = packets_->path().SetListeners(sockets_.ForPacketPath()); !set.ok()) {
    LOG(ERROR) << "giving the listening sockets to the packet path: " << set.message();
  }
}

void Agent::OpenVipSockets(const snapshot::Snapshot& snapshot) {
  const int workers = options_.workers > 0 ? options_.workers : std::max(1, proxy_.workers());
  const absl::StatusOr<bool> opened = sockets_.OpenForVips(snapshot, workers);
  if (!opened.ok()) LOG(ERROR) << opened.status().message();
  if (!opened.ok() || *opened) proxy_.SendSockets();
}

absl::Status Detach(const AgentOptions& options) {
  if (::access(options.run_dir.c_str(), F_OK) == 0) {
    const absl::StatusOr<core::Fd> lock = TakeLock(options.lock_file());
    if (!lock.ok()) return lock.status();
    return packet::PacketPath::Detach(options.pin_folder());
  }
  return packet::PacketPath::Detach(options.pin_folder());
}

absl::Status AskReady(const AgentOptions& options) {
  absl::StatusOr<core::Fd> socket = channel::ConnectUnix(options.ready_socket());
  if (!socket.ok()) return socket.status();
  constexpr std::string_view kRequest = "ready\n";
  if (::send(socket->get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0)
    return absl::ErrnoToStatus(errno, "asking the agent");
  pollfd wait{.fd = socket->get(), .events = POLLIN, .revents = 0};
  if (::poll(&wait, 1, kReadyWaitMs) <= 0)
    return absl::DeadlineExceededError("the agent does not answer");
  char answer[512];
  const ssize_t n = ::recv(socket->get(), answer, sizeof answer, 0);
  if (n <= 0) return absl::UnavailableError("the agent closed the connection");
  const std::string_view text(answer, static_cast<size_t>(n));
  return text == "ok\n" ? absl::OkStatus()
                        : absl::UnavailableError(text.substr(0, text.find('\n')));
}

}  // namespace sluice::agent
