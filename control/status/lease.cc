#include "control/status/lease.h"

#include <algorithm>
#include <utility>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "control/kube/resource.h"

namespace sluice::status {
namespace {

using Json = nlohmann::json;

constexpr kube::Resource kLeases = {"coordination.k8s.io", "v1", "leases", "Lease", true};
constexpr int kStepsPerRound = 4;  // read, update, and once more after a conflict
constexpr absl::Duration kReleaseDeadline = absl::Seconds(1);

std::string MicroTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

absl::Time TimeAt(const Json& map, const char* key) {
  absl::Time time = absl::UnixEpoch();
  auto found = map.find(key);
  if (found == map.end() || !found->is_string()) return time;
  if (!absl::ParseTime(absl::RFC3339_full, found->get<std::string>(), &time, nullptr)) {
    return absl::UnixEpoch();
  }
  return time;
}

int64_t NumberAt(const Json& map, const char* key) {
  auto found = map.find(key);
  return found != map.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

}  // namespace

std::optional<LeaseRecord> ReadLease(const Json& lease) {
  if (!lease.is_object() || !lease.contains("metadata")) return std::nullopt;
  auto found = lease.find("spec");
  if (found == lease.end() || !found->is_object()) return LeaseRecord();  // free for all
  LeaseRecord record;
  if (auto holder = found->find("holderIdentity"); holder != found->end() && holder->is_string()) {
    record.holder = holder->get<std::string>();
  }
  record.duration = absl::Seconds(NumberAt(*found, "leaseDurationSeconds"));
  record.acquired = TimeAt(*found, "acquireTime");
  record.renewed = TimeAt(*found, "renewTime");
  record.transitions = static_cast<int>(NumberAt(*found, "leaseTransitions"));
  return record;
}

void PutLease(const LeaseRecord& record, Json& lease) {
  Json& spec = lease["spec"];
  if (!spec.is_object()) spec = Json::object();
  spec["holderIdentity"] = record.holder;
  spec["leaseDurationSeconds"] = std::max<int64_t>(1, absl::ToInt64Seconds(record.duration));
  spec["acquireTime"] = MicroTime(record.acquired);
  spec["renewTime"] = MicroTime(record.renewed);
  spec["leaseTransitions"] = record.transitions;
}

Lease::Lease(core::EventLoop& loop, kube::Client& client, LeaseOptions options,
             std::function<void(bool leads)> on_change)
    : loop_(loop),
      client_(client),
      options_(std::move(options)),
      on_change_(std::move(on_change)),
      state_(options_.identity, options_.times),
      timer_([](void* self) { static_cast<Lease*>(self)->Round(); }, this) {}

void Lease::Start() { Round(); }

// Also when the time to lead is over while a request hangs.
void Lease::Round() {
  TellChange();
  if (call_ != nullptr || loop_.now_ms() < next_round_ms_) return Wait();
  const auto jitter = std::uniform_real_distribution<double>(0.8, 1.0)(random_);
  next_round_ms_ = loop_.now_ms() +
                   static_cast<uint64_t>(absl::ToInt64Milliseconds(options_.times.retry * jitter));
  steps_ = 0;
  state_.Begin(loop_.now_ms());
  Step();
}

void Lease::Step() {
  const Leadership::Step step =
      steps_++ < kStepsPerRound ? state_.Next(loop_.now_ms()) : Leadership::Step::kWait;
  switch (step) {
    case Leadership::Step::kRead:
      Send({.path = kube::ObjectPath(kLeases, options_.name), .body = {}}, &Lease::OnRead);
      break;
    case Leadership::Step::kCreate:
    case Leadership::Step::kUpdate:
      Put(state_.Wanted(options_.wall_clock()), step == Leadership::Step::kCreate);
      break;
    case Leadership::Step::kWait:
      break;
  }
  Wait();
}

void Lease::Send(kube::Request request, void (Lease::*on_answer)(const kube::Response&)) {
  request.deadline =
      std::min({request.deadline, options_.times.retry * 2, options_.times.renew_deadline / 2});
  sent_ms_ = loop_.now_ms();
  call_ = client_.Send(std::move(request), [this, on_answer](const kube::Response& response) {
    std::unique_ptr<kube::Call> ended = std::move(call_);
    (this->*on_answer)(response);
  });
}

void Lease::Put(const LeaseRecord& record, bool create) {
  sent_ = record;
  if (create) {
    object_ = {
        {"apiVersion", kube::ApiVersion(kLeases)},
        {"kind", kLeases.kind},
        {"metadata", {{"name", options_.name.name}, {"namespace", options_.name.namespace_}}}};
  }
  Json body = object_;
  PutLease(record, body);
  Send({.method = create ? kube::Method::kPost : kube::Method::kPut,
        .path = create ? kube::CollectionPath(kLeases, options_.name.namespace_)
                       : kube::ObjectPath(kLeases, options_.name),
        .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)},
       &Lease::OnWritten);
}

void Lease::OnRead(const kube::Response& response) {
  if (response.transport.ok() && response.code == 404) {
    state_.Read(loop_.now_ms(), std::nullopt);
    return Step();
  }
  Json object = Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  std::optional<LeaseRecord> record = ReadLease(object);
  if (!response.ok() || !record) return Failed("reading", response);
  failing_ = false;
  object_ = std::move(object);
  state_.Read(loop_.now_ms(), *std::move(record));
  TellChange();
  Step();
}

void Lease::OnWritten(const kube::Response& response) {
  if (response.transport.ok() && (response.code == 409 || response.code == 404)) {
    state_.Refused();
    return Step();
  }
  Json object = Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  std::optional<LeaseRecord> record = ReadLease(object);
  if (!response.ok() || !record) {
    state_.Refused();  // it may have been written all the same
    return Failed("writing", response);
  }
  failing_ = false;
  object_ = std::move(object);
  state_.Written(sent_ms_, loop_.now_ms(), *std::move(record));
  TellChange();
  Wait();
}

void Lease::Failed(std::string_view doing, const kube::Response& response) {
  if (!std::exchange(failing_, true)) {
    LOG(WARNING) << doing << " the Lease " << ToString(options_.name)
                 << ", which is tried again: " << response.ToStatus().message();
  }
  Wait();
}

// Until the next round, or until it leads no more.
void Lease::Wait() {
  if (on_released_) return timer_.Cancel();
  uint64_t at = call_ == nullptr ? next_round_ms_ : UINT64_MAX;
  if (leads()) at = std::min(at, state_.leads_until_ms());
  if (at == UINT64_MAX) return timer_.Cancel();
  loop_.timers().Arm(timer_, at > loop_.now_ms() ? at - loop_.now_ms() : 0);
}

void Lease::TellChange() {
  if (leads() == told_) return;
  told_ = !told_;
  LOG(INFO) << (told_ ? "leads: writes statuses and hands out addresses" : "leads no more");
  on_change_(told_);
}

void Lease::Release(std::function<void()> done) {
  const bool led = leads();
  call_.reset();
  on_released_ = std::move(done);
  timer_.Cancel();
  LeaseRecord record = state_.Released(options_.wall_clock());
  state_.Resign();
  TellChange();
  if (!led) return std::exchange(on_released_, [] {})();
  Json body = object_;
  PutLease(record, body);
  kube::Request request{.method = kube::Method::kPut,
                        .path = kube::ObjectPath(kLeases, options_.name),
                        .body = body.dump(-1, ' ', false, Json::error_handler_t::replace),
                        .deadline = kReleaseDeadline};
  Send(std::move(request), &Lease::OnReleased);
}

void Lease::OnReleased(const kube::Response& response) {
  if (!response.ok()) {
    LOG(WARNING) << "giving up the Lease " << ToString(options_.name) << ": "
                 << response.ToStatus().message();
  }
  std::exchange(on_released_, [] {})();
}

}  // namespace sluice::status
