#include "control/status/merge.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "control/compile/status.h"
#include "gateway-api/metadata.h"

namespace sluice::status {
namespace {

using Types = std::span<const std::string_view>;

// Condition types that Gateway API gives to the one controller of an object.
constexpr std::array<std::string_view, 2> kClassTypes = {"Accepted", "SupportedVersion"};
constexpr std::array<std::string_view, 7> kGatewayTypes = {"Accepted",
                                                           "Programmed",
                                                           "Ready",
                                                           "Scheduled",
                                                           "ResolvedRefs",
                                                           "AttachedListenerSets",
                                                           "InsecureFrontendValidationMode"};
constexpr std::array<std::string_view, 7> kListenerTypes = {
    "Accepted",   "Conflicted", "Detached",    "OverlappingTLSConfig",
    "Programmed", "Ready",      "ResolvedRefs"};

// Limits of the CRDs, as of v1.6.
constexpr size_t kMaxConditions = 8;
constexpr size_t kMaxParents = 32;
constexpr size_t kMaxAncestors = 16;
constexpr size_t kMaxMessageBytes = 32768;

// Lists of parents and of ancestors differ in names alone.
struct ParentList {
  const char* field;
  const char* ref;
  size_t limit;
};
constexpr ParentList kParents = {"parents", "parentRef", kMaxParents};
constexpr ParentList kAncestors = {"ancestors", "ancestorRef", kMaxAncestors};

Json Parse(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json::object();
}

// A field of a map, or null.
const Json& At(const Json& map, std::string_view key) {
  static const Json kNull;
  if (!map.is_object()) return kNull;
  auto found = map.find(key);
  return found == map.end() ? kNull : *found;
}

// The items of a list field that are maps: what is none was not written through a CRD.
std::vector<Json> Items(const Json& map, std::string_view key) {
  std::vector<Json> items;
  const Json& list = At(map, key);
  if (!list.is_array()) return items;
  std::ranges::copy_if(list, std::back_inserter(items), &Json::is_object);
  return items;
}

std::string Text(const Json& map, std::string_view key) {
  const Json& value = At(map, key);
  return value.is_string() ? value.get<std::string>() : "";
}

int64_t Generation(const Json& condition) {
  const Json& value = At(condition, "observedGeneration");
  return value.is_number_integer() ? value.get<int64_t>() : 0;
}

// Cut between two characters.
void Shorten(std::string& text) {
  if (text.size() <= kMaxMessageBytes) return;
  size_t end = kMaxMessageBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
}

// ---- conditions ---------------------------------------------------------------------------------

const Json* FindBy(std::string_view key, const std::string& value, const std::vector<Json>& items) {
  auto found =
      std::ranges::find_if(items, [&](const Json& item) { return Text(item, key) == value; });
  return found == items.end() ? nullptr : &*found;
}

Json Dated(Json condition, const Json* before, absl::Time now) {
  if (At(condition, "message").is_string()) {
    Shorten(condition["message"].get_ref<std::string&>());
  }
  const bool kept = before != nullptr && Text(*before, "status") == Text(condition, "status") &&
                    !Text(*before, "lastTransitionTime").empty();
  condition["lastTransitionTime"] =
      kept ? Text(*before, "lastTransitionTime")
           : absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone());
  return condition;
}

// Ours take their old places, new ones come last.
Json MergeConditions(const std::vector<Json>& current, const std::vector<Json>& ours, Types types,
                     absl::Time now) {
  auto foreign = [&](const Json& condition) {
    return std::ranges::find(types, Text(condition, "type")) == types.end() &&
           FindBy("type", Text(condition, "type"), ours) == nullptr;
  };
  const auto others = static_cast<size_t>(std::ranges::count_if(current, foreign));
  const size_t room = kMaxConditions - std::min(others, kMaxConditions);
  const std::vector<Json> fitting(
      ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(std::min(room, ours.size())));
  Json merged = Json::array();
  for (const Json& condition : current) {
    if (foreign(condition)) {
      merged.push_back(condition);
    } else if (const Json* own = FindBy("type", Text(condition, "type"), fitting)) {
      merged.push_back(Dated(*own, &condition, now));
    }
  }
  for (const Json& own : fitting) {
    if (FindBy("type", Text(own, "type"), current) == nullptr) {
      merged.push_back(Dated(own, nullptr, now));
    }
  }
  return merged;
}

// Was something here written for a newer generation?
bool IsBehind(const std::vector<Json>& current, const std::vector<Json>& ours) {
  return std::ranges::any_of(ours, [&](const Json& own) {
    const Json* before = FindBy("type", Text(own, "type"), current);
    return before != nullptr && Generation(*before) > Generation(own);
  });
}

// ---- objects that have one controller -----------------------------------------------------------

Json MergeListeners(const std::vector<Json>& current, const std::vector<Json>& ours,
                    absl::Time now) {
  Json merged = Json::array();
  for (Json listener : ours) {
    const Json* before = FindBy("name", Text(listener, "name"), current);
    listener["conditions"] =
        MergeConditions(before == nullptr ? std::vector<Json>() : Items(*before, "conditions"),
                        Items(listener, "conditions"), kListenerTypes, now);
    merged.push_back(std::move(listener));
  }
  return merged;
}

Types TypesOf(std::string_view kind) {
  return kind == "GatewayClass" ? Types(kClassTypes) : Types(kGatewayTypes);
}

// The fields that are ours alone: absent if we say nothing.
std::span<const char* const> FieldsOf(std::string_view kind) {
  static constexpr const char* kClass[] = {"supportedFeatures"};
  static constexpr const char* kGateway[] = {"addresses", "attachedListenerSets"};
  if (kind == "GatewayClass") return kClass;
  if (kind == "Gateway") return kGateway;
  return {};
}

std::optional<Json> MergeOwned(std::string_view kind, const Json& current, const Json& ours,
                               absl::Time now) {
  const std::vector<Json> before = Items(current, "conditions"), own = Items(ours, "conditions");
  if (IsBehind(before, own)) return std::nullopt;
  Json merged = current;
  merged["conditions"] = MergeConditions(before, own, TypesOf(kind), now);
  for (const char* field : FieldsOf(kind)) {
    merged.erase(field);
    if (const Json& value = At(ours, field); !value.is_null()) merged[field] = value;
  }
  if (kind == "GatewayClass") return merged;
  merged["listeners"] = MergeListeners(Items(current, "listeners"), Items(ours, "listeners"), now);
  return merged;
}

// ---- objects that have many: routes and policies ------------------------------------------------

bool IsOurs(const Json& parent) {
  return Text(parent, "controllerName") == compile::kControllerName;
}

// A reference with the API's defaults filled in, to compare.
Json Full(Json ref) {
  if (!ref.is_object()) return ref;
  if (!ref.contains("group")) ref["group"] = gateway_api::kGatewayGroup;
  if (!ref.contains("kind")) ref["kind"] = "Gateway";
  return ref;
}

const Json* FindParent(const Json& ref, const char* key, const std::vector<Json>& parents) {
  const Json full = Full(ref);
  auto found = std::ranges::find_if(
      parents, [&](const Json& parent) { return Full(At(parent, key)) == full; });
  return found == parents.end() ? nullptr : &*found;
}

Json DatedParent(Json parent, const Json* before, absl::Time now) {
  Json conditions = Json::array();
  const std::vector<Json> known =
      before == nullptr ? std::vector<Json>() : Items(*before, "conditions");
  for (Json& condition : Items(parent, "conditions")) {
    if (conditions.size() == kMaxConditions) break;
    const Json* old = FindBy("type", Text(condition, "type"), known);
    conditions.push_back(Dated(std::move(condition), old, now));
  }
  parent["conditions"] = std::move(conditions);
  return parent;
}

bool AnyBehind(const std::vector<Json>& current, const std::vector<Json>& ours, const char* ref) {
  return std::ranges::any_of(ours, [&](const Json& own) {
    const Json* before = FindParent(At(own, ref), ref, current);
    return before != nullptr && IsBehind(Items(*before, "conditions"), Items(own, "conditions"));
  });
}

std::optional<Json> MergeParents(const ParentList& list, const Json& current, const Json& ours,
                                 absl::Time now) {
  const std::vector<Json> all = Items(current, list.field), wanted = Items(ours, list.field);
  std::vector<Json> before;
  std::ranges::copy_if(all, std::back_inserter(before), IsOurs);
  if (AnyBehind(before, wanted, list.ref)) return std::nullopt;

  const size_t others = all.size() - before.size();
  const size_t room = list.limit - std::min(others, list.limit);
  const std::vector<Json> fitting(
      wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(std::min(room, wanted.size())));
  Json parents = Json::array();
  std::vector<const Json*> placed;
  for (const Json& parent : all) {
    if (!IsOurs(parent)) {
      parents.push_back(parent);
      continue;
    }
    const Json* own = FindParent(At(parent, list.ref), list.ref, fitting);
    if (own == nullptr || std::ranges::find(placed, own) != placed.end()) continue;
    placed.push_back(own);
    parents.push_back(DatedParent(*own, &parent, now));
  }
  for (const Json& own : fitting) {
    if (std::ranges::find(placed, &own) == placed.end()) {
      parents.push_back(DatedParent(own, nullptr, now));
    }
  }
  Json merged = current;
  merged[list.field] = std::move(parents);
  return merged;
}

// ---- what waits ---------------------------------------------------------------------------------

// Without what nobody waits for.
Json Essence(Json value) {
  if (value.is_object()) {
    for (const char* field : {"attachedRoutes", "message", "lastTransitionTime"})
      value.erase(field);
  }
  if (value.is_structured()) {
    for (Json& item : value) item = Essence(std::move(item));
  }
  return value;
}

}  // namespace

std::optional<Json> MergeStatus(std::string_view kind, std::string_view current, const Json& ours,
                                absl::Time now) {
  const Json before = Parse(current);
  const bool policy = kind == "BackendTLSPolicy";
  std::optional<Json> merged;
  if (policy || kind.ends_with("Route")) {
    const ParentList& list = policy ? kAncestors : kParents;
    // A status that we never touched gets no empty list from us.
    if (ours.is_null() && std::ranges::none_of(Items(before, list.field), IsOurs)) return {};
    merged = MergeParents(list, before, ours, now);
  } else if (!ours.is_null()) {
    merged = MergeOwned(kind, before, ours, now);
  }
  if (!merged || *merged == before) return std::nullopt;
  return merged;
}

Json StatusPatch(std::string_view current, const Json& merged) {
  const Json before = Parse(current);
  Json patch = Json::object();
  for (const auto& [key, value] : before.items()) {
    if (!merged.contains(key)) patch[key] = nullptr;
  }
  for (const auto& [key, value] : merged.items()) {
    if (At(before, key) != value) patch[key] = value;
  }
  return patch;
}

bool IsUrgent(std::string_view current, const Json& merged) {
  return Essence(Parse(current)) != Essence(merged);
}

}  // namespace sluice::status
