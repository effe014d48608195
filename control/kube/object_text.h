// An object as the API server sends it, read just far enough to know which one it is and what of it
// is worth parsing. Views borrow the text. Pure functions, no thread rule.
// In the flow: list or watch event -> *ObjectText* -> Trimmed -> gateway_api::ParseJson.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/kube/resource.h"
#include "gateway-api/metadata.h"

namespace sluice::kube {

struct ObjectText {
  std::string_view text;      // the whole object
  std::string_view metadata;  // its field
  std::string_view status;    // "": none
  gateway_api::NamespacedName name;
  std::string_view uid;
  std::string_view resource_version;
  int64_t generation = 0;
};

// Nothing: it is no object with a name and a resourceVersion.
std::optional<ObjectText> ReadObjectText(std::string_view text);

struct Trimming {
  bool status = false;              // kept
  bool annotations = true;          // kept, but for the whole manifest that kubectl leaves in one
  std::string_view only_data = {};  // of data and binaryData only this key is kept; "": all are
};

// The object as a document that can be parsed by itself (items of a list say no kind), without what
// nobody reads: managedFields above all, which are half of the text.
std::string Trimmed(const ObjectText& object, const Resource& resource, const Trimming& trimming);

// A list's answer, or one page of it.
struct ListText {
  std::string_view resource_version;
  std::string continue_token;  // "": the last page
  std::vector<ObjectText> items;
};
std::optional<ListText> ReadListText(std::string_view text);

// A watch's event (Kubernetes API concepts, "Efficient detection of changes").
struct EventText {
  std::string_view type;    // ADDED, MODIFIED, DELETED, BOOKMARK, ERROR
  std::string_view object;  // of ERROR: a metav1.Status
};
std::optional<EventText> ReadEventText(std::string_view line);

// metadata.resourceVersion of a list or a BOOKMARK's object; "": none.
std::string_view ResourceVersionOf(std::string_view text);

}  // namespace sluice::kube
