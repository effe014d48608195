#include "control/agent/agent.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/signalfd.h>
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
#include "bpf/verdict_reasons.h"
#include "control/agent/state_files.h"
#include "control/agent/vips.h"
#include "control/compile/compile.h"
#include "control/view/document.h"
#include "dataplane/channel/unix_socket.h"
#include "dataplane/process/capabilities.h"

namespace sluice::agent {
namespace {

constexpr uint64_t kLateMs = 2000;
// A lone node must not go silent while its proxy or agent is started again.
constexpr absl::Duration kLoneNodeDeadline = absl::Seconds(60);
constexpr absl::Duration kLongestTimer = absl::Hours(1);

std::string AllocationsFile(const AgentOptions& options) {
  return options.state_dir + "/addresses";
}

view::Counters CountersOf(const std::array<uint64_t, VERDICT_COUNT>& by_reason) {
  static constexpr const char* kLabels[] = {
#define X(name, label, text) label,
      SLUICE_VERDICTS(X)
#undef X
  };
  view::Counters counters;
  for (int i = 0; i < VERDICT_COUNT; ++i) {
    const uint64_t packets = by_reason[static_cast<size_t>(i)];
    if (packets > 0) counters.push_back({kLabels[i], static_cast<int64_t>(packets)});
  }
  return counters;
}

absl::Status CheckInterfaces(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (::if_nametoindex(name.c_str()) == 0)
      return absl::NotFoundError(absl::StrCat("no such interface: ", name));
  }
  return absl::OkStatus();
}

}  // namespace

Agent::Agent(AgentOptions options)
    : options_(std::move(options)),
      on_signal_{[](void* self, uint32_t) { static_cast<Agent*>(self)->loop_.Stop(); }, this},
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
      admin_(loop_,
             {{"view",
               [this](const AdminServer::Respond& respond) { respond(view::ToJson(MakeView())); }},
              {"metrics",
               [this](AdminServer::Respond respond) { proxy_.AskStats(std::move(respond)); }}}),
      source_(loop_, {.folder = options_.manifests},
              [this](const source::SourceState&) { Compile(); }),
      late_([](void* self) { static_cast<Agent*>(self)->publisher_.ProxyIsLate(); }, this),
      validity_([](void* self) { static_cast<Agent*>(self)->Compile(); }, this) {}

Agent::~Agent() {
  liveness_.reset();  // its thread uses the packet path
  if (signals_.valid()) loop_.Remove(signals_.get(), on_signal_);
}

int Agent::Run() {
  for (const auto step : {&Agent::OpenState, &Agent::OpenSignals, &Agent::OpenPacketPath,
                          &Agent::OpenDoors, &Agent::StartSource, &Agent::StartLiveness}) {
    if (absl::Status done = (this->*step)(); !done.ok()) {
      LOG(ERROR) << "cannot start: " << done.message();
      return EXIT_FAILURE;
    }
  }
  LOG(INFO) << "started";
  loop_.Run();
  LOG(INFO) << "stopped; programs, routes and sockets stay for the next agent";
  return EXIT_SUCCESS;
}

absl::Status Agent::OpenState() {
  for (const std::string& folder : {options_.run_dir, options_.state_dir}) {
    if (absl::Status made = MakeFolder(folder); !made.ok()) return made;
  }
  absl::StatusOr<core::Fd> lock = TakeLock(options_.lock_file());
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  absl::StatusOr<compile::Allocations> allocations = ReadAllocations(AllocationsFile(options_));
  if (!allocations.ok()) return allocations.status();
  allocations_ = *std::move(allocations);
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
  statm_ = core::Fd(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  if (absl::Status listening = admin_.Listen(options_.admin_socket()); !listening.ok())
    return listening;
  if (absl::Status listening = proxy_.Listen(options_.proxy_socket()); !listening.ok())
    return listening;
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

absl::Status Agent::StartSource() { return source_.Start(); }

absl::Status Agent::StartLiveness() {
  LivenessOptions options{.socket = channel::PulsePath(options_.proxy_socket()),
                          .proxy_uid = options_.proxy_uid};
  options.renew = [path = packets_ == nullptr ? nullptr : &packets_->path()] {
    return path == nullptr ? absl::OkStatus() : path->RenewDeadline(kLoneNodeDeadline);
  };
  liveness_ = std::make_unique<Liveness>(std::move(options));
  return liveness_->Start();
}

void Agent::Compile() {
  const source::SourceState& state = source_.state();
  for (const gateway_api::Problem& problem : state.problems) LOG(WARNING) << ToString(problem);
  if (!state.health.ok())
    LOG(ERROR) << "the last good configuration serves on: " << state.health.message();
  const absl::Time begin = absl::Now();
  compile::CompileOptions options{.now = begin, .allocations = allocations_};
  options.check_certificate = [this](const gateway_api::Secret& secret) {
    return certificates_.Check(secret);
  };
  compile::Compiled compiled = compile::Compile(*state.objects, options);
  ++compiles_;
  compile_seconds_ = absl::ToDoubleSeconds(absl::Now() - begin);
  for (const gateway_api::Problem& warning : compiled.warnings) LOG(WARNING) << ToString(warning);
  if (compiled.allocations != allocations_) {
    allocations_ = compiled.allocations;
    if (absl::Status written = WriteAllocations(AllocationsFile(options_), allocations_);
        !written.ok()) {
      LOG(ERROR) << "addresses may move at the next start: " << written.message();
    }
  }
  WatchValidity(compiled.valid_until);
  // Not before a proxy is there: it may hold the sockets of a former agent.
  if (packets_ == nullptr && proxy_.connected()) OpenVipSockets(compiled.snapshot);
  certificates_.KeepOnly(compiled.certificates);
  publisher_.Publish(std::move(compiled), certificates_);
  if (publisher_.waiting() && !late_.armed()) loop_.timers().Arm(late_, kLateMs);
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
  WriteStatuses();
}

void Agent::WriteStatuses() {
  std::string text = compile::ToYaml(publisher_.report().statuses);
  if (text == statuses_) return;
  statuses_ = std::move(text);
  if (absl::Status written = ReplaceFile(options_.state_dir + "/statuses.yaml", statuses_);
      !written.ok()) {
    LOG(ERROR) << "statuses: " << written.message();
  }
}

absl::Status Agent::MakeSockets(int workers) {
  if (packets_ == nullptr) return absl::OkStatus();  // OnSockets makes them by VIP
  return sockets_.OpenForPacketPath(options_.workers > 0 ? options_.workers : workers);
}

void Agent::OnSockets() {
  if (packets_ == nullptr) {
    if (publisher_.latest() != nullptr) OpenVipSockets(publisher_.latest()->compiled.snapshot);
    return;
  }
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

view::View Agent::MakeView() {
  const publish::PublicationPtr latest = publisher_.latest();
  const source::SourceState& state = source_.state();
  view::View view = view::MakeView(
      *state.objects, latest == nullptr ? compile::Compiled() : latest->compiled, state.problems);
  view.statuses = publisher_.report().statuses;
  view.agent = MakeState();
  return view;
}

view::AgentState Agent::MakeState() {
  const publish::Report& report = publisher_.report();
  view::AgentState state;
  char node[256] = {};
  if (::gethostname(node, sizeof node - 1) == 0) state.node = node;
  state.generation = static_cast<int64_t>(report.latest);
  state.acknowledged = static_cast<int64_t>(report.applied);
  state.refused = report.refused;
  state.proxy_connected = report.proxy_connected;
  state.workers = sockets_.workers();
  state.source = std::string(source_.state().health.message());
  if (packets_ == nullptr) return state;
  for (const packet::DeviceStatus& device : packets_->path().devices()) {
    state.devices.push_back(
        {device.name, device.mode, device.announcing, device.carrier, device.note});
  }
  const absl::StatusOr<packet::Counters> counters = packets_->path().ReadCounters();
  for (const packet::Vip& vip : packets_->table()) {
    view::VipState& out = state.vips.emplace_back();
    out.address = vip.address.ToString();
    out.owned = vip.owned;
    if (!counters.ok()) continue;
    const auto found =
        std::ranges::find(counters->vips, vip.address, &packet::VipCounters::address);
    if (found != counters->vips.end()) out.counters = CountersOf(found->by_reason);
  }
  if (!counters.ok()) return state;
  state.counters = CountersOf(counters->by_reason);
  state.drift_repaired = static_cast<int64_t>(counters->drift_repaired);
  return state;
}

AgentFacts Agent::Facts() {
  const source::SourceState& state = source_.state();
  AgentFacts facts{.report = publisher_.report(),
                   .objects = state.objects->size(),
                   .problems = state.problems.size(),
                   .source_ok = state.health.ok(),
                   .compiles = compiles_,
                   .compile_seconds = compile_seconds_,
                   .statm = statm_.get()};
  if (publisher_.latest() != nullptr)
    facts.problems += publisher_.latest()->compiled.warnings.size();
  if (liveness_ != nullptr) {
    facts.liveness_answers = liveness_->answers();
    facts.liveness_failures = liveness_->renew_failures();
  }
  if (packets_ == nullptr) return facts;
  facts.foreign_claims = packets_->foreign_claims();
  if (absl::StatusOr<packet::Counters> counters = packets_->path().ReadCounters(); counters.ok()) {
    facts.packets = *std::move(counters);
  }
  return facts;
}

absl::Status Detach(const AgentOptions& options) {
  if (::access(options.run_dir.c_str(), F_OK) == 0) {
    const absl::StatusOr<core::Fd> lock = TakeLock(options.lock_file());
    if (!lock.ok()) return lock.status();
    return packet::PacketPath::Detach(options.pin_folder());
  }
  return packet::PacketPath::Detach(options.pin_folder());
}

}  // namespace sluice::agent
