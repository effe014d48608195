#include "control/status/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "fake_api.h"

namespace sluice::status {
namespace {

using gateway_api::PrivateBytes;
using testing::HasSubstr;
using Json = nlohmann::json;

const std::string kHex(64, 'a');

gateway_api::Secret MakeSecret(const std::map<std::string, std::string>& data) {
  gateway_api::Secret secret;
  secret.meta.namespace_ = "sluice";
  secret.meta.name = kKeysSecret;
  for (const auto& [key, value] : data) secret.data[key] = PrivateBytes(value);
  return secret;
}

TEST(ReadKeys, OneOrTwoOfEach) {
  const std::string heartbeats = "0123456789abcdef\n\nanother key of mine\n";
  const auto keys = ReadKeys(
      MakeSecret({{"heartbeat", heartbeats}, {"ticket", kHex + "\n" + std::string(64, 'B')}}));
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(*keys, (SharedKeys{.heartbeat = PrivateBytes(heartbeats),
                               .tickets = {PrivateBytes(std::string(32, '\xaa')),
                                           PrivateBytes(std::string(32, '\xbb'))}}));
}

TEST(ReadKeys, SaysWhatIsWrongWithoutShowingIt) {
  const struct Row {
    std::map<std::string, std::string> data;
    std::string error;
  } rows[] = {
      {{}, "Secret sluice/sluice-keys, heartbeat: is missing"},
      {{{"heartbeat", kHex}}, "ticket: is missing"},
      {{{"heartbeat", "\n"}, {"ticket", kHex}}, "heartbeat: holds 0 keys, not 1 or 2"},
      {{{"heartbeat", "short-secret"}, {"ticket", kHex}},
       "heartbeat: key 1 has 12 characters, not 16 to 256"},
      {{{"heartbeat", kHex + "\n\x01secret-secret-secret"}, {"ticket", kHex}},
       "heartbeat: key 2 has characters that cannot be printed"},
      {{{"heartbeat", kHex}, {"ticket", kHex + "a"}},
       "ticket: key 1 is not 64 hexadecimal digits (it has 65 characters)"},
      {{{"heartbeat", kHex}, {"ticket", kHex + "\n" + kHex + "\n" + kHex}},
       "ticket: holds 3 keys, not 1 or 2"},
  };
  for (const Row& row : rows) {
    const auto keys = ReadKeys(MakeSecret(row.data));
    EXPECT_THAT(keys.status().message(), HasSubstr(row.error));
    EXPECT_EQ(keys.status().message().find("secret-"), absl::string_view::npos);
  }
}

class KeyMakerTest : public testing::Test {
 protected:
  // As the source reads it.
  gateway_api::Secret Stored() const {
    gateway_api::Secret secret = MakeSecret({});
    const Json stored = api_.Get(kPath);
    for (const auto& [key, value] : stored["data"].items()) {
      std::string bytes;
      absl::Base64Unescape(value.get<std::string>(), &bytes);
      secret.data[key] = PrivateBytes(bytes);
    }
    return secret;
  }

  static constexpr char kPath[] = "/api/v1/namespaces/sluice/secrets/sluice-keys";
  core::EventLoop loop_;
  FakeApi api_;
  bool leads_ = true;
  KeyMaker maker_{loop_, api_, {.namespace_ = "sluice", .may_write = [this] { return leads_; }}};
};

TEST_F(KeyMakerTest, MakesThemOnceAndRandom) {
  maker_.Look(nullptr);
  maker_.Look(nullptr);
  EXPECT_EQ(api_.Answer(), 1);
  maker_.Look(nullptr);  // the watch has not told of it yet
  EXPECT_EQ(api_.waiting(), 0u);
  const auto keys = ReadKeys(Stored());
  ASSERT_TRUE(keys.ok()) << keys.status();
  ASSERT_EQ(keys->tickets.size(), 1u);
  EXPECT_NE(keys->tickets[0], PrivateBytes(std::string(32, '\0')));
  EXPECT_EQ(keys->heartbeat.Reveal().size(), 64u);

  FakeApi other_api;
  KeyMaker other(loop_, other_api, {.namespace_ = "sluice", .may_write = [] { return true; }});
  other.Look(nullptr);
  other_api.Answer();
  EXPECT_NE(other_api.Get(kPath)["data"], api_.Get(kPath)["data"]);
}

TEST_F(KeyMakerTest, UsesWhatIsThere) {
  maker_.Look(nullptr);
  api_.Put(kPath, {{"data", {{"heartbeat", "x"}}}});  // somebody was faster
  api_.Answer();
  EXPECT_EQ(api_.Get(kPath)["data"], (Json{{"heartbeat", "x"}}));
  const gateway_api::Secret wrong = MakeSecret({});  // also if it is no good: it is not ours
  maker_.Look(&wrong);
  EXPECT_EQ(api_.waiting(), 0u);
}

TEST_F(KeyMakerTest, OneThatWasDeletedReturnsWithTheSameKeys) {
  const gateway_api::Secret secret =
      MakeSecret({{"heartbeat", "0123456789abcdef"}, {"ticket", kHex}});
  maker_.Look(&secret);
  maker_.Look(nullptr);
  api_.Answer();
  EXPECT_EQ(Stored().data, secret.data);
}

TEST_F(KeyMakerTest, TriesAgain) {
  api_.fault = [](const kube::Request&) { return FakeApi::Refusal(403); };
  maker_.Look(nullptr);
  api_.Answer();
  maker_.Look(nullptr);
  EXPECT_EQ(api_.waiting(), 0u);
  api_.fault = nullptr;
  loop_.timers().Advance(loop_.now_ms() + 600);
  api_.Answer();
  EXPECT_TRUE(ReadKeys(Stored()).ok());
}

TEST_F(KeyMakerTest, OnlyTheLeaderDoes) {
  leads_ = false;
  maker_.Look(nullptr);
  EXPECT_EQ(api_.waiting(), 0u);
}

}  // namespace
}  // namespace sluice::status
