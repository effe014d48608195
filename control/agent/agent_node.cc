// The node, of which there is one agent at a time: what the owner opens, the keys it shares with
// other nodes, and the change of hands in an upgrade.
#include <fcntl.h>
#include <net/if.h>

#include <cstdlib>
#include <utility>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "control/agent/agent.h"
#include "control/agent/known_nodes.h"
#include "control/agent/state_files.h"
#include "control/view/document.h"
#include "dataplane/channel/unix_socket.h"
#include "dataplane/process/capabilities.h"

namespace sluice::agent {
namespace {

constexpr uint64_t kAskAgainMs = 200;
constexpr uint32_t kDrainMs = 30'000;

absl::Status CheckInterfaces(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (::if_nametoindex(name.c_str()) == 0)
      return absl::NotFoundError(absl::StrCat("no such interface: ", name));
  }
  return absl::OkStatus();
}

}  // namespace

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
  proxy_.CloseDoor();  // one that is started again is for the next agent's sockets no more
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

}  // namespace sluice::agent
