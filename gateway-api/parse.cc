#include "gateway-api/parse.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/log/check.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway-api/node.h"
#include "gateway-api/reader.h"
#include "gateway-api/schema_core.h"
#include "gateway-api/schema_gateway.h"
#include "gateway-api/schema_route.h"

namespace sluice::gateway_api {
namespace {

struct Input {
  const Node& document;
  Report& report;
  ParseResult& result;
};

template <typename T>
void ReadObject(const Input& input, bool namespaced) {
  T object;
  Path root;
  Reader reader(input.document, root, input.report);
  reader.Ignored({"apiVersion", "kind"});
  Describe(reader, object);
  reader.Finish();
  if (!namespaced && !object.meta.namespace_.empty()) {
    input.report.Warning(input.document.line, input.document.column, "metadata.namespace",
                         "has no effect: the kind is cluster-scoped");
    object.meta.namespace_.clear();
  }
  if (namespaced && object.meta.namespace_.empty()) object.meta.namespace_ = "default";
  object.meta.origin = {input.report.file(), input.document.line, input.document.column};
  if (!input.report.failed()) input.result.objects.emplace_back(std::move(object));
}

struct KindEntry {
  std::string_view kind;
  std::string_view group;
  std::initializer_list<std::string_view> versions;  // those with the schema that we read
  bool namespaced;
  void (*read)(const Input& input, bool namespaced);
};

const KindEntry kKinds[] = {
    {"GatewayClass", kGatewayGroup, {"v1", "v1beta1"}, false, ReadObject<GatewayClass>},
    {"Gateway", kGatewayGroup, {"v1", "v1beta1"}, true, ReadObject<Gateway>},
    {"ListenerSet", kGatewayGroup, {"v1"}, true, ReadObject<ListenerSet>},
    {"HTTPRoute", kGatewayGroup, {"v1", "v1beta1"}, true, ReadObject<HttpRoute>},
    {"GRPCRoute", kGatewayGroup, {"v1"}, true, ReadObject<GrpcRoute>},
    {"TLSRoute", kGatewayGroup, {"v1", "v1alpha3"}, true, ReadObject<TlsRoute>},
    {"TCPRoute", kGatewayGroup, {"v1", "v1alpha2"}, true, ReadObject<TcpRoute>},
    {"UDPRoute", kGatewayGroup, {"v1", "v1alpha2"}, true, ReadObject<UdpRoute>},
    {"ReferenceGrant", kGatewayGroup, {"v1", "v1beta1"}, true, ReadObject<ReferenceGrant>},
    {"BackendTLSPolicy", kGatewayGroup, {"v1", "v1alpha3"}, true, ReadObject<BackendTlsPolicy>},
    {"Service", "", {"v1"}, true, ReadObject<Service>},
    {"EndpointSlice", "discovery.k8s.io", {"v1"}, true, ReadObject<EndpointSlice>},
    {"Secret", "", {"v1"}, true, ReadObject<Secret>},
    {"ConfigMap", "", {"v1"}, true, ReadObject<ConfigMap>},
    {"Namespace", "", {"v1"}, false, ReadObject<Namespace>},
    {"AddressPool", kSluiceGroup, {"v1alpha1"}, false, ReadObject<AddressPool>},
    {"GatewayParameters", kSluiceGroup, {"v1alpha1"}, true, ReadObject<GatewayParameters>},
};

const Node* FindField(const Node& map, std::string_view key) {
  auto found = std::ranges::find(map.fields, key, &Field::key);
  return found == map.fields.end() ? nullptr : &found->value;
}

std::string_view TextOf(const Node* node) {
  return node != nullptr && node->kind == Node::Kind::kString ? std::string_view(node->text) : "";
}

// "HTTPRoute ns/name", as far as the document says so.
std::string Name(const Node& document, std::string_view kind, bool namespaced) {
  const Node* meta = FindField(document, "metadata");
  std::string_view name = meta == nullptr ? "" : TextOf(FindField(*meta, "name"));
  std::string_view space = meta == nullptr ? "" : TextOf(FindField(*meta, "namespace"));
  if (name.empty()) return std::string(kind.substr(0, 80));
  if (space.empty()) space = "default";
  NamespacedName key{namespaced ? std::string(space.substr(0, 80)) : "",
                     std::string(name.substr(0, 260))};
  return absl::StrCat(kind.substr(0, 80), " ", ToString(key));
}

void ReadDocument(const Node& document, const std::string& file, ParseResult& result);

void ReadList(const Node& document, const std::string& file, ParseResult& result) {
  const Node* items = FindField(document, "items");
  if (items == nullptr || items->kind == Node::Kind::kNull) return;
  if (items->kind != Node::Kind::kList) {
    Report(file, result.problems).Error(items->line, items->column, "items", "must be a list");
    return;
  }
  for (const Node& item : items->items) ReadDocument(item, file, result);
}

// A kind that is not ours is no error: folders hold Deployments too.
void ReportUnknown(const Node& document, std::string_view api_version, std::string_view kind,
                   Report& report) {
  auto known = std::ranges::find(kKinds, kind, &KindEntry::kind);
  std::string message = "is not a kind that is read; it is left out";
  if (known != std::end(kKinds)) {
    message = absl::StrCat("apiVersion ", api_version.substr(0, 80), " is not read; write ",
                           ApiVersionOf(kind));
  }
  report.set_object(Name(document, kind, true));
  report.Warning(document.line, document.column, "", std::move(message));
}

bool Reads(const KindEntry& entry, std::string_view api_version) {
  size_t slash = api_version.find('/');
  std::string_view group = slash == api_version.npos ? "" : api_version.substr(0, slash);
  std::string_view version =
      slash == api_version.npos ? api_version : api_version.substr(slash + 1);
  return entry.group == group && std::ranges::find(entry.versions, version) != entry.versions.end();
}

void ReadDocument(const Node& document, const std::string& file, ParseResult& result) {
  if (document.kind == Node::Kind::kNull) return;
  Report report(file, result.problems);
  if (document.kind != Node::Kind::kMap) {
    return report.Error(document.line, document.column, "", "an object must be a map");
  }
  std::string_view kind = TextOf(FindField(document, "kind"));
  std::string_view api_version = TextOf(FindField(document, "apiVersion"));
  if (kind.empty() || api_version.empty()) {
    return report.Error(document.line, document.column, "", "an object needs apiVersion and kind");
  }
  if (kind.ends_with("List") && FindField(document, "items") != nullptr) {
    return ReadList(document, file, result);
  }
  auto entry = std::ranges::find_if(
      kKinds, [&](const KindEntry& e) { return e.kind == kind && Reads(e, api_version); });
  if (entry == std::end(kKinds)) return ReportUnknown(document, api_version, kind, report);
  report.set_object(Name(document, kind, entry->namespaced));
  entry->read({document, report, result}, entry->namespaced);
}

bool IsMarker(std::string_view line, std::string_view marker) {
  return line.starts_with(marker) &&
         (line.size() == marker.size() || absl::StrContains(" \t\r", line[marker.size()]));
}

// Cuts a stream before each "---" line, which YAML allows nowhere inside a document; so that what
// is wrong in one document does not cost the others.
struct Chunk {
  std::string_view text;
  int first_line = 1;
};
std::vector<Chunk> SplitDocuments(std::string_view text) {
  std::vector<Chunk> chunks;
  size_t start = 0;
  int line = 1;
  int first_line = 1;
  for (size_t at = 0; at < text.size(); ++line) {
    size_t end = std::min(text.find('\n', at), text.size());
    if (at > start && IsMarker(text.substr(at, end - at), "---")) {
      chunks.push_back({text.substr(start, at - start), first_line});
      start = at;
      first_line = line;
    }
    at = end + 1;
  }
  chunks.push_back({text.substr(start), first_line});
  return chunks;
}

bool HoldsSecrets(const Node& document) {
  std::string_view kind = TextOf(FindField(document, "kind"));
  return kind == "Secret" || kind.ends_with("List");
}

// Takes the place of objects that could not be read by what was there before, and says so.
void KeepPrevious(const ObjectSet& previous, const std::set<std::string>& rejected,
                  const std::set<std::string>& broken_files, ObjectSet& objects) {
  previous.ForEach([&](const auto& object) {
    std::string name = absl::StrCat(object.kKind, " ", ToString(object.meta.key()));
    bool keep = rejected.contains(name) || broken_files.contains(object.meta.origin.file);
    if (keep) objects.Insert(object).IgnoreError();  // a new one stays
  });
}

}  // namespace

std::string ApiVersionOf(std::string_view kind) {
  auto entry = std::ranges::find(kKinds, kind, &KindEntry::kind);
  CHECK(entry != std::end(kKinds)) << kind;
  return absl::StrCat(entry->group, entry->group.empty() ? "" : "/", *entry->versions.begin());
}

std::string ToString(const Problem& problem) {
  std::string text = ToString(problem.at);
  absl::StrAppend(&text, text.empty() ? "" : ": ",
                  problem.severity == Problem::Severity::kError ? "error: " : "warning: ");
  if (!problem.object.empty()) absl::StrAppend(&text, problem.object, ": ");
  if (!problem.path.empty()) absl::StrAppend(&text, problem.path, ": ");
  return absl::StrCat(text, problem.message);
}

ParseResult ParseYaml(std::string_view text, std::string_view file, const ParseLimits& limits) {
  ParseResult result;
  std::string name(file);
  if (text.size() > limits.max_file_bytes) {
    Report(name, result.problems)
        .Error(1, 1, "", absl::StrCat("the file is larger than ", limits.max_file_bytes, " bytes"));
    return result;
  }
  for (const Chunk& chunk : SplitDocuments(text)) {
    Node document;
    SyntaxError error = ReadYaml(chunk.text, chunk.first_line, limits, document);
    if (!error.message.empty()) {
      Report(name, result.problems).Error(error.line, error.column, "", error.message);
      continue;
    }
    ReadDocument(document, name, result);
    if (HoldsSecrets(document)) Wipe(document);
  }
  return result;
}

ParseResult ParseJson(std::string_view text, std::string_view name, const ParseLimits& limits) {
  ParseResult result;
  Node document;
  SyntaxError error = ReadJson(text, limits, document);
  std::string file(name);
  if (!error.message.empty()) {
    Report(file, result.problems).Error(0, 0, "", error.message);
    return result;
  }
  ReadDocument(document, file, result);
  if (HoldsSecrets(document)) Wipe(document);
  return result;
}

LoadResult LoadYaml(std::vector<File> files, const ObjectSet& previous, const ParseLimits& limits) {
  LoadResult loaded;
  std::set<std::string> rejected;
  std::set<std::string> broken_files;
  std::ranges::sort(files, {}, &File::path);
  for (File& file : files) {
    ParseResult parsed = ParseYaml(file.text, file.path, limits);
    WipeMemory(file.text.data(), file.text.size());
    for (const Problem& problem : parsed.problems) {
      if (problem.severity != Problem::Severity::kError) continue;
      if (problem.object.empty()) broken_files.insert(file.path);
      rejected.insert(problem.object);
    }
    std::ranges::move(parsed.problems, std::back_inserter(loaded.problems));
    for (Object& object : parsed.objects) {
      Problem problem{
          .at = Meta(object).origin, .object = Describe(object), .path = "", .message = ""};
      absl::Status inserted = loaded.objects.Insert(std::move(object));
      if (inserted.ok()) continue;
      problem.message = std::string(inserted.message());
      loaded.problems.push_back(std::move(problem));
    }
  }
  KeepPrevious(previous, rejected, broken_files, loaded.objects);
  return loaded;
}

}  // namespace sluice::gateway_api
