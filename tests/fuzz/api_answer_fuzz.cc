// What an API server may answer, of any bytes: the scanner that cuts JSON apart agrees with a real
// parser on whatever is JSON, and what it makes of an object is JSON again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "control/kube/json_scan.h"
#include "control/kube/object_text.h"

namespace {

using Json = nlohmann::json;
using sluice::kube::ObjectText;

void Check(bool holds) {
  if (!holds) std::abort();
}

Json Parsed(std::string_view text) { return Json::parse(text, nullptr, false); }

// Of keys that are given twice both keep the last.
void CheckObject(std::string_view text, const Json& json) {
  Json fields = Json::object();
  Check(sluice::kube::ForEachField(text, [&](std::string_view key, std::string_view value) {
    fields[Parsed(absl::StrCat("\"", key, "\"")).get<std::string>()] = Parsed(value);
  }));
  Check(fields == json);
}

void CheckList(std::string_view text, const Json& json) {
  Json items = Json::array();
  Check(sluice::kube::ForEachItem(text,
                                  [&](std::string_view item) { items.push_back(Parsed(item)); }));
  Check(items == json);
}

void CheckTrimmed(const ObjectText& object) {
  constexpr sluice::kube::Resource kResource = {"g.io", "v1", "things", "Thing", true};
  for (const sluice::kube::Trimming& trimming :
       {sluice::kube::Trimming{},
        sluice::kube::Trimming{.status = true, .annotations = false, .only_data = "ca.crt"}}) {
    const Json trimmed = Parsed(Trimmed(object, kResource, trimming));
    Check(trimmed.is_object());
    Check(trimmed["kind"] == "Thing");
    Check(trimmed["metadata"]["name"] == object.name.name);
    Check(!trimmed["metadata"].contains("managedFields"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find('\0') != text.npos) return 0;  // the parser takes it for the end
  const Json json = Parsed(text);
  if (json.is_object()) CheckObject(text, json);
  if (json.is_array()) CheckList(text, json);
  const auto object = sluice::kube::ReadObjectText(text);
  // A key that is written in escapes is another one to the scanner; ParseJson refuses such doubles.
  const bool escapes = text.find("\\u") != text.npos;
  if (object && json.is_object() && !escapes) CheckTrimmed(*object);
  // Of what is no JSON it need not make sense, but it ends.
  (void)sluice::kube::ReadListText(text);
  (void)sluice::kube::ReadEventText(text);
  (void)sluice::kube::ResourceVersionOf(text);
  return 0;
}
