#include "control/agent/agent.h"

#include <fcntl.h>
#include <net/if.h>
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
#include "control/agent/known_nodes.h"
#include "control/agent/state_files.h"
#include "control/agent/vips.h"
#include "control/compile/compile.h"
#include "control/publish/last_good.h"
#include "control/view/document.h"
#include "dataplane/channel/unix_socket.h"
#include "dataplane/process/capabilities.h"

namespace sluice::agent {
namespace {

constexpr uint64_t kLateMs = 2000;
constexpr uint64_t kAskAgainMs = 200;
constexpr uint64_t kSaveAfterMs = 1000;
constexpr uint64_t kRestoreAfterMs = 2000;
constexpr uint64_t kKeysMs = 2000;
constexpr uint32_t kDrainMs = 30'000;
constexpr int kReadyWaitMs = 2000;
constexpr absl::Duration kLongestTimer = absl::Hours(1);

absl::Status CheckInterfaces(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (::if_nametoindex(name.c_str()) == 0)
      return absl::NotFoundError(absl::StrCat("no such interface: ", name));
  }
  return absl::OkStatus();
}

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

void Agent::UseKeys(const status::SharedKeys& keys) {
  if (!keys.tickets.empty()) {
    const std::string_view secret = keys.tickets.front().Reveal();
    proxy_.UseTicketSecret(
        certs::SecretBytes({reinterpret_cast<const uint8_t*>(secret.data()), secret.size()}));
  }
  shared_keys_ = keys;
  JoinBySharedKeys();
  OpenDoorNow();
}

// A key file that was given has precedence.
void Agent::JoinBySharedKeys() {
  VipOwnership* ownership = liveness_ == nullptr ? nullptr : liveness_->ownership();
  if (ownership == nullptr || !shared_keys_ || !options_.heartbeat_key.empty()) return;
  absl::StatusOr<election::HeartbeatKeys> keys =
      election::HeartbeatKeys::Parse(shared_keys_->heartbeat.Reveal());
  if (keys.ok()) {
    ownership->SetKeys(*std::move(keys));
  } else {
    LOG(ERROR) << "the heartbeat keys: " << keys.status().message();
  }
}

absl::Status Agent::StartSource() {
  if (absl::Status started = source_->Start(); !started.ok()) return started;
  if (options_.cluster.given()) loop_.timers().Arm(last_good_, kRestoreAfterMs);
  return absl::OkStatus();
}

// ---- the node, and its change of hands ---------------------------------------------------------

absl::Status Agent::OwnNode() {
  for (const auto step : {&Agent::OpenPacketPath, &Agent::OpenDoors, &Agent::StartLiveness}) {
    if (absl::Status done = (this->*step)(); !done.ok()) return done;
  }
  return absl::OkStatus();
}

absl::Status Agent::OpenPacketPath() {
  if (options_.packet_path) {
    if (absl::Status exist = CheckInterfaces(options_.interfaces); !exist.ok()) return exist;
    auto path = packet::PacketPath::Open({.folder = options_.pin_folder(),
                                          .interfaces = options_.interfaces,
                                          .attach = options_.attach});
    if (!path.ok()) return path.status();
    packets_ = std::make_unique<PacketDriver>(loop_, *std::move(path));
  }
  // PERFMON was for loading programs.
  const process::CapabilityMask keep =
      packets_ == nullptr
          ? 0
          : process::MaskOf({process::Capability::kBpf, process::Capability::kNetAdmin});
  return process::KeepOnly(keep).status();
}

absl::Status Agent::OpenDoors() {
  admin_ = std::make_unique<AdminServer>(
      loop_,
      absl::flat_hash_map<std::string, AdminServer::Request>{
          {"view",
           [this](const AdminServer::Respond& respond) { respond(view::ToJson(MakeView())); }},
          {"metrics",
           [this](AdminServer::Respond respond) { proxy_.AskStats(std::move(respond)); }}});
  if (absl::Status listening = admin_->Listen(options_.admin_socket()); !listening.ok())
    return listening;
  successor_ = std::make_unique<HandoverServer>(
      loop_, HandoverServer::Events{
                 .let_go = [this] { LetGo(); },
                 .describe = [this](channel::Sockets& about,
                                    std::vector<int>& fds) { sockets_.Describe(about, fds); }});
  if (absl::Status listening = successor_->Listen(options_.handover_socket()); !listening.ok())
    return listening;
  return OpenMetrics();
}

absl::Status Agent::OpenMetrics() {
  statm_ = core::Fd(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  if (!options_.metrics) return absl::OkStatus();
  absl::StatusOr<core::Fd> socket = metrics::Listen(*options_.metrics);
  if (!socket.ok()) {  // VIPs go before figures
    LOG(ERROR) << "no metrics: " << socket.status().message();
    return absl::OkStatus();
  }
  absl::flat_hash_map<std::string, metrics::TextServer::Page> pages;
  pages["/metrics"] = [this](const metrics::TextServer::Respond& respond) {
    respond(MetricsText(Facts()));
  };
  pages["/healthz"] = [](const metrics::TextServer::Respond& respond) { respond("ok\n"); };
  metrics_ = std::make_unique<metrics::TextServer>(loop_, *std::move(socket), std::move(pages));
  return absl::OkStatus();
}

absl::Status Agent::StartLiveness() {
  LivenessOptions options{.socket = channel::PulsePath(options_.proxy_socket()),
                          .proxy_uid = options_.proxy_uid};
  if (packets_ != nullptr) {
    options.path = &packets_->path();
    options.ownership = {.node = options_.node,
                         .interfaces = options_.interfaces,
                         .known = ReadKnownNodes(options_.known_nodes_file()),
                         .on_news = packets_->NewsDoor()};
  }
  liveness_ = std::make_unique<Liveness>(std::move(options));
  if (absl::Status joined = JoinElection(); !joined.ok()) return joined;
  return liveness_->Start();
}

// Without a key this node is alone, and owns every VIP.
absl::Status Agent::JoinElection() {
  VipOwnership* ownership = liveness_->ownership();
  if (ownership == nullptr) return absl::OkStatus();
  if (!options_.heartbeat_key.empty()) {
    heartbeat_key_ = std::make_unique<HeartbeatKeyFile>(
        loop_, options_.heartbeat_key,
        [ownership](election::HeartbeatKeys keys) { ownership->SetKeys(std::move(keys)); });
    if (absl::Status read = heartbeat_key_->Start(); !read.ok()) return read;
  }
  JoinBySharedKeys();
  packets_->Follow(ownership);
  packets_->OnNews([this, ownership, written = std::vector<std::string>()]() mutable {
    SayHowWeAre();
    std::vector<std::string> known = ownership->Report().known;
    if (known == written) return;
    written = known;
    const absl::Status kept = WriteKnownNodes(options_.known_nodes_file(), known);
    if (!kept.ok()) LOG(ERROR) << "keeping the names of known nodes: " << kept.message();
  });
  return absl::OkStatus();
}

void Agent::AskForNode() {
  if (lock_.valid() || publisher_.report().applied == 0) return;  // OnApplied comes here again
  if (absl::StatusOr<core::Fd> lock = TakeLock(options_.lock_file()); lock.ok()) {
    lock_ = *std::move(lock);  // it is gone, without a hand-over
    return OnHanded(Handover::Sockets());
  }
  predecessor_ = std::make_unique<Handover>(
      loop_, [this](absl::StatusOr<Handover::Sockets> handed) { OnHanded(std::move(handed)); });
  if (absl::Status started = predecessor_->Start(options_.handover_socket()); !started.ok()) {
    predecessor_.reset();
    loop_.timers().Arm(ask_again_, kAskAgainMs);
  }
}

void Agent::OnHanded(absl::StatusOr<Handover::Sockets> handed) {
  predecessor_.reset();
  if (handed.ok() && !lock_.valid()) {
    absl::StatusOr<core::Fd> lock = TakeLock(options_.lock_file());
    if (lock.ok()) lock_ = *std::move(lock);
    if (!lock.ok()) handed = lock.status();
  }
  if (!handed.ok()) {
    LOG(WARNING) << "the node is not ours yet: " << handed.status().message();
    return loop_.timers().Arm(ask_again_, kAskAgainMs);
  }
  if (!handed->fds.empty()) {
    const absl::Status taken = sockets_.TakeBack(handed->message.sockets(), std::move(handed->fds));
    if (!taken.ok()) LOG(ERROR) << "the listening sockets of the former agent: " << taken.message();
  }
  if (absl::Status owned = OwnNode(); !owned.ok()) {
    LOG(ERROR) << "taking the node over: " << owned.message();
    std::exit(EXIT_FAILURE);  // started again, it finds the lock free
  }
  if (sockets_.empty()) {
    if (absl::Status made = MakeSockets(proxy_.workers()); !made.ok())
      LOG(ERROR) << "listening: " << made.message();
  }
  OnSockets();
  proxy_.SendSockets();
  if (publisher_.latest() != nullptr) OnApplied(*publisher_.latest());
  LOG(INFO) << "this agent owns the node now";
}

void Agent::LetGo() {
  for (core::Timer* timer : {&late_, &validity_, &ask_again_, &door_, &last_good_}) timer->Cancel();
  SaveLastGood();
  channel::Message drain;
  drain.mutable_drain()->set_timeout_ms(kDrainMs);
  proxy_.Send(drain);
  if (packets_ != nullptr) packets_->Follow(nullptr);
  heartbeat_key_.reset();
  // Another node has the VIPs until the next agent has settled; on a lone node they stay.
  if (liveness_ != nullptr && liveness_->ownership() != nullptr) {
    liveness_->ownership()->LeaveAndWait();
  }
  liveness_.reset();  // first: its thread uses the packet path
  packets_.reset();   // what is pinned stays
  source_->Stop([](bool) {});
  admin_.reset();
  metrics_.reset();
  lock_ = core::Fd();
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
