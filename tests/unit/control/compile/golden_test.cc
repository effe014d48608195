// tests/golden: objects in; Snapshot, statuses and problems out. Each NAME.in.yaml is one case;
// SLUICE_REWRITE_GOLDEN=1 writes NAME.out.txt anew (then read the diff).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "control/compile/compile.h"
#include "dataplane/snapshot/text.h"
#include "dataplane/snapshot/validate.h"

namespace sluice::compile {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// Certificates without keys: tls.crt holds "pair P [from TIME] [until TIME]", tls.key "pair P".
CertificateView CheckFake(const gateway_api::Secret& secret) {
  auto text = [&](const char* key) -> std::string {
    auto found = secret.data.find(key);
    return found == secret.data.end() ? "" : std::string(found->second.Reveal());
  };
  std::vector<std::string> words = absl::StrSplit(text("tls.crt"), ' ');
  if (words.size() < 2 || words[0] != "pair") {
    return {.problem = absl::InvalidArgumentError("tls.crt is no certificate")};
  }
  if (text("tls.key") != absl::StrCat("pair ", words[1])) {
    return {.problem = absl::InvalidArgumentError("the key does not belong to the certificate")};
  }
  CertificateView view{.id = absl::StrCat(ToString(secret.meta.key()), "@", words[1])};
  for (size_t i = 2; i + 1 < words.size(); i += 2) {
    absl::Time& time = words[i] == "from" ? view.not_before : view.not_after;
    EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, words[i + 1], &time, nullptr));
  }
  return view;
}

// Lines such as "# now: TIME", "# allocation: ADDRESS NAMESPACE/NAME", "# node: KEY=VALUE",
// "# bundle: v1.6.1" and "# follower" at the start of a case.
CompileOptions ReadOptions(const std::string& text) {
  CompileOptions options;
  options.check_certificate = CheckFake;
  for (std::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::ConsumePrefix(&line, "# ")) break;
    std::pair<std::string, std::string> option = absl::StrSplit(line, absl::MaxSplits(": ", 1));
    auto& [name, value] = option;
    if (name == "now") {
      EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, value, &options.now, nullptr));
    } else if (name == "allocation") {
      std::vector<std::string> parts = absl::StrSplit(value, absl::ByAnyChar(" /"));
      options.allocations[parts.at(0)] = {parts.at(1), parts.at(2)};
    } else if (name == "node") {
      options.node_labels.insert(absl::StrSplit(value, absl::MaxSplits('=', 1)));
    } else if (name == "bundle") {
      options.bundle_version = value;
    } else if (name == "follower") {
      options.allocate = false;
    }
  }
  return options;
}

std::string Section(std::string_view name, const std::string& text) {
  return text.empty() ? "" : absl::StrCat("==== ", name, "\n", text);
}

std::string Problems(const std::vector<gateway_api::Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) absl::StrAppend(&text, ToString(problem), "\n");
  return text;
}

std::string Print(const std::vector<gateway_api::Problem>& problems, const Compiled& compiled) {
  std::string certificates, allocations, valid_until;
  for (const CertificateUse& use : compiled.certificates) {
    absl::StrAppend(&certificates, use.id, " from Secret ", ToString(use.secret), "\n");
  }
  for (const auto& [address, gateway] : compiled.allocations) {
    absl::StrAppend(&allocations, address, " ", ToString(gateway), "\n");
  }
  if (compiled.valid_until != absl::InfiniteFuture()) {
    valid_until = absl::FormatTime(compiled.valid_until, absl::UTCTimeZone()) + "\n";
  }
  return absl::StrCat(Section("problems", Problems(problems)),
                      Section("snapshot", snapshot::ToText(compiled.snapshot)),
                      Section("certificates", certificates), Section("allocations", allocations),
                      Section("valid until", valid_until),
                      Section("warnings", Problems(compiled.warnings)),
                      Section("statuses", ToYaml(compiled.statuses)));
}

std::vector<fs::path> Cases() {
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(SLUICE_SOURCE_DIR "/tests/golden")) {
    if (entry.path().native().ends_with(".in.yaml")) cases.push_back(entry.path());
  }
  std::ranges::sort(cases);
  return cases;
}

std::string NameOf(const fs::path& in) {
  std::string name = in.filename().native();
  return name.substr(0, name.size() - std::string_view(".in.yaml").size());
}

// One case is enough to hold the list.
void HideFeatures(Statuses& statuses) {
  for (auto& [name, status] : statuses.gateway_classes) status.supported_features.clear();
}

class GoldenTest : public ::testing::TestWithParam<fs::path> {};

TEST_P(GoldenTest, ObjectsCompileToWhatIsWritten) {
  const fs::path in = GetParam();
  const fs::path out = in.parent_path() / (NameOf(in) + ".out.txt");
  const std::string text = ReadFile(in);
  auto loaded = gateway_api::LoadYaml({{"in", text}});
  Compiled compiled = Compile(loaded.objects, ReadOptions(text));
  EXPECT_EQ(snapshot::Validate(compiled.snapshot), absl::OkStatus());
  if (NameOf(in) != "class-supported-version") HideFeatures(compiled.statuses);

  const std::string actual = Print(loaded.problems, compiled);
  if (std::getenv("SLUICE_REWRITE_GOLDEN") != nullptr) {
    std::ofstream(out, std::ios::binary) << actual;
    GTEST_SKIP() << "rewritten: " << out;
  }
  EXPECT_EQ(actual, ReadFile(out)) << in;
}

INSTANTIATE_TEST_SUITE_P(Golden, GoldenTest, ::testing::ValuesIn(Cases()), [](const auto& info) {
  std::string name = NameOf(info.param);
  std::ranges::replace_if(name, [](char c) { return !absl::ascii_isalnum(c); }, '_');
  return name;
});

TEST(GoldenCases, AreManyAndHaveNoStrayOutputs) {
  std::vector<fs::path> cases = Cases();
  EXPECT_GE(cases.size(), 40u);
  for (const auto& entry : fs::directory_iterator(SLUICE_SOURCE_DIR "/tests/golden")) {
    std::string name = entry.path().native();
    if (!name.ends_with(".out.txt")) continue;
    name.replace(name.size() - 8, 8, ".in.yaml");
    EXPECT_TRUE(fs::exists(name)) << "no case for " << entry.path();
  }
}

}  // namespace
}  // namespace sluice::compile
