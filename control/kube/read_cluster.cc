#include "control/kube/read_cluster.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/kube/curl_client.h"
#include "control/kube/reflector.h"

namespace sluice::kube {
namespace {

// Nobody waits for roles or for CRDs at a terminal.
constexpr ReflectorTiming kAtOnce = {.certain = absl::ZeroDuration()};

class Reading {
 public:
  Reading(core::EventLoop& loop, Client& client, const ReadOptions& options)
      : options_(options),
        loop_(loop),
        source_(loop, client, {.node = "", .timing = kAtOnce},
                [this](const source::SourceState&) { told_ = true; }) {
    for (const Resource& resource : options.also) AddAlso(client, resource);
  }

  absl::StatusOr<ClusterContents> Run() {
    source_.Start();
    for (const auto& reflector : also_) reflector->Start();
    const absl::Time start = absl::Now();
    absl::Time spoken = start;  // when the server could be spoken to last
    while (!Done()) {
      loop_.RunOnce(20);
      const absl::Time now = absl::Now();
      const absl::Status health = Health();
      if (health.ok() || absl::IsPermissionDenied(health)) spoken = now;
      if (now - spoken >= options_.patience) return health;
      if (now - start >= options_.deadline) return TooSlow(health);
    }
    return Take();
  }

 private:
  void AddAlso(Client& client, const Resource& resource) {
    std::vector<std::string>& texts = contents_.also[resource.kind];
    ReflectorOptions reads{.versions = {resource},
                           .in_namespace = "",
                           .field_selector = "",
                           .timing = kAtOnce,
                           .random = [] { return 0.5; }};
    also_.push_back(std::make_unique<Reflector>(
        loop_.timers(), client, std::move(reads),
        ReflectorHandlers{
            .on_object = [&texts](const ObjectText& object,
                                  const Resource&) { texts.emplace_back(object.text); },
            .on_gone = [](const gateway_api::NamespacedName&) {},
            .on_state = [] {}}));
  }

  bool Done() const {
    return told_ && std::ranges::all_of(also_, [](const auto& each) { return each->answered(); });
  }

  absl::Status Health() const {
    if (!source_.state().health.ok()) return source_.state().health;
    for (const auto& each : also_) {
      if (!each->health().ok()) return each->health();
    }
    return absl::OkStatus();
  }

  absl::Status TooSlow(const absl::Status& health) const {
    return absl::DeadlineExceededError(absl::StrCat(
        "the API server did not give everything within ", absl::FormatDuration(options_.deadline),
        health.ok() ? "" : ": ", health.message()));
  }

  ClusterContents Take() {
    contents_.objects = source_.state().objects;
    contents_.problems = source_.state().problems;
    contents_.known = source_.known();
    contents_.bundle_version = source_.bundle_version();
    for (const auto& each : also_) {
      if (each->health().ok()) continue;
      contents_.problems.push_back(
          {.at = {}, .object = "", .path = "", .message = std::string(each->health().message())});
    }
    return std::move(contents_);
  }

  const ReadOptions& options_;
  core::EventLoop& loop_;
  ClusterContents contents_;
  ClusterSource source_;
  std::vector<std::unique_ptr<Reflector>> also_;
  bool told_ = false;
};

}  // namespace

absl::StatusOr<ClusterContents> ReadCluster(Config config, const ReadOptions& options) {
  core::EventLoop loop;
  CurlClient client(loop, std::move(config), {.user_agent = options.user_agent});
  return ReadCluster(loop, client, options);
}

absl::StatusOr<ClusterContents> ReadCluster(core::EventLoop& loop, Client& client,
                                            const ReadOptions& options) {
  return Reading(loop, client, options).Run();
}

}  // namespace sluice::kube
