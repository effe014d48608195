#include "control/election/heartbeat_keys.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dataplane/core/fd.h"

namespace sluice::election {
namespace {

constexpr size_t kMaxKeyBytes = 256;
constexpr size_t kMaxFileBytes = 4096;

uint32_t IdOfKey(std::string_view secret) {
  // Of a hash of its own kind, so that it tells nothing about signatures.
  const std::string text = absl::StrCat("sluice heartbeat key id\n", secret);
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), digest.data());
  return uint32_t{digest[0]} << 24 | uint32_t{digest[1]} << 16 | uint32_t{digest[2]} << 8 |
         digest[3];
}

}  // namespace

absl::StatusOr<HeartbeatKeys> HeartbeatKeys::Parse(std::string_view text) {
  HeartbeatKeys keys;
  int number = 0;
  for (std::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    const bool printable = std::ranges::all_of(line, [](char c) { return absl::ascii_isgraph(c); });
    if (line.size() < kMinKeyBytes || line.size() > kMaxKeyBytes || !printable) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, " is not a key of ",
                                                     kMinKeyBytes, " to ", kMaxKeyBytes,
                                                     " printable characters"));
    }
    if (keys.size() == kMaxKeys) {
      return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxKeys, " keys"));
    }
    keys.keys_.push_back({IdOfKey(line), std::string(line)});
  }
  if (keys.empty()) return absl::InvalidArgumentError("no key");
  return keys;
}

absl::StatusOr<HeartbeatKeys> HeartbeatKeys::Read(const std::string& path) {
  const core::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info;
  if (!file.valid() || ::fstat(file.get(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("heartbeat key ", path));
  }
  if (info.st_mode & 0007) {
    return absl::PermissionDeniedError(
        absl::StrCat("heartbeat key ", path, " may be read by everybody: chmod 600 it"));
  }
  std::string text(kMaxFileBytes, '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return absl::ErrnoToStatus(errno, absl::StrCat("heartbeat key ", path));
  auto keys = Parse(std::string_view(text).substr(0, static_cast<size_t>(size)));
  OPENSSL_cleanse(text.data(), text.size());
  if (keys.ok()) return keys;
  return absl::InvalidArgumentError(
      absl::StrCat("heartbeat key ", path, ": ", keys.status().message()));
}

HeartbeatKeys::HeartbeatKeys(HeartbeatKeys&& other) noexcept
    : keys_(std::exchange(other.keys_, {})) {}

HeartbeatKeys& HeartbeatKeys::operator=(HeartbeatKeys&& other) noexcept {
  if (this != &other) {
    Wipe();
    keys_ = std::exchange(other.keys_, {});
  }
  return *this;
}

HeartbeatKeys HeartbeatKeys::Copy() const {
  HeartbeatKeys copy;
  copy.keys_ = keys_;
  return copy;
}

HeartbeatKeys::~HeartbeatKeys() { Wipe(); }

void HeartbeatKeys::Wipe() {
  for (Key& key : keys_) OPENSSL_cleanse(key.secret.data(), key.secret.size());
  keys_.clear();
}

std::array<uint8_t, kMacBytes> HeartbeatKeys::Mac(const Key& key, std::span<const uint8_t> bytes) {
  std::array<uint8_t, kMacBytes> mac;
  unsigned size = 0;
  HMAC(EVP_sha256(), key.secret.data(), key.secret.size(), bytes.data(), bytes.size(), mac.data(),
       &size);
  return mac;
}

std::vector<HeartbeatKeys::Signature> HeartbeatKeys::Sign(std::span<const uint8_t> bytes) const {
  std::vector<Signature> signatures;
  for (const Key& key : keys_) signatures.push_back({key.id, Mac(key, bytes)});
  return signatures;
}

bool HeartbeatKeys::Verify(std::span<const uint8_t> bytes, const Signature& signature) const {
  for (const Key& key : keys_) {
    if (key.id != signature.key) continue;
    const std::array<uint8_t, kMacBytes> mac = Mac(key, bytes);
    if (CRYPTO_memcmp(mac.data(), signature.mac.data(), mac.size()) == 0) return true;
  }
  return false;
}

}  // namespace sluice::election
