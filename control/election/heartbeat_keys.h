// The secrets that nodes of one LAN share, and the signatures of heartbeats by them. One key, or
// two while a new one is brought in: a heartbeat is signed with each, and one that the receiver
// knows is enough. So nodes may learn of the new key in any order: first add it everywhere, then
// take the old one away. Keys are wiped when they go and cannot be printed. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace sluice::election {

inline constexpr size_t kMaxKeys = 2;
inline constexpr size_t kMinKeyBytes = 16;
inline constexpr size_t kMacBytes = 32;  // HMAC-SHA256

class HeartbeatKeys {
 public:
  // A text with one key a line; blank lines do not count. A key is what stands there, of 16 to 256
  // printable characters. InvalidArgument names the line, never its content.
  static absl::StatusOr<HeartbeatKeys> Parse(std::string_view text);
  // A file of that form; not readable for others, or PermissionDenied.
  static absl::StatusOr<HeartbeatKeys> Read(const std::string& path);

  HeartbeatKeys() = default;  // none: nothing is signed, nothing is accepted
  HeartbeatKeys(HeartbeatKeys&& other) noexcept;
  HeartbeatKeys& operator=(HeartbeatKeys&& other) noexcept;
  ~HeartbeatKeys();

  struct Signature {
    uint32_t key = 0;  // which: the beginning of the key's own hash
    std::array<uint8_t, kMacBytes> mac = {};
  };

  HeartbeatKeys Copy() const;  // for another LAN of the same node

  bool empty() const { return keys_.empty(); }
  size_t size() const { return keys_.size(); }
  std::vector<Signature> Sign(std::span<const uint8_t> bytes) const;
  // In constant time.
  bool Verify(std::span<const uint8_t> bytes, const Signature& signature) const;

 private:
  struct Key {
    uint32_t id = 0;
    std::string secret;
  };

  void Wipe();
  static std::array<uint8_t, kMacBytes> Mac(const Key& key, std::span<const uint8_t> bytes);

  std::vector<Key> keys_;
};

}  // namespace sluice::election
