#include "control/status/status_writer.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "control/kube/kinds.h"
#include "control/kube/resource.h"
#include "control/view/document.h"

namespace sluice::status {
namespace {

using compile::ObjectKey;
using gateway_api::NamespacedName;

// Each may cost a merge of large lists; more wait for the next turn of the loop.
constexpr int kLooksPerTurn = 64;
constexpr uint64_t kDeniedMs = 15'000;

int RankOf(std::string_view kind) {
  static constexpr std::array<std::string_view, 4> kFirst = {"GatewayClass", "Gateway",
                                                             "ListenerSet", "BackendTLSPolicy"};
  return static_cast<int>(std::ranges::find(kFirst, kind) - kFirst.begin());
}

const kube::Kind* KindOf(std::string_view name) {
  const std::span<const kube::Kind> kinds = kube::ObjectKinds();
  auto found = std::ranges::find(kinds, name, &kube::Kind::name);
  return found == kinds.end() ? nullptr : &*found;
}

std::string Describe(const ObjectKey& key) {
  return absl::StrCat(key.kind, " ", ToString(key.name));
}

// Makes `held` equal to `next` and tells which keys differed.
template <typename Key, typename Status, typename F>
void Take(std::map<Key, Status>& held, const std::map<Key, Status>& next, F&& changed) {
  auto at = held.begin();
  auto drop = [&] {
    changed(at->first);
    at = held.erase(at);
  };
  for (const auto& [key, status] : next) {
    while (at != held.end() && at->first < key) drop();
    if (at == held.end() || key < at->first) {
      at = held.emplace_hint(at, key, status);
      changed(key);
    } else if (!(at->second == status)) {
      at->second = status;
      changed(key);
    }
    ++at;
  }
  while (at != held.end()) drop();
}

// The answer 404 of a server that does not serve the path at all is no object.
bool IsStatusObject(std::string_view body) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("details");
}

// Nobody else can do anything about it but who changes object or status.
bool IsFinal(const kube::Response& response) {
  return response.transport.ok() && response.code >= 400 && response.code < 500 &&
         response.code != 408 && response.code != 429;
}

bool IsDenied(const kube::Response& response) {
  return response.transport.ok() && (response.code == 401 || response.code == 403);
}

}  // namespace

StatusWriter::StatusWriter(core::EventLoop& loop, kube::Client& client, StatusWriterOptions options)
    : loop_(loop),
      client_(client),
      options_(std::move(options)),
      backoff_(absl::Milliseconds(100), absl::Seconds(10),
               [this] { return std::uniform_real_distribution<double>()(random_); }),
      timer_([](void* self) { static_cast<StatusWriter*>(self)->OnTimer(); }, this),
      more_([](void* self) { static_cast<StatusWriter*>(self)->Pump(); }, this) {}

void StatusWriter::Want(const compile::Statuses& statuses) {
  auto named = [this](const char* kind) {
    return [this, kind](const NamespacedName& name) { Changed({kind, name}); };
  };
  Take(wanted_.gateway_classes, statuses.gateway_classes, named("GatewayClass"));
  Take(wanted_.gateways, statuses.gateways, named("Gateway"));
  Take(wanted_.listener_sets, statuses.listener_sets, named("ListenerSet"));
  Take(wanted_.backend_tls_policies, statuses.backend_tls_policies, named("BackendTLSPolicy"));
  Take(wanted_.routes, statuses.routes, [this](const ObjectKey& key) { Changed(key); });
  Pump();
}

void StatusWriter::Review(const gateway_api::ObjectSet& objects, const Versions& covered) {
  if (!options_.may_write()) return;
  for (const auto& [name, status] : wanted_.gateway_classes) {
    ReviewObject({"GatewayClass", name}, true, covered);
  }
  for (const auto& [name, status] : wanted_.gateways) {
    ReviewObject({"Gateway", name}, true, covered);
  }
  for (const auto& [name, status] : wanted_.listener_sets) {
    ReviewObject({"ListenerSet", name}, true, covered);
  }
  auto each = [&](const auto& map, auto&& wanted) {
    for (const auto& [name, object] : map) {
      const ObjectKey key{object.kKind, name};
      ReviewObject(key, wanted(key), covered);
    }
  };
  auto route = [this](const ObjectKey& key) { return wanted_.routes.contains(key); };
  each(objects.All<gateway_api::BackendTlsPolicy>(),
       [this](const ObjectKey& key) { return wanted_.backend_tls_policies.contains(key.name); });
  each(objects.All<gateway_api::HttpRoute>(), route);
  each(objects.All<gateway_api::GrpcRoute>(), route);
  each(objects.All<gateway_api::TlsRoute>(), route);
  each(objects.All<gateway_api::TcpRoute>(), route);
  each(objects.All<gateway_api::UdpRoute>(), route);
  std::erase_if(entries_, [this](const auto& item) {
    const Entry& entry = item.second;
    const bool idle = entry.call == nullptr && entry.ready == 0 && entry.later == 0;
    return idle && options_.known(entry.key.kind, entry.key.name) == nullptr;
  });
  Pump();
}

void StatusWriter::ReviewObject(const ObjectKey& key, bool wanted, const Versions& covered) {
  const kube::Known* known = options_.known(key.kind, key.name);
  if (known == nullptr) return;
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    if (!wanted) {
      auto version = covered.find(key.kind);
      if (version == covered.end() || IsNewer(known->resource_version, version->second)) return;
      if (known->status.find(compile::kControllerName) == std::string::npos) return;
    }
    return Changed(key);
  }
  Entry& entry = found->second;
  const kube::Known* latest = Look(entry);
  if (latest != nullptr && latest->resource_version != entry.settled) Changed(key);
}

void StatusWriter::Stop() {
  timer_.Cancel();
  more_.Unlink();
  ready_.clear();
  later_.clear();
  entries_.clear();  // cancels their calls
  under_way_ = 0;
}

// ---- what is to be looked at --------------------------------------------------------------------

void StatusWriter::Changed(const ObjectKey& key) {
  if (!options_.may_write()) return;  // Review comes when it may
  Entry& entry = entries_[key];
  entry.key = key;
  if (entry.call != nullptr) {
    entry.again = true;
  } else {
    Queue(entry);
  }
}

void StatusWriter::Queue(Entry& entry) {
  if (entry.ready != 0) return;
  Unqueue(entry);
  entry.ready = ++sequence_;
  ready_[{RankOf(entry.key.kind), entry.ready}] = &entry;
}

void StatusWriter::Delay(Entry& entry, uint64_t wait_ms) {
  Unqueue(entry);
  entry.later = ++sequence_;
  entry.later_ms = loop_.now_ms() + wait_ms;
  later_[{entry.later_ms, entry.later}] = &entry;
}

void StatusWriter::Unqueue(Entry& entry) {
  ready_.erase({RankOf(entry.key.kind), std::exchange(entry.ready, 0)});
  later_.erase({entry.later_ms, std::exchange(entry.later, 0)});
}

void StatusWriter::OnTimer() {
  while (!later_.empty() && std::get<0>(later_.begin()->first) <= loop_.now_ms()) {
    Queue(*later_.begin()->second);
  }
  Pump();
}

void StatusWriter::ArmTimer() {
  uint64_t at = later_.empty() ? UINT64_MAX : std::get<0>(later_.begin()->first);
  if (!ready_.empty() && paused_until_ms_ > loop_.now_ms()) at = std::min(at, paused_until_ms_);
  if (at == UINT64_MAX) return timer_.Cancel();
  loop_.timers().Arm(timer_, at > loop_.now_ms() ? at - loop_.now_ms() : 0);
}

void StatusWriter::Pump() {
  for (int looks = 0; !ready_.empty() && under_way_ < options_.parallel; ++looks) {
    if (paused_until_ms_ > loop_.now_ms() || !options_.may_write()) break;
    if (looks == kLooksPerTurn) {
      loop_.Defer(more_);
      break;
    }
    Consider(*ready_.begin()->second);
  }
  ArmTimer();
}

const kube::Known* StatusWriter::Look(Entry& entry) {
  return entry.latest.Pick(options_.known(entry.key.kind, entry.key.name));
}

Json StatusWriter::Wanted(const ObjectKey& key) const {
  return view::StatusDocument(wanted_, key.kind, key.name);
}

void StatusWriter::Consider(Entry& entry) {
  Unqueue(entry);
  const kube::Known* latest = Look(entry);
  if (latest == nullptr) return;  // Review forgets it
  const std::optional<Json> merged =
      MergeStatus(entry.key.kind, latest->status, Wanted(entry.key), options_.wall_clock());
  if (!merged) {
    entry.settled = latest->resource_version;
    return;
  }
  const uint64_t wait = entry.pace.WaitMs(loop_.now_ms(), IsUrgent(latest->status, *merged));
  if (wait > 0) return Delay(entry, wait);
  Write(entry, *latest, StatusPatch(latest->status, *merged));
}

// ---- requests -----------------------------------------------------------------------------------

std::string StatusWriter::PathOf(const ObjectKey& key, std::string_view subresource) const {
  const kube::Kind* kind = KindOf(key.kind);
  auto chosen = version_of_.find(key.kind);
  const size_t version = chosen == version_of_.end() ? 0 : chosen->second;
  return kube::ObjectPath(kind->versions[version], key.name, subresource);
}

void StatusWriter::Write(Entry& entry, const kube::Known& base, const Json& patch) {
  const Json body = {{"metadata", {{"resourceVersion", base.resource_version}}}, {"status", patch}};
  kube::Request request{
      .method = kube::Method::kMergePatch,
      .path = PathOf(entry.key, "status"),
      .body = body.dump(-1, ' ', false, Json::error_handler_t::replace),
      .deadline = options_.deadline,
  };
  ++under_way_;
  entry.pace.Wrote(loop_.now_ms());
  entry.call =
      client_.Send(std::move(request),
                   [this, &entry, version = base.resource_version](const kube::Response& response) {
                     OnWritten(entry, version, response);
                   });
}

void StatusWriter::OnWritten(Entry& entry, const std::string& base,
                             const kube::Response& response) {
  if (response.transport.ok() && response.code == 404) return OnMissing(entry, base, response);
  if (response.transport.ok() && response.code == 409) {
    ++counters_.conflicts;
    return Read(entry, base);
  }
  if (!response.ok()) {
    if (IsFinal(response)) entry.settled = base;
    return OnFailure(entry, response);
  }
  ++counters_.writes;
  backoff_.Reset();
  told_.erase(entry.key.kind);
  if (std::optional<kube::Known> answer = ReadKnown(response.body)) {
    // Even if the server has left out fields that its CRDs do not know: it takes no more.
    entry.settled = answer->resource_version;
    entry.latest.Answered(base, *std::move(answer));
  }
  Finish(entry);
}

void StatusWriter::Read(Entry& entry, const std::string& base) {
  kube::Request request{.path = PathOf(entry.key, ""), .body = {}, .deadline = options_.deadline};
  entry.call = client_.Send(
      std::move(request),
      [this, &entry, base](const kube::Response& response) { OnRead(entry, base, response); });
}

void StatusWriter::OnRead(Entry& entry, const std::string& base, const kube::Response& response) {
  if (response.transport.ok() && response.code == 404) return OnMissing(entry, base, response);
  std::optional<kube::Known> fresh;
  if (response.ok()) fresh = ReadKnown(response.body);
  if (!fresh) return OnFailure(entry, response);
  entry.latest.Answered(base, *std::move(fresh));
  entry.again = true;
  Finish(entry);
}

void StatusWriter::OnMissing(Entry& entry, const std::string& base,
                             const kube::Response& response) {
  const kube::Kind* kind = KindOf(entry.key.kind);
  if (IsStatusObject(response.body)) {
    entry.latest.Gone(base);
  } else if (size_t& version = version_of_[entry.key.kind]; version + 1 < kind->versions.size()) {
    ++version;
    entry.again = true;
  } else {
    version = 0;
    entry.settled = base;
    Tell(entry, response.ToStatus());
  }
  Finish(entry);
}

void StatusWriter::OnFailure(Entry& entry, const kube::Response& response) {
  ++counters_.failures;
  Tell(entry, response.ToStatus());
  if (IsDenied(response)) {
    entry.settled.clear();
    entry.again = false;
    entry.call.reset();
    --under_way_;
    Delay(entry, kDeniedMs);
    return Pump();
  }
  if (!IsFinal(response)) {
    Pause(response);
    entry.again = true;
  }
  Finish(entry);
}

// Many fail together: the first decides.
void StatusWriter::Pause(const kube::Response& response) {
  if (paused_until_ms_ > loop_.now_ms()) return;
  const absl::Duration wait = response.retry_after.value_or(backoff_.Next());
  paused_until_ms_ =
      loop_.now_ms() + static_cast<uint64_t>(std::max<int64_t>(1, absl::ToInt64Milliseconds(wait)));
}

void StatusWriter::Finish(Entry& entry) {
  std::unique_ptr<kube::Call> ended = std::move(entry.call);
  --under_way_;
  if (std::exchange(entry.again, false)) Queue(entry);
  Pump();
}

// Once for each kind and code, until it works again.
void StatusWriter::Tell(const Entry& entry, const absl::Status& status) {
  const int code = status.raw_code();
  if (auto [told, first] = told_.try_emplace(entry.key.kind, code); !first) {
    if (std::exchange(told->second, code) == code) return;
  }
  LOG(WARNING) << "the status of " << Describe(entry.key)
               << " cannot be written: " << status.message();
}

}  // namespace sluice::status
