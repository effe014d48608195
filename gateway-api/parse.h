// Manifests in, objects out. One bad object never hides another: it is left out, and a Problem says
// where and why. No exceptions leave, whatever the input; work and memory are bounded by
// ParseLimits. Pure functions, no thread rule. First step of the configuration path: source ->
// *parse* -> object set -> compile.
//
// Kinds that are not ours, unknown fields and `List`: the first two are warnings, a List's items
// are objects like any other.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "gateway-api/metadata.h"
#include "gateway-api/object_set.h"

namespace sluice::gateway_api {

struct ParseLimits {
  size_t max_file_bytes = size_t{16} << 20;
  size_t max_document_bytes = size_t{3} << 20;  // etcd takes 1.5 MB of JSON
  size_t max_nodes = 400'000;  // a document's values, aliases counted as often as they are used
  int max_depth = 64;
};

struct Problem {
  enum class Severity { kWarning, kError };  // kError: the object (or document) is left out
  Severity severity = Severity::kError;
  Origin at;
  std::string object;  // "HTTPRoute ns/name"; "" where none could be told
  std::string path;    // "spec.rules[0].matches[1].path.value"; "": the whole object
  std::string message;

  bool operator==(const Problem&) const = default;
};

// "routes.yaml:12:9: error: HTTPRoute ns/name: spec.rules[0].matchs: unknown field".
std::string ToString(const Problem& problem);

struct ParseResult {
  std::vector<Object> objects;  // in the order of the input
  std::vector<Problem> problems;
};

// Any number of YAML documents (JSON is YAML too). `file` is only a name for messages.
// Objects of a namespaced kind without a namespace get "default".
ParseResult ParseYaml(std::string_view text, std::string_view file, const ParseLimits& limits = {});

// One JSON object, as the Kubernetes API sends it; positions are not known.
ParseResult ParseJson(std::string_view text, std::string_view name, const ParseLimits& limits = {});

// "gateway.networking.k8s.io/v1": the version that objects of a kind are written with. REQUIRES: a
// kind of Object.
std::string ApiVersionOf(std::string_view kind);

struct File {
  std::string path;
  std::string text;
};

struct LoadResult {
  ObjectSet objects;
  std::vector<Problem> problems;
};

// Parses files in the order of their paths. The first of two objects with the same name stays; the
// other is a Problem that names both places. What cannot be read costs nothing that worked: a
// rejected object keeps its value of `previous`, and so do all objects of `previous` that came from
// a file of which a part cannot be read at all.
LoadResult LoadYaml(std::vector<File> files, const ObjectSet& previous = {},
                    const ParseLimits& limits = {});

}  // namespace sluice::gateway_api
