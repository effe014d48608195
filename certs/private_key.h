// The private key of a certificate. It has one form in memory, BoringSSL's, which wipes what it
// frees; PEM is made on demand, for the wire alone, in a buffer that is wiped too. Moves, never
// copies; cannot be printed. Error phrases never hold key material. Immutable: any thread.
#pragma once

#include <openssl/base.h>
#include <openssl/evp.h>

#include <cstdint>
#include <ostream>
#include <string_view>

#include "absl/status/statusor.h"
#include "certs/secret.h"

namespace sluice::certs {

enum class KeyType : uint8_t { kEcP256, kEcP384, kRsa, kEd25519 };

std::string_view KeyTypeName(KeyType type);  // "EC P-256"

// The type of `key`, or why it cannot be served with ("the RSA key has 1024 bits, ...").
absl::StatusOr<KeyType> CheckKeyType(const EVP_PKEY* key);

class PrivateKey {
 public:
  // The first private key in `pem`: PKCS#8 (RFC 5958), SEC1 (RFC 5915) or PKCS#1 (RFC 8017).
  static absl::StatusOr<PrivateKey> Parse(std::string_view pem);

  PrivateKey(PrivateKey&&) = default;
  PrivateKey& operator=(PrivateKey&&) = default;

  KeyType type() const { return type_; }
  EVP_PKEY* get() const { return key_.get(); }  // borrowed, for BoringSSL
  SecretBytes EncodePem() const;                // PKCS#8

 private:
  PrivateKey(bssl::UniquePtr<EVP_PKEY> key, KeyType type) : key_(std::move(key)), type_(type) {}

  bssl::UniquePtr<EVP_PKEY> key_;
  KeyType type_;
};

template <typename Sink>
void AbslStringify(Sink& sink, const PrivateKey& key) = delete;
std::ostream& operator<<(std::ostream& stream, const PrivateKey& key) = delete;

}  // namespace sluice::certs
