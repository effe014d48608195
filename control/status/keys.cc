#include "control/status/keys.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/kube/resource.h"

namespace sluice::status {
namespace {

using gateway_api::PrivateBytes;

constexpr kube::Resource kSecrets = {"", "v1", "secrets", "Secret", true};
constexpr char kHeartbeat[] = "heartbeat";
constexpr char kTicket[] = "ticket";
constexpr size_t kKeyBytes = 32;
constexpr size_t kMostKeys = 2;
constexpr size_t kShortest = 16, kLongest = 256;

// A text that is wiped when it goes.
struct Wiped {
  std::string text;
  ~Wiped() { gateway_api::WipeMemory(text.data(), text.size()); }
};

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

absl::Status CheckHeartbeat(std::string_view line) {
  if (line.size() < kShortest || line.size() > kLongest) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", line.size(), " characters, not ", kShortest, " to ", kLongest));
  }
  if (std::ranges::all_of(line, [](char c) { return absl::ascii_isprint(c); })) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("has characters that cannot be printed");
}

absl::Status CheckTicket(std::string_view line) {
  if (line.size() == 2 * kKeyBytes &&
      std::ranges::all_of(line, [](char c) { return absl::ascii_isxdigit(c); })) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "is not ", 2 * kKeyBytes, " hexadecimal digits (it has ", line.size(), " characters)"));
}

absl::StatusOr<std::vector<std::string_view>> ReadLines(const gateway_api::Secret& secret,
                                                        const char* key,
                                                        absl::Status (*check)(std::string_view)) {
  const std::string where = absl::StrCat("Secret ", ToString(secret.meta.key()), ", ", key);
  auto found = secret.data.find(key);
  if (found == secret.data.end()) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": is missing"));
  }
  std::vector<std::string_view> lines = Lines(found->second.Reveal());
  if (lines.empty() || lines.size() > kMostKeys) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": holds ", lines.size(), " keys, not 1 or 2"));
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    if (absl::Status good = check(lines[i]); !good.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": key ", i + 1, " ", good.message()));
    }
  }
  return lines;
}

PrivateBytes RandomKey() {
  std::array<uint8_t, kKeyBytes> bytes;
  CHECK_EQ(RAND_bytes(bytes.data(), bytes.size()), 1);
  Wiped hex{absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), bytes.size()})};
  gateway_api::WipeMemory(bytes.data(), bytes.size());
  return PrivateBytes(hex.text);
}

PrivateBytes DataOf(const gateway_api::Secret& secret, const char* key) {
  auto found = secret.data.find(key);
  return found == secret.data.end() ? PrivateBytes() : found->second;
}

std::string SecretBody(const std::string& in_namespace, const PrivateBytes& heartbeat,
                       const PrivateBytes& ticket) {
  // Base64 needs no escapes, and a document in between would leave copies behind.
  Wiped first{absl::Base64Escape(heartbeat.Reveal())}, second{absl::Base64Escape(ticket.Reveal())};
  const nlohmann::json metadata = {{"name", kKeysSecret},
                                   {"namespace", in_namespace},
                                   {"labels", {{"app.kubernetes.io/managed-by", "sluice"}}}};
  return absl::StrCat(R"({"apiVersion":"v1","kind":"Secret","type":"Opaque","metadata":)",
                      metadata.dump(), R"(,"data":{"heartbeat":")", first.text, R"(","ticket":")",
                      second.text, R"("}})");
}

}  // namespace

absl::StatusOr<SharedKeys> ReadKeys(const gateway_api::Secret& secret) {
  auto heartbeats = ReadLines(secret, kHeartbeat, CheckHeartbeat);
  if (!heartbeats.ok()) return heartbeats.status();
  auto tickets = ReadLines(secret, kTicket, CheckTicket);
  if (!tickets.ok()) return tickets.status();
  SharedKeys keys{.heartbeat = DataOf(secret, kHeartbeat), .tickets = {}};
  for (std::string_view line : *tickets) {
    Wiped bytes;
    CHECK(absl::HexStringToBytes(line, &bytes.text));
    keys.tickets.emplace_back(bytes.text);
  }
  return keys;
}

KeyMaker::KeyMaker(core::EventLoop& loop, kube::Client& client, KeyMakerOptions options)
    : loop_(loop),
      client_(client),
      options_(std::move(options)),
      backoff_(absl::Milliseconds(500), absl::Seconds(60),
               [this] { return std::uniform_real_distribution<double>()(random_); }),
      retry_([](void* self) { static_cast<KeyMaker*>(self)->Make(); }, this) {}

void KeyMaker::Look(const gateway_api::Secret* found) {
  if (found != nullptr) {
    heartbeat_ = DataOf(*found, kHeartbeat);
    ticket_ = DataOf(*found, kTicket);
    made_ = false;
    retry_.Cancel();
    return;
  }
  if (!made_ && call_ == nullptr && !retry_.armed()) Make();
}

void KeyMaker::Stop() {
  call_.reset();
  made_ = false;
  retry_.Cancel();
}

void KeyMaker::Make() {
  if (!options_.may_write()) return;
  if (heartbeat_.empty()) heartbeat_ = RandomKey();
  if (ticket_.empty()) ticket_ = RandomKey();
  kube::Request request{.method = kube::Method::kPost,
                        .path = kube::CollectionPath(kSecrets, options_.namespace_),
                        .body = SecretBody(options_.namespace_, heartbeat_, ticket_),
                        .deadline = options_.deadline};
  call_ = client_.Send(std::move(request),
                       [this](const kube::Response& response) { OnMade(response); });
}

void KeyMaker::OnMade(const kube::Response& response) {
  const std::unique_ptr<kube::Call> ended = std::move(call_);
  const bool there = response.transport.ok() && response.code == 409;
  if (response.ok() || there) {
    if (!there) LOG(INFO) << "made the Secret " << options_.namespace_ << "/" << kKeysSecret;
    backoff_.Reset();
    made_ = true;
    return;
  }
  if (backoff_.failures() == 0) {
    LOG(WARNING) << "the Secret " << options_.namespace_ << "/" << kKeysSecret
                 << " cannot be made, which is tried again: " << response.ToStatus().message();
  }
  const absl::Duration wait = response.retry_after.value_or(backoff_.Next());
  loop_.timers().Arm(retry_, static_cast<uint64_t>(absl::ToInt64Milliseconds(wait)));
}

}  // namespace sluice::status
