#include "control/view/document.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/view/schema.h"
#include "dataplane/snapshot/text.h"
#include "gateway-api/reader.h"
#include "gateway-api/writer.h"

namespace sluice::view {
namespace {

using compile::ObjectKey;
using compile::Statuses;
using gateway_api::NamespacedName;
using gateway_api::Object;

constexpr char kKind[] = "View";
constexpr int kVersion = 1;

// The agent is trusted, but not to be sane: these bound what a reply may cost.
constexpr gateway_api::ParseLimits kLimits{
    .max_file_bytes = size_t{1} << 30,
    .max_document_bytes = size_t{1} << 30,
    .max_nodes = 50'000'000,
    .max_depth = 64,
};

template <typename T>
Document Write(T value) {
  Document document = Document::object();
  gateway_api::Writer writer(document);
  Describe(writer, value);
  return document;
}

template <typename T>
Document WriteList(const std::vector<T>& values) {
  Document list = Document::array();
  for (const T& value : values) list.push_back(Write(value));
  return list;
}

template <typename Map, typename Key>
const typename Map::mapped_type* Find(const Map& map, const Key& key) {
  auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

compile::PolicyStatus AsPolicy(const compile::RouteStatus& status) {
  compile::PolicyStatus policy;
  for (const compile::ParentStatus& parent : status.parents) policy.ancestors.push_back({parent});
  return policy;
}

// ---- reading ------------------------------------------------------------------------------------

template <typename T>
absl::Status Read(const Document& document, T& out) {
  gateway_api::Node node;
  gateway_api::SyntaxError error = gateway_api::ReadJson(document.dump(), kLimits, node);
  if (!error.message.empty()) return absl::InvalidArgumentError(error.message);
  std::vector<gateway_api::Problem> problems;
  gateway_api::Report report("", problems);
  gateway_api::Path root;
  gateway_api::Reader reader(node, root, report);
  Describe(reader, out);
  if (!report.failed()) return absl::OkStatus();
  return absl::InvalidArgumentError(ToString(problems.front()));
}

template <typename T>
absl::Status ReadList(const Document& list, std::vector<T>& out) {
  for (const Document& item : list) {
    if (absl::Status read = Read(item, out.emplace_back()); !read.ok()) return read;
  }
  return absl::OkStatus();
}

absl::Status ReadStatus(const Document& document, std::string_view kind, const NamespacedName& name,
                        Statuses& statuses) {
  if (kind == "GatewayClass") return Read(document, statuses.gateway_classes[name]);
  if (kind == "Gateway") return Read(document, statuses.gateways[name]);
  if (kind == "ListenerSet") return Read(document, statuses.listener_sets[name]);
  if (kind == "BackendTLSPolicy") {
    compile::PolicyStatus status;
    absl::Status read = Read(document, status);
    auto& parents = statuses.backend_tls_policies[name].parents;
    parents.assign(status.ancestors.begin(), status.ancestors.end());
    return read;
  }
  if (kind.ends_with("Route")) {
    return Read(document, statuses.routes[ObjectKey{std::string(kind), name}]);
  }
  return absl::OkStatus();  // an AddressPool's: it is part of the object
}

absl::Status ReadItem(const Document& item, View& view) {
  gateway_api::ParseResult parsed = gateway_api::ParseJson(item.dump(), "", kLimits);
  if (parsed.objects.size() != 1) {
    return absl::InvalidArgumentError(parsed.problems.empty() ? "an item is no object"
                                                              : ToString(parsed.problems.front()));
  }
  Object& object = parsed.objects.front();
  absl::Status read = absl::OkStatus();
  if (item.contains("status")) {
    read = ReadStatus(item["status"], KindOf(object), Meta(object).key(), view.statuses);
  }
  view.objects.Put(std::move(object));
  return read;
}

absl::Status ReadParts(const Document& document, View& view) {
  for (const Document& item : document.at("items")) {
    if (absl::Status read = ReadItem(item, view); !read.ok()) return read;
  }
  auto snapshot = snapshot::FromText(document.at("snapshot").get_ref<const std::string&>());
  if (!snapshot.ok()) return snapshot.status();
  view.snapshot = *std::move(snapshot);
  absl::Status read = ReadList(document.at("certificates"), view.certificates);
  if (read.ok()) read = ReadList(document.at("problems"), view.problems);
  if (read.ok() && document.contains("agent")) read = Read(document["agent"], view.agent.emplace());
  return read;
}

// Of a list of what several controllers say, ours.
void KeepOurs(Document& status, const char* list) {
  if (!status.contains(list) || !status[list].is_array()) return;
  Document ours = Document::array();
  for (Document& entry : status[list]) {
    if (entry.value("controllerName", "") == compile::kControllerName) ours.push_back(entry);
  }
  status[list] = std::move(ours);
}

}  // namespace

absl::Status ReadStatus(std::string_view json, std::string_view kind, const NamespacedName& name,
                        Statuses& statuses) {
  try {
    Document status = Document::parse(json);
    if (!status.is_object()) return absl::InvalidArgumentError("it is no object");
    KeepOurs(status, "parents");
    KeepOurs(status, "ancestors");
    return ReadStatus(status, kind, name, statuses);
  } catch (const Document::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

Document StatusDocument(const Statuses& statuses, std::string_view kind,
                        const NamespacedName& name) {
  if (const auto* status = Find(statuses.routes, ObjectKey{std::string(kind), name})) {
    return Write(*status);
  }
  if (const auto* status = Find(statuses.gateway_classes, name); status && kind == "GatewayClass") {
    return Write(*status);
  }
  if (const auto* status = Find(statuses.gateways, name); status && kind == "Gateway") {
    return Write(*status);
  }
  if (const auto* status = Find(statuses.listener_sets, name); status && kind == "ListenerSet") {
    return Write(*status);
  }
  if (const auto* status = Find(statuses.backend_tls_policies, name);
      status && kind == "BackendTLSPolicy") {
    return Write(AsPolicy(*status));
  }
  return nullptr;
}

Document ToDocument(const View& view, const Object& object) {
  Document document = gateway_api::ToDocument(object);
  Document status = StatusDocument(view.statuses, KindOf(object), Meta(object).key());
  if (!status.is_null()) document["status"] = std::move(status);
  return document;
}

Document ToDocument(const CertificateFacts& facts) { return Write(facts); }
Document ToDocument(const AgentState& agent) { return Write(agent); }

std::string ToJson(const View& view) {
  Document document = {{"kind", kKind}, {"version", kVersion}, {"items", Document::array()}};
  view.objects.ForEach(
      [&](const auto& object) { document["items"].push_back(ToDocument(view, Object(object))); });
  document["snapshot"] = snapshot::ToText(view.snapshot);
  document["certificates"] = WriteList(view.certificates);
  document["problems"] = WriteList(view.problems);
  if (view.agent) document["agent"] = Write(*view.agent);
  return document.dump(-1, ' ', false, Document::error_handler_t::replace);
}

absl::StatusOr<View> FromJson(std::string_view json) {
  try {
    Document document = Document::parse(json);
    if (document.at("kind") != kKind || document.at("version") != kVersion) {
      return absl::InvalidArgumentError("it is not of this version of gwctl");
    }
    View view;
    if (absl::Status read = ReadParts(document, view); !read.ok()) return read;
    return view;
  } catch (const Document::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

}  // namespace sluice::view
