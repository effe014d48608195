// gwctl as a whole: each *.txt beside this file is a transcript of commands and of all that they
// say ("! " before lines of the error stream, "[N]" for an exit code that is not 0). Adding a case
// is adding a "$ gwctl ..." line; SLUICE_REWRITE_GOLDEN=1 writes the rest (then read the diff).
// Every command that has a source runs twice, on a folder and on an agent that serves the same, and
// must say the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "../../certs/make_certificate.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/strings/substitute.h"
#include "control/view/document.h"
#include "fake_agent.h"
#include "tools/gwctl/cli.h"

namespace sluice::gwctl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kNow = 1'800'000'000;  // 2027-01-15T08:00:00Z
constexpr int64_t kDay = 24 * 3600;
const fs::path kHere = fs::path(SLUICE_SOURCE_DIR) / "tests/unit/tools/gwctl";
const fs::path kReferenceCluster = fs::path(SLUICE_SOURCE_DIR) / "examples/reference-cluster";

std::string ReadFile(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(text).str();
}

constexpr char kSecret[] = R"(apiVersion: v1
kind: Secret
metadata: {name: $0, namespace: $1}
type: kubernetes.io/tls
data: {tls.crt: $2, tls.key: $3}
)";

// Returns the key as it stands in the manifest.
std::string WriteSecret(const fs::path& folder, const std::string& name,
                        const std::string& name_space, const std::string& host, int64_t days) {
  const testing::PemPair pair =
      testing::MakePair({.names = {host}, .not_after = kNow + days * kDay});
  const std::string key = absl::Base64Escape(pair.key);
  std::ofstream(folder / absl::StrCat("secret-", name, ".yaml"))
      << absl::Substitute(kSecret, name, name_space, absl::Base64Escape(pair.chain), key);
  return key;
}

// "get hr -H 'a: b'" to words.
std::vector<std::string> Words(std::string_view command) {
  std::vector<std::string> words;
  bool quoted = false, inside = false;
  for (char c : command) {
    if (c == ' ' && !quoted) {
      inside = false;
      continue;
    }
    if (!std::exchange(inside, true)) words.emplace_back();
    if (c == '\'') {
      quoted = !quoted;
    } else {
      words.back() += c;
    }
  }
  return words;
}

// The part of a certificate's id that is new with each run.
std::string WithoutHashes(std::string text) {
  static const RE2 kHash("@[0-9a-f]{16}");
  RE2::GlobalReplace(&text, kHash, "@HASH");
  return text;
}

class TranscriptTest : public ::testing::TestWithParam<const char*> {
 protected:
  TranscriptTest() : top_(fs::path(::testing::TempDir()) / absl::StrCat("gwctl-", ::getpid())) {
    fs::create_directories(top_);
    for (const char* name : {"shop", "broken"}) fs::copy(kHere / name, top_ / name);
    fs::copy(kReferenceCluster, top_ / "reference-cluster");
    const std::string infra = "infra", system = "gateway-system";
    const fs::path shop = top_ / "shop", reference = top_ / "reference-cluster";
    secrets_ = {
        WriteSecret(shop, "shop-tls", infra, "*.shop.example", 41),
        WriteSecret(shop, "spare-tls", infra, "spare.example", 5),
        WriteSecret(reference, "wildcard-exitthecloud-eu", system, "*.exitthecloud.eu", 60),
        WriteSecret(reference, "wildcard-apps-edgeprime-io", system, "*.apps.edgeprime.io", 60)};
  }
  ~TranscriptTest() override { fs::remove_all(top_); }

  // 40 characters of a key, as its manifest has it, are enough to find it.
  void ExpectNoSecret(const std::string& text) {
    EXPECT_EQ(text.find("PRIVATE KEY"), std::string::npos) << text;
    for (const std::string& secret : secrets_) {
      EXPECT_EQ(text.find(secret.substr(100, 40)), std::string::npos) << text;
    }
  }

  // All that a command says, as a transcript has it.
  std::string RunWords(std::vector<std::string> words) {
    std::ostringstream out, err;
    const ExitCode code = gwctl::Run(std::move(words), {out, err, absl::FromUnixSeconds(kNow)});
    std::string text = out.str();
    ExpectNoSecret(text + err.str());
    for (std::string_view line : absl::StrSplit(err.str(), '\n', absl::SkipEmpty())) {
      absl::StrAppend(&text, "! ", line, "\n");
    }
    if (code != kOk) absl::StrAppend(&text, "[", static_cast<int>(code), "]\n");
    return WithoutHashes(absl::StrReplaceAll(text, {{absl::StrCat(top_.string(), "/"), ""}}));
  }

  std::string RunCommand(std::string_view command, const std::string& folder) {
    std::vector<std::string> words = Words(command);
    if (words.size() > 1 && words[0] == "analyze") {
      words[1] = (top_ / words[1]).string();
      return RunWords(words);
    }
    const std::string path = (top_ / folder).string();
    std::vector<std::string> with_agent = words;
    if (!words.empty()) {
      words.insert(words.end(), {"--manifests", path});
      with_agent.insert(with_agent.end(), {"--socket", (top_ / "admin.sock").string()});
    }
    std::string said = RunWords(words);
    EXPECT_EQ(RunWords(with_agent), said) << command;
    return said;
  }

  fs::path top_;
  std::vector<std::string> secrets_;
};

TEST_P(TranscriptTest, SaysWhatItSaid) {
  const fs::path path = kHere / absl::StrCat(GetParam(), ".txt");
  const std::string name = GetParam();
  const std::string folder = fs::exists(top_ / name) ? name : "shop";
  const auto view = view::ReadView((top_ / folder).string(), absl::FromUnixSeconds(kNow));
  ASSERT_TRUE(view.ok()) << view.status();
  const std::string served = view::ToJson(*view);
  ExpectNoSecret(served);
  const testing::FakeAgent agent((top_ / "admin.sock").string(), served);

  const std::string want = ReadFile(path);
  std::string got;
  for (std::string_view line : absl::StrSplit(want, '\n')) {
    if (!absl::ConsumePrefix(&line, "$ gwctl")) continue;
    absl::StrAppend(&got, got.empty() ? "" : "\n", "$ gwctl", line, "\n", RunCommand(line, folder));
  }
  if (std::getenv("SLUICE_REWRITE_GOLDEN") != nullptr) std::ofstream(path) << got;
  EXPECT_EQ(got, want);
}

INSTANTIATE_TEST_SUITE_P(Transcripts, TranscriptTest,
                         ::testing::Values("shop", "explain", "analyze", "broken",
                                           "reference-cluster"),
                         [](const auto& info) {
                           return absl::StrReplaceAll(info.param, {{"-", "_"}});
                         });

}  // namespace
}  // namespace sluice::gwctl
