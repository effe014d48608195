#include "control/kube/object_text.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "control/kube/json_scan.h"

namespace sluice::kube {
namespace {

constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

// A map of which some fields are left out and others are written in another way.
class MapText {
 public:
  void Add(std::string_view key, std::string_view value) {
    absl::StrAppend(&text_, text_.empty() ? "{\"" : ",\"", key, "\":", value);
  }
  std::string Finish() && { return text_.empty() ? "{}" : std::move(text_) + "}"; }

 private:
  std::string text_;
};

// REQUIRES: `map` has been walked over before, so it is well-formed as far as this looks.
template <typename Keep>
std::string Filtered(std::string_view map, Keep keep) {
  MapText result;
  const bool whole = ForEachField(map, [&](std::string_view key, std::string_view value) {
    if (keep(key)) result.Add(key, value);
  });
  return whole ? std::move(result).Finish() : std::string(map);
}

std::string TrimmedMetadata(std::string_view metadata, const Trimming& trimming) {
  MapText result;
  const bool whole = ForEachField(metadata, [&](std::string_view key, std::string_view value) {
    if (key == "managedFields" || key == "ownerReferences") return;
    if (key != "annotations") return result.Add(key, value);
    if (!trimming.annotations) return;
    result.Add(key, Filtered(value, [](std::string_view name) { return name != kLastApplied; }));
  });
  return whole ? std::move(result).Finish() : std::string(metadata);
}

bool ReadMetadata(ObjectText& object) {
  bool plain = true;
  auto text = [&](std::string_view value) {
    const std::optional<std::string_view> found = PlainText(value);
    plain = plain && found.has_value();
    return found.value_or("");
  };
  const bool whole =
      ForEachField(object.metadata, [&](std::string_view key, std::string_view value) {
        if (key == "name") object.name.name = text(value);
        if (key == "namespace") object.name.namespace_ = text(value);
        if (key == "uid") object.uid = text(value);
        if (key == "resourceVersion") object.resource_version = text(value);
        if (key == "generation") plain = absl::SimpleAtoi(value, &object.generation) && plain;
      });
  return whole && plain && !object.name.name.empty() && !object.resource_version.empty();
}

}  // namespace

std::optional<ObjectText> ReadObjectText(std::string_view text) {
  ObjectText object{
      .text = text, .metadata = {}, .status = {}, .name = {}, .uid = {}, .resource_version = {}};
  const bool whole = ForEachField(text, [&](std::string_view key, std::string_view value) {
    if (key == "metadata") object.metadata = value;
    if (key == "status") object.status = value;
  });
  if (!whole || !ReadMetadata(object)) return std::nullopt;
  return object;
}

std::string Trimmed(const ObjectText& object, const Resource& resource, const Trimming& trimming) {
  MapText result;
  result.Add("apiVersion", absl::StrCat("\"", ApiVersion(resource), "\""));
  result.Add("kind", absl::StrCat("\"", resource.kind, "\""));
  const bool whole = ForEachField(object.text, [&](std::string_view key, std::string_view value) {
    const bool data = key == "data" || key == "binaryData";
    if (key == "apiVersion" || key == "kind" || (key == "status" && !trimming.status)) return;
    if (key == "metadata") {
      result.Add(key, TrimmedMetadata(value, trimming));
    } else if (data && !trimming.only_data.empty()) {
      result.Add(
          key, Filtered(value, [&](std::string_view name) { return name == trimming.only_data; }));
    } else {
      result.Add(key, value);
    }
  });
  return whole ? std::move(result).Finish() : std::string(object.text);
}

std::optional<ListText> ReadListText(std::string_view text) {
  ListText list;
  std::string_view metadata, items;
  const bool whole = ForEachField(text, [&](std::string_view key, std::string_view value) {
    if (key == "metadata") metadata = value;
    if (key == "items") items = value;
  });
  bool good = whole && ForEachField(metadata, [&](std::string_view key, std::string_view value) {
                const std::string_view plain = PlainText(value).value_or("");
                if (key == "resourceVersion") list.resource_version = plain;
                if (key == "continue") list.continue_token = plain;
              });
  if (!good || list.resource_version.empty() || items.empty()) return std::nullopt;
  if (items == "null") return list;
  good = ForEachItem(items,
                     [&](std::string_view item) {
                       std::optional<ObjectText> object = ReadObjectText(item);
                       good = good && object.has_value();
                       if (object) list.items.push_back(*std::move(object));
                     }) &&
         good;
  if (!good) return std::nullopt;
  return list;
}

std::optional<EventText> ReadEventText(std::string_view line) {
  EventText event;
  const bool whole = ForEachField(line, [&](std::string_view key, std::string_view value) {
    if (key == "type") event.type = PlainText(value).value_or("");
    if (key == "object") event.object = value;
  });
  if (!whole || event.type.empty() || event.object.empty()) return std::nullopt;
  return event;
}

std::string_view ResourceVersionOf(std::string_view text) {
  std::string_view metadata, version;
  bool whole = ForEachField(text, [&](std::string_view key, std::string_view value) {
    if (key == "metadata") metadata = value;
  });
  whole = whole && ForEachField(metadata, [&](std::string_view key, std::string_view value) {
            if (key == "resourceVersion") version = PlainText(value).value_or("");
          });
  return whole ? version : "";
}

}  // namespace sluice::kube
