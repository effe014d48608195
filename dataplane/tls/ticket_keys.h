// Keys of TLS session tickets. They follow from a secret and the time alone, so nodes with the same
// secret open each other's tickets, nothing is stored, and a key that is out of its time is gone.
// A key seals for one slot of 12 hours and opens for two more, so a ticket lives at least 24 hours.
// Stateless after construction: any thread.
#pragma once

#include <openssl/base.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace sluice::tls {

class TicketKeys {
 public:
  static constexpr int64_t kSlotSeconds = 12 * 3600;
  static constexpr int64_t kLifetimeSeconds = 24 * 3600;
  static constexpr size_t kSecretBytes = 32;
  static constexpr size_t kOverheadBytes = 8 + 12 + 16;  // slot, nonce, tag

  using Clock = int64_t (*)();  // Unix seconds

  static int64_t SystemSeconds();
  explicit TicketKeys(std::span<const uint8_t, kSecretBytes> secret, Clock clock = SystemSeconds);
  // For a node that shares with nobody.
  static TicketKeys Random(Clock clock = SystemSeconds);
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;
  ~TicketKeys();

  // Both return the number of bytes written to `out`, which may begin where `in` does.
  // REQUIRES: out holds in.size() + kOverheadBytes (Seal), in.size() (Open).
  std::optional<size_t> Seal(std::span<uint8_t> out, std::span<const uint8_t> in) const;
  // nullopt: not ours, damaged, or out of its time.
  std::optional<size_t> Open(std::span<uint8_t> out, std::span<const uint8_t> in) const;

 private:
  bool InitAead(EVP_AEAD_CTX* context, uint64_t slot) const;

  const Clock clock_;
  std::array<uint8_t, 32> root_;  // HKDF-Extract of the secret
};

}  // namespace sluice::tls
