#include "control/kube/cluster_source.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include "absl/log/log.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "control/kube/json_scan.h"
#include "control/kube/kinds.h"
#include "control/kube/object_text.h"
#include "control/kube/precise_timer.h"
#include "gateway-api/parse.h"
#include "gateway-api/private_bytes.h"

namespace sluice::kube {
namespace {

using gateway_api::NamespacedName;
using gateway_api::Problem;
using gateway_api::StringMap;

constexpr char kBundleVersion[] = "gateway.networking.k8s.io/bundle-version";
constexpr char kGatewaysCrd[] = "gateways.gateway.networking.k8s.io";

// metadata.labels or metadata.annotations, as far as they have no escapes.
StringMap TextsAt(std::string_view metadata, std::string_view field) {
  StringMap texts;
  auto text = [&](std::string_view key, std::string_view value) {
    if (auto plain = PlainText(value)) texts.emplace(key, *plain);
  };
  const bool whole = ForEachField(metadata, [&](std::string_view key, std::string_view value) {
    if (key == field && !ForEachField(value, text)) texts.clear();
  });
  return whole ? texts : StringMap();
}

// The greater of two resourceVersions (KEP-5504: they may be compared as numbers).
const std::string& Newer(const std::string& a, const std::string& b) {
  uint64_t left = 0, right = 0;
  const bool numbers = absl::SimpleAtoi(a, &left) && absl::SimpleAtoi(b, &right);
  if (!numbers) return b.empty() ? a : b;
  return left > right ? a : b;
}

}  // namespace

struct ClusterSource::State {
  struct Feed {
    const Kind* kind = nullptr;  // null: a node or a CRD
    bool optional = false;       // the source is whole without it
    std::unique_ptr<Reflector> reflector;

    bool IsDenied() const { return absl::IsPermissionDenied(reflector->health()); }
  };
  using Key = std::pair<std::string_view, NamespacedName>;  // by kind and name

  State(core::EventLoop& event_loop, Client& api, ClusterSourceOptions options_in,
        std::function<void(const source::SourceState&)> on_change_in);

  void AddFeeds();
  void AddSecretFeeds(const Kind& kind);
  void AddFeed(const Kind& kind, std::string in_namespace, std::string field_selector);
  void AddNodeFeed();
  void AddBundleFeed();
  void Add(const Kind* kind, ReflectorOptions reads, ReflectorHandlers handlers);
  ReflectorOptions OptionsOf(std::vector<Resource> versions);

  void OnObject(const Kind& kind, const ObjectText& object, const Resource& resource);
  void Remember(const Kind& kind, const ObjectText& object);
  bool Report(const Key& key, std::vector<Problem> problems);
  void OnGone(const Kind& kind, const NamespacedName& name);
  void OnNode(const ObjectText& object);
  void OnBundle(const ObjectText& object);
  void OnFeedState(const Feed& feed);
  void Changed();
  void HandOn();
  absl::Status Health() const;
  bool SetHealth();
  bool Synced() const;
  void ReadVersions();

  core::EventLoop& loop;
  Client& client;
  ClusterSourceOptions options;
  std::function<void(const source::SourceState&)> on_change;

  std::mt19937_64 random{std::random_device{}()};
  std::vector<Feed> feeds;
  std::shared_ptr<gateway_api::ObjectSet> objects = std::make_shared<gateway_api::ObjectSet>();
  source::SourceState state{.objects = objects, .problems = {}, .health = {}};
  KnownObjects known;
  std::map<Key, std::vector<Problem>> problems;
  std::map<std::string, StringMap> nodes;
  std::string bundle_version;
  std::map<std::string, std::string> versions;

  PreciseTimer batch;
  bool waiting = false;  // a change that was not handed on yet
  uint64_t first_change_ns = 0;
  bool synced = false;
  int denied = 0;  // feeds that are
};

ClusterSource::State::State(core::EventLoop& event_loop, Client& api,
                            ClusterSourceOptions options_in,
                            std::function<void(const source::SourceState&)> on_change_in)
    : loop(event_loop),
      client(api),
      options(std::move(options_in)),
      on_change(std::move(on_change_in)),
      batch(event_loop, [this] { HandOn(); }) {}

// ---- what is read -------------------------------------------------------------------------------

void ClusterSource::State::AddFeeds() {
  for (const Kind& kind : ObjectKinds()) {
    if (kind.name() == gateway_api::Secret::kKind) {
      AddSecretFeeds(kind);
    } else {
      AddFeed(kind, "", "");
    }
  }
  AddBundleFeed();
  if (!options.node.empty()) AddNodeFeed();
}

// Other people's passwords are not asked for.
void ClusterSource::State::AddSecretFeeds(const Kind& kind) {
  const std::string certificates = absl::StrCat("type=", gateway_api::Secret::kTlsType);
  if (options.secret_namespaces.empty()) AddFeed(kind, "", certificates);
  for (const std::string& space : options.secret_namespaces) AddFeed(kind, space, certificates);
  for (const NamespacedName& secret : options.secrets) {
    AddFeed(kind, secret.namespace_, absl::StrCat("metadata.name=", secret.name));
  }
}

ReflectorOptions ClusterSource::State::OptionsOf(std::vector<Resource> versions) {
  return {.versions = std::move(versions),
          .in_namespace = "",
          .field_selector = "",
          .timing = options.timing,
          .random = [this] { return std::uniform_real_distribution<double>()(random); }};
}

void ClusterSource::State::AddFeed(const Kind& kind, std::string in_namespace,
                                   std::string field_selector) {
  ReflectorOptions reads = OptionsOf(kind.versions);
  reads.in_namespace = std::move(in_namespace);
  reads.field_selector = std::move(field_selector);
  reads.metadata_only = kind.metadata_only;
  Add(&kind, std::move(reads),
      {.on_object = [this, &kind](const ObjectText& object,
                                  const Resource& resource) { OnObject(kind, object, resource); },
       .on_gone = [this, &kind](const NamespacedName& name) { OnGone(kind, name); },
       .on_state = nullptr});
}

void ClusterSource::State::AddNodeFeed() {
  ReflectorOptions reads = OptionsOf({kNodes});
  reads.metadata_only = true;
  Add(nullptr, std::move(reads),
      {.on_object = [this](const ObjectText& object, const Resource&) { OnNode(object); },
       .on_gone =
           [this](const NamespacedName& name) {
             if (nodes.erase(name.name) > 0) Changed();
           },
       .on_state = nullptr});
}

void ClusterSource::State::AddBundleFeed() {
  ReflectorOptions reads = OptionsOf({kCustomResources});
  reads.field_selector = absl::StrCat("metadata.name=", kGatewaysCrd);
  reads.metadata_only = true;
  Add(nullptr, std::move(reads),
      {.on_object = [this](const ObjectText& object, const Resource&) { OnBundle(object); },
       .on_gone =
           [this](const NamespacedName&) {
             bundle_version.clear();
             Changed();
           },
       .on_state = nullptr});
  feeds.back().optional = true;
}

void ClusterSource::State::Add(const Kind* kind, ReflectorOptions reads,
                               ReflectorHandlers handlers) {
  handlers.on_state = [this, number = feeds.size()] { OnFeedState(feeds[number]); };
  feeds.push_back(
      {kind, false,
       std::make_unique<Reflector>(loop.timers(), client, std::move(reads), std::move(handlers))});
}

// ---- what has come ------------------------------------------------------------------------------

void ClusterSource::State::OnObject(const Kind& kind, const ObjectText& object,
                                    const Resource& resource) {
  if (kind.has_status) Remember(kind, object);
  std::string text = Trimmed(object, resource, kind.trimming);
  gateway_api::ParseResult parsed = gateway_api::ParseJson(text, "");
  gateway_api::WipeMemory(text.data(), text.size());
  if (!kind.ours_to_judge) {
    std::erase_if(parsed.problems, [](const Problem& problem) {
      return problem.severity == Problem::Severity::kWarning;
    });
  }
  // One that cannot be parsed leaves its last good value where it is.
  bool news = Report({kind.name(), object.name}, std::move(parsed.problems));
  for (gateway_api::Object& value : parsed.objects) {
    news = kind.put(*objects, std::move(value)) || news;
  }
  if (news) Changed();
}

void ClusterSource::State::Remember(const Kind& kind, const ObjectText& object) {
  Known& entry = known[kind.name()][object.name];
  entry.uid = object.uid;
  entry.resource_version = object.resource_version;
  entry.generation = object.generation;
  entry.status = object.status == "null" ? "" : object.status;
}

// False: nothing new.
bool ClusterSource::State::Report(const Key& key, std::vector<Problem> found) {
  auto before = problems.find(key);
  if (before == problems.end()) {
    if (found.empty()) return false;
    problems.emplace(key, std::move(found));
    return true;
  }
  if (before->second == found) return false;
  before->second = std::move(found);
  if (before->second.empty()) problems.erase(before);
  return true;
}

void ClusterSource::State::OnGone(const Kind& kind, const NamespacedName& name) {
  if (kind.has_status) known[kind.name()].erase(name);
  const bool reported = Report({kind.name(), name}, {});
  if (kind.erase(*objects, name) || reported) Changed();
}

void ClusterSource::State::OnNode(const ObjectText& object) {
  StringMap labels = TextsAt(object.metadata, "labels");
  auto [node, added] = nodes.try_emplace(object.name.name);
  if (!added && node->second == labels) return;
  node->second = std::move(labels);
  Changed();
}

// With the CRDs there or changed, kinds that were missing may have come.
void ClusterSource::State::OnBundle(const ObjectText& object) {
  const StringMap annotations = TextsAt(object.metadata, "annotations");
  const auto version = annotations.find(kBundleVersion);
  const std::string now = version == annotations.end() ? "" : version->second;
  if (now != bundle_version) {
    bundle_version = now;
    Changed();
  }
  for (const Feed& feed : feeds) {
    if (feed.reflector->missing()) feed.reflector->RetryNow();
  }
}

void ClusterSource::State::OnFeedState(const Feed& feed) {
  if (feed.reflector->health().ok()) {
    for (const Feed& other : feeds) other.reflector->RetryIfUnreachable();
  }
  const bool was_synced = std::exchange(synced, synced || Synced());
  const bool news = SetHealth();
  if (synced && (news || !was_synced)) Changed();
}

bool ClusterSource::State::Synced() const {
  return std::ranges::all_of(feeds, [](const Feed& feed) {
    return feed.reflector->answered() || (feed.optional && !feed.reflector->health().ok());
  });
}

// True if it is news: with the API server gone all feeds fail, one after the other.
bool ClusterSource::State::SetHealth() {
  absl::Status health = Health();
  const int now_denied = static_cast<int>(
      std::ranges::count_if(feeds, [](const Feed& feed) { return feed.IsDenied(); }));
  const bool news = health.ok() != state.health.ok();
  if (news && health.ok()) LOG(INFO) << "the API server can be read again";
  if (news && !health.ok())
    LOG(WARNING) << "some of the configuration may be old: " << health.message();
  state.health = std::move(health);
  return std::exchange(denied, now_denied) != now_denied || news;
}

// ---- handing on ---------------------------------------------------------------------------------

void ClusterSource::State::Changed() {
  if (!std::exchange(waiting, true)) first_change_ns = loop.now_ns();
  if (!synced) return;
  const absl::Duration waited =
      absl::Nanoseconds(static_cast<int64_t>(loop.now_ns() - first_change_ns));
  batch.Arm(std::min(options.quiet, options.longest - waited));
}

void ClusterSource::State::HandOn() {
  waiting = false;
  state.problems.clear();
  for (const auto& [key, found] : problems) {
    state.problems.insert(state.problems.end(), found.begin(), found.end());
  }
  for (const Feed& feed : feeds) {
    if (!feed.IsDenied() || feed.optional) continue;
    state.problems.push_back({.at = {},
                              .object = "",
                              .path = "",
                              .message = std::string(feed.reflector->health().message())});
  }
  on_change(state);
}

// What concerns all kinds, an API server that is gone, before what concerns one.
absl::Status ClusterSource::State::Health() const {
  absl::Status worst;
  for (const Feed& feed : feeds) {
    const absl::Status& health = feed.reflector->health();
    if (feed.optional || health.ok()) continue;
    if (worst.ok() || (absl::IsUnavailable(health) && !absl::IsUnavailable(worst))) worst = health;
  }
  return worst;
}

void ClusterSource::State::ReadVersions() {
  if (waiting || !synced) return;
  versions.clear();
  for (const Feed& feed : feeds) {
    const std::string& version = feed.reflector->resource_version();
    if (feed.kind == nullptr || version.empty()) continue;
    std::string& newest = versions[std::string(feed.kind->name())];
    newest = Newer(newest, version);
  }
}

ClusterSource::ClusterSource(core::EventLoop& loop, Client& client, ClusterSourceOptions options,
                             std::function<void(const source::SourceState&)> on_change)
    : state_(std::make_unique<State>(loop, client, std::move(options), std::move(on_change))) {}

ClusterSource::~ClusterSource() = default;

void ClusterSource::Start() {
  state_->AddFeeds();
  for (const State::Feed& feed : state_->feeds) feed.reflector->Start();
}

bool ClusterSource::synced() const { return state_->synced; }

const source::SourceState& ClusterSource::state() const { return state_->state; }

const Known* ClusterSource::Find(std::string_view kind, const NamespacedName& name) const {
  auto of_kind = state_->known.find(kind);
  if (of_kind == state_->known.end()) return nullptr;
  auto found = of_kind->second.find(name);
  return found == of_kind->second.end() ? nullptr : &found->second;
}

const KnownObjects& ClusterSource::known() const { return state_->known; }

const StringMap& ClusterSource::node_labels() const {
  static const StringMap kNone;
  auto found = state_->nodes.find(state_->options.node);
  return found == state_->nodes.end() ? kNone : found->second;
}

const std::map<std::string, StringMap>& ClusterSource::nodes() const { return state_->nodes; }

const std::string& ClusterSource::bundle_version() const { return state_->bundle_version; }

const std::map<std::string, std::string>& ClusterSource::versions() const {
  state_->ReadVersions();
  return state_->versions;
}

}  // namespace sluice::kube
