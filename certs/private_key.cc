#include "certs/private_key.h"

#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <new>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "certs/pem.h"

namespace sluice::certs {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;  // a signature costs with the cube of the size

using EvpKey = bssl::UniquePtr<EVP_PKEY>;

EvpKey ParseSec1(CBS* der) {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_parse_private_key(der, nullptr));
  EvpKey key(EVP_PKEY_new());
  return ec != nullptr && EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) ? std::move(key) : nullptr;
}

EvpKey ParsePkcs1(CBS* der) {
  bssl::UniquePtr<RSA> rsa(RSA_parse_private_key(der));
  EvpKey key(EVP_PKEY_new());
  return rsa != nullptr && EVP_PKEY_set1_RSA(key.get(), rsa.get()) ? std::move(key) : nullptr;
}

EvpKey ParseBlock(const PemBlock& block) {
  CBS der;
  CBS_init(&der, block.Der().data(), block.Der().size());
  EvpKey key;
  if (block.Label() == "PRIVATE KEY") key.reset(EVP_parse_private_key(&der));
  if (block.Label() == "EC PRIVATE KEY") key = ParseSec1(&der);
  if (block.Label() == "RSA PRIVATE KEY") key = ParsePkcs1(&der);
  ERR_clear_error();
  return CBS_len(&der) == 0 ? std::move(key) : nullptr;
}

bool IsEncrypted(const PemBlock& block) {
  return block.Label() == "ENCRYPTED PRIVATE KEY" ||
         absl::StrContains(block.Headers(), "ENCRYPTED");  // RFC 1421: Proc-Type: 4,ENCRYPTED
}

absl::StatusOr<KeyType> CheckCurve(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_ec_curve_nid(key)) {
    case NID_X9_62_prime256v1:
      return KeyType::kEcP256;
    case NID_secp384r1:
      return KeyType::kEcP384;
    default:
      return absl::InvalidArgumentError("the EC key is on a curve other than P-256 and P-384");
  }
}

absl::StatusOr<KeyType> CheckRsaSize(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_bits(key);
  if (bits >= kMinRsaBits && bits <= kMaxRsaBits) return KeyType::kRsa;
  return absl::InvalidArgumentError(absl::StrCat("the RSA key has ", bits, " bits, ", kMinRsaBits,
                                                 " to ", kMaxRsaBits, " are accepted"));
}

}  // namespace

std::string_view KeyTypeName(KeyType type) {
  switch (type) {
    case KeyType::kEcP256:
      return "EC P-256";
    case KeyType::kEcP384:
      return "EC P-384";
    case KeyType::kRsa:
      return "RSA";
    case KeyType::kEd25519:
      return "Ed25519";
  }
  return "";
}

absl::StatusOr<KeyType> CheckKeyType(const EVP_PKEY* key) {
  switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_EC:
      return CheckCurve(key);
    case EVP_PKEY_RSA:
      return CheckRsaSize(key);
    case EVP_PKEY_ED25519:
      return KeyType::kEd25519;
    default:
      return absl::InvalidArgumentError("the key is neither EC, RSA nor Ed25519");
  }
}

absl::StatusOr<PrivateKey> PrivateKey::Parse(std::string_view pem) {
  if (pem.empty()) return absl::InvalidArgumentError("the private key is empty");
  PemReader reader(pem);
  while (true) {
    absl::StatusOr<std::optional<PemBlock>> block = reader.Next();
    if (!block.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the private key cannot be read: ", block.status().message()));
    }
    if (!block->has_value()) return absl::InvalidArgumentError("there is no PEM private key");
    if (!absl::EndsWith((*block)->Label(), "PRIVATE KEY")) continue;  // EC PARAMETERS, CERTIFICATE
    if (IsEncrypted(**block)) {
      return absl::InvalidArgumentError("the private key is encrypted, store it unencrypted");
    }
    EvpKey key = ParseBlock(**block);
    if (key == nullptr) return absl::InvalidArgumentError("the private key is damaged");
    absl::StatusOr<KeyType> type = CheckKeyType(key.get());
    if (!type.ok()) return type.status();
    return PrivateKey(std::move(key), *type);
  }
}

SecretBytes PrivateKey::EncodePem() const {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  const uint8_t* data;
  size_t size;
  if (!PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) ||
      !BIO_mem_contents(bio.get(), &data, &size)) {
    throw std::bad_alloc();  // nothing but memory can be missing for a key that was parsed
  }
  return SecretBytes({data, size});
}

}  // namespace sluice::certs
