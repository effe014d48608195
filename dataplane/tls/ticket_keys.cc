#include "dataplane/tls/ticket_keys.h"

#include <openssl/aead.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/hkdf.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "absl/log/check.h"

namespace sluice::tls {
namespace {

constexpr size_t kSlotBytes = 8;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kKeyBytes = 32;
constexpr char kSalt[] = "sluice tls session tickets v1";
constexpr uint64_t kOldSlots = 2;  // that still open

// Misuse-resistant: two nodes that draw the same nonce in a slot give nothing away.
const EVP_AEAD* Aead() { return EVP_aead_aes_256_gcm_siv(); }

}  // namespace

int64_t TicketKeys::SystemSeconds() { return static_cast<int64_t>(time(nullptr)); }

TicketKeys::TicketKeys(std::span<const uint8_t, kSecretBytes> secret, Clock clock) : clock_(clock) {
  size_t size;
  CHECK(HKDF_extract(root_.data(), &size, EVP_sha256(), secret.data(), secret.size(),
                     reinterpret_cast<const uint8_t*>(kSalt), sizeof kSalt - 1));
  CHECK_EQ(size, root_.size());
}

TicketKeys TicketKeys::Random(Clock clock) {
  std::array<uint8_t, kSecretBytes> secret;
  RAND_bytes(secret.data(), secret.size());
  return TicketKeys(secret, clock);
}

TicketKeys::~TicketKeys() { OPENSSL_cleanse(root_.data(), root_.size()); }

bool TicketKeys::InitAead(EVP_AEAD_CTX* context, uint64_t slot) const {
  std::array<uint8_t, kKeyBytes> key;
  uint8_t info[kSlotBytes];
  std::memcpy(info, &slot, sizeof info);
  const bool ok = HKDF_expand(key.data(), key.size(), EVP_sha256(), root_.data(), root_.size(),
                              info, sizeof info) &&
                  EVP_AEAD_CTX_init(context, Aead(), key.data(), key.size(), kTagBytes, nullptr);
  OPENSSL_cleanse(key.data(), key.size());
  return ok;
}

std::optional<size_t> TicketKeys::Seal(std::span<uint8_t> out, std::span<const uint8_t> in) const {
  const uint64_t slot = static_cast<uint64_t>(clock_() / kSlotSeconds);
  bssl::ScopedEVP_AEAD_CTX context;
  if (!InitAead(context.get(), slot)) return std::nullopt;
  uint8_t header[kSlotBytes + kNonceBytes];
  std::memcpy(header, &slot, kSlotBytes);
  RAND_bytes(header + kSlotBytes, kNonceBytes);

  // The plaintext may lie where the header goes: move it first, then seal in place.
  std::memmove(out.data() + sizeof header, in.data(), in.size());
  size_t sealed;
  if (!EVP_AEAD_CTX_seal(context.get(), out.data() + sizeof header, &sealed,
                         out.size() - sizeof header, header + kSlotBytes, kNonceBytes,
                         out.data() + sizeof header, in.size(), header, kSlotBytes)) {
    return std::nullopt;
  }
  std::memcpy(out.data(), header, sizeof header);
  return sizeof header + sealed;
}

std::optional<size_t> TicketKeys::Open(std::span<uint8_t> out, std::span<const uint8_t> in) const {
  uint8_t header[kSlotBytes + kNonceBytes];
  if (in.size() < kOverheadBytes) return std::nullopt;
  std::memcpy(header, in.data(), sizeof header);
  uint64_t slot;
  std::memcpy(&slot, header, kSlotBytes);
  const uint64_t now = static_cast<uint64_t>(clock_() / kSlotSeconds);
  // One slot ahead: from a node whose clock is a little before ours.
  if (slot > now + 1 || slot + kOldSlots < now) return std::nullopt;

  bssl::ScopedEVP_AEAD_CTX context;
  if (!InitAead(context.get(), slot)) return std::nullopt;
  size_t opened;
  const std::span<const uint8_t> sealed = in.subspan(sizeof header);
  std::memmove(out.data(), sealed.data(), std::min(sealed.size(), out.size()));
  if (sealed.size() > out.size() ||
      !EVP_AEAD_CTX_open(context.get(), out.data(), &opened, out.size(), header + kSlotBytes,
                         kNonceBytes, out.data(), sealed.size(), header, kSlotBytes)) {
    ERR_clear_error();  // what lies in the queue would make BoringSSL fail the handshake
    return std::nullopt;
  }
  return opened;
}

}  // namespace sluice::tls
