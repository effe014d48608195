// Manifests of any bytes, as YAML and as JSON: nothing crashes or hangs, every object that comes
// out has a name, and what is accepted is accepted again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gateway-api/parse.h"

namespace {

using sluice::gateway_api::File;
using sluice::gateway_api::ParseResult;

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckResult(const ParseResult& result) {
  for (const auto& object : result.objects) Check(!Meta(object).name.empty());
  for (const auto& problem : result.problems) {
    Check(!problem.message.empty());
    Check(!ToString(problem).empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  ParseResult yaml = sluice::gateway_api::ParseYaml(text, "f");
  CheckResult(yaml);
  CheckResult(sluice::gateway_api::ParseJson(text, "f"));

  auto loaded = sluice::gateway_api::LoadYaml({File{"f", std::string(text)}});
  Check(loaded.objects.size() <= yaml.objects.size());
  auto again = sluice::gateway_api::LoadYaml({File{"f", std::string(text)}}, loaded.objects);
  Check(again.objects == loaded.objects);
  return 0;
}
