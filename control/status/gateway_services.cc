#include "control/status/gateway_services.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/log/log.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "control/kube/resource.h"

namespace sluice::status {
namespace {

using gateway_api::NamespacedName;
using Json = nlohmann::json;

constexpr kube::Resource kServices = {"", "v1", "services", "Service", true};
constexpr char kGatewayName[] = "gateway.networking.k8s.io/gateway-name";
constexpr char kManagedBy[] = "app.kubernetes.io/managed-by";
constexpr char kUs[] = "sluice";
// Which labels and annotations came from the Gateway, so that they can go with it.
constexpr char kTaken[] = "sluice.edgeprime.io/from-gateway";
constexpr size_t kMaxLabel = 63;
constexpr size_t kHashDigits = 10;
constexpr size_t kParallel = 8;

std::string Hash(std::string_view text) {
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), digest.data());
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()})
      .substr(0, kHashDigits);
}

// `text` if it fits, else its beginning and a hash.
std::string Fitted(std::string_view text) {
  if (text.size() <= kMaxLabel) return std::string(text);
  std::string_view head = text.substr(0, kMaxLabel - 1 - kHashDigits);
  while (!head.empty() && !absl::ascii_isalnum(static_cast<unsigned char>(head.back()))) {
    head.remove_suffix(1);
  }
  return absl::StrCat(head, "-", Hash(text));
}

const Json& At(const Json& map, std::string_view key) {
  static const Json kNull;
  if (!map.is_object()) return kNull;
  auto found = map.find(key);
  return found == map.end() ? kNull : *found;
}

std::string TextAt(const Json& map, std::string_view key) {
  const Json& value = At(map, key);
  return value.is_string() ? value.get<std::string>() : "";
}

std::vector<std::string> KeysOf(const gateway_api::StringMap& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

// `current` with what came from the Gateway before taken away, and `wanted` put in.
Json MergeTexts(Json current, const Json& wanted, const std::set<std::string>& taken) {
  if (!current.is_object()) current = Json::object();
  for (const std::string& key : taken) current.erase(key);
  current.update(wanted);
  return current;
}

bool Contains(const gateway_api::StringMap& map, const Json& wanted) {
  return std::ranges::all_of(wanted.items(), [&](const auto& item) {
    auto found = map.find(item.key());
    return found != map.end() && item.value() == found->second;
  });
}

}  // namespace

std::string ServiceName(std::string_view gateway) {
  if (gateway.find('.') == gateway.npos) return Fitted(absl::StrCat("sluice-", gateway));
  // A dot would be lost, and with it the difference to another Gateway.
  std::string plain(gateway.substr(0, 40));
  std::ranges::replace(plain, '.', '-');
  return absl::StrCat("sluice-", absl::StripSuffix(plain, "-"), "-", Hash(gateway));
}

Json ServiceFor(const gateway_api::Gateway& gateway) {
  const gateway_api::Infrastructure taken =
      gateway.infrastructure.value_or(gateway_api::Infrastructure());
  Json labels = taken.labels, annotations = taken.annotations;
  if (labels.is_null()) labels = Json::object();
  if (annotations.is_null()) annotations = Json::object();
  labels[kGatewayName] = Fitted(gateway.meta.name);
  labels[kManagedBy] = kUs;
  annotations[kTaken] = absl::StrCat(absl::StrJoin(KeysOf(taken.labels), ","), ";",
                                     absl::StrJoin(KeysOf(taken.annotations), ","));
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata",
           {{"name", ServiceName(gateway.meta.name)},
            {"namespace", gateway.meta.namespace_},
            {"labels", labels},
            {"annotations", annotations},
            {"ownerReferences", Json::array({{{"apiVersion", "gateway.networking.k8s.io/v1"},
                                              {"kind", "Gateway"},
                                              {"name", gateway.meta.name},
                                              {"uid", gateway.meta.uid},
                                              {"controller", true},
                                              {"blockOwnerDeletion", false}}})}}},
          {"spec", {{"type", "ClusterIP"}, {"clusterIP", "None"}}}};
}

bool IsOurService(const Json& service, std::string_view gateway_uid) {
  const Json& metadata = At(service, "metadata");
  if (TextAt(At(metadata, "labels"), kManagedBy) != kUs) return false;
  const Json& owners = At(metadata, "ownerReferences");
  return owners.is_array() && std::ranges::any_of(owners, [&](const Json& owner) {
           return TextAt(owner, "kind") == "Gateway" && At(owner, "controller") == true &&
                  (gateway_uid.empty() || TextAt(owner, "uid") == gateway_uid);
         });
}

std::optional<Json> MergeService(const Json& current, const Json& wanted) {
  const std::vector<std::string> taken =
      absl::StrSplit(TextAt(At(At(current, "metadata"), "annotations"), kTaken), ';');
  auto keys = [&](size_t part) -> std::set<std::string> {
    if (part >= taken.size()) return {};
    return absl::StrSplit(taken[part], ',', absl::SkipEmpty());
  };
  Json merged = current;
  Json& metadata = merged["metadata"];
  const Json& want = wanted.at("metadata");
  metadata["labels"] = MergeTexts(At(metadata, "labels"), want.at("labels"), keys(0));
  metadata["annotations"] =
      MergeTexts(At(metadata, "annotations"), want.at("annotations"), keys(1));
  if (merged == current) return std::nullopt;
  return merged;
}

GatewayServices::GatewayServices(core::EventLoop& loop, kube::Client& client,
                                 GatewayServiceOptions options)
    : loop_(loop),
      client_(client),
      options_(std::move(options)),
      backoff_(absl::Milliseconds(200), absl::Seconds(30),
               [this] { return std::uniform_real_distribution<double>()(random_); }),
      retry_([](void* self) { static_cast<GatewayServices*>(self)->Go(); }, this) {}

void GatewayServices::Want(const std::set<NamespacedName>& gateways,
                           const gateway_api::ObjectSet& objects) {
  if (!options_.may_write()) return;
  std::map<Key, Json> wanted;
  for (const NamespacedName& name : gateways) {
    const auto* gateway = objects.Find<gateway_api::Gateway>(name);
    if (gateway == nullptr || gateway->meta.uid.empty()) continue;
    wanted[{name.namespace_, ServiceName(name.name)}] = ServiceFor(*gateway);
  }
  for (const auto& [key, service] : objects.All<gateway_api::Service>()) {
    auto by = service.meta.labels.find(kManagedBy);
    if (by == service.meta.labels.end() || by->second != kUs) continue;
    if (service.meta.labels.contains(kGatewayName)) wanted.try_emplace(key, nullptr);
  }
  std::erase_if(entries_, [&](const auto& item) {
    return item.second.call == nullptr && !wanted.contains(item.first);
  });
  for (auto& [key, service] : wanted) {
    Entry& entry = entries_[key];
    if (entry.wanted != service) {
      entry.wanted = std::move(service);
      entry.done = entry.seen = entry.blocked = false;
    }
    Look(key, entry, objects.Find<gateway_api::Service>(key));
  }
  Go();
}

// Did somebody change or remove what we wrote? (Annotations are not watched.)
void GatewayServices::Look(const Key&, Entry& entry, const gateway_api::Service* known) {
  if (!entry.done || entry.wanted.is_null()) return;
  if (known == nullptr) {
    if (std::exchange(entry.seen, false)) entry.done = entry.blocked = false;
    return;
  }
  const bool right = Contains(known->meta.labels, entry.wanted["metadata"]["labels"]);
  if (right) entry.seen = true;
  if (!right && entry.seen) entry.done = entry.seen = false;
}

void GatewayServices::Stop() {
  entries_.clear();
  under_way_ = 0;
  retry_.Cancel();
}

void GatewayServices::Go() {
  if (!options_.may_write() || retry_.armed()) return;
  for (auto& [key, entry] : entries_) {
    if (under_way_ == kParallel) return;
    if (!entry.done && entry.call == nullptr) Read(key, entry);
  }
}

void GatewayServices::Send(const Key&, Entry& entry, kube::Request request,
                           std::function<void(const kube::Response&)> on_done) {
  request.deadline = options_.deadline;
  ++under_way_;
  entry.call =
      client_.Send(std::move(request),
                   [this, &entry, on_done = std::move(on_done)](const kube::Response& response) {
                     const std::unique_ptr<kube::Call> ended = std::move(entry.call);
                     --under_way_;
                     on_done(response);
                     Go();
                   });
}

void GatewayServices::Read(const Key& key, Entry& entry) {
  Send(key, entry, {.path = kube::ObjectPath(kServices, key), .body = {}},
       [this, key](const kube::Response& response) { OnRead(key, response); });
}

void GatewayServices::OnRead(const Key& key, const kube::Response& response) {
  Entry& entry = entries_[key];
  if (response.transport.ok() && response.code == 404) {
    if (entry.wanted.is_null()) {
      entry.done = true;
      return;
    }
    return Create(key, entry);
  }
  const Json current = Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  if (!response.ok() || !current.is_object()) return Fail(key, response);
  if (entry.wanted.is_null()) return Remove(key, entry, current);
  Update(key, entry, current);
}

void GatewayServices::Create(const Key& key, Entry& entry) {
  Send(key, entry,
       {.method = kube::Method::kPost,
        .path = kube::CollectionPath(kServices, key.namespace_),
        .body = entry.wanted.dump()},
       [this, key, wanted = entry.wanted](const kube::Response& r) { OnWritten(key, wanted, r); });
}

void GatewayServices::Update(const Key& key, Entry& entry, const Json& current) {
  const Json& metadata = entry.wanted["metadata"];
  if (!IsOurService(current, TextAt(metadata["ownerReferences"][0], "uid"))) {
    entry.done = true;
    if (std::exchange(entry.blocked, true)) return;
    LOG(WARNING) << "Gateway " << key.namespace_ << "/"
                 << TextAt(metadata["ownerReferences"][0], "name")
                 << " gets no Service: " << ToString(key) << " is there, and not made for it by us";
    return;
  }
  const std::optional<Json> merged = MergeService(current, entry.wanted);
  if (!merged) {
    entry.done = true;
    return;
  }
  Send(key, entry,
       {.method = kube::Method::kPut,
        .path = kube::ObjectPath(kServices, key),
        .body = merged->dump()},
       [this, key, wanted = entry.wanted](const kube::Response& r) { OnWritten(key, wanted, r); });
}

void GatewayServices::Remove(const Key& key, Entry& entry, const Json& current) {
  if (!IsOurService(current, "")) {
    entry.done = true;
    return;
  }
  const Json body = {{"apiVersion", "v1"},
                     {"kind", "DeleteOptions"},
                     {"preconditions", {{"uid", TextAt(current["metadata"], "uid")}}}};
  Send(key, entry,
       {.method = kube::Method::kDelete,
        .path = kube::ObjectPath(kServices, key),
        .body = body.dump()},
       [this, key](const kube::Response& response) { OnWritten(key, nullptr, response); });
}

void GatewayServices::OnWritten(const Key& key, const Json& wanted,
                                const kube::Response& response) {
  if (!response.ok()) return Fail(key, response);
  failing_ = false;
  backoff_.Reset();
  Entry& entry = entries_[key];
  entry.done = entry.wanted == wanted;
}

void GatewayServices::Fail(const Key& key, const kube::Response& response) {
  const bool raced = response.transport.ok() && (response.code == 409 || response.code == 404);
  if (!raced && !std::exchange(failing_, true)) {
    LOG(WARNING) << "Service " << ToString(key)
                 << " cannot be written, which is tried again: " << response.ToStatus().message();
  }
  if (retry_.armed()) return;
  const absl::Duration wait = response.retry_after.value_or(backoff_.Next());
  loop_.timers().Arm(retry_, static_cast<uint64_t>(absl::ToInt64Milliseconds(wait)));
}

}  // namespace sluice::status
