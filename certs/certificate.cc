#include "certs/certificate.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "certs/pem.h"

namespace sluice::certs {
namespace {

using X509Ptr = bssl::UniquePtr<X509>;

std::string_view Text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The DER of each certificate in `pem`. Other blocks are skipped: some tools write a file with key
// and chain together.
absl::StatusOr<std::vector<std::string>> ReadChain(std::string_view pem) {
  if (pem.empty()) return absl::InvalidArgumentError("the certificate is empty");
  if (pem.size() > Certificate::kMaxChainBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the certificate chain has ", pem.size(),
                                                   " bytes, at most ", Certificate::kMaxChainBytes,
                                                   " are accepted"));
  }
  std::vector<std::string> chain;
  PemReader reader(pem);
  while (true) {
    absl::StatusOr<std::optional<PemBlock>> block = reader.Next();
    if (!block.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the certificate cannot be read: ", block.status().message()));
    }
    if (!block->has_value()) break;
    if ((*block)->Label() == "CERTIFICATE") chain.emplace_back(Text((*block)->Der()));
  }
  if (chain.empty()) return absl::InvalidArgumentError("there is no PEM certificate");
  if (chain.size() > Certificate::kMaxChainCertificates) {
    return absl::InvalidArgumentError(
        absl::StrCat("the chain has ", chain.size(), " certificates, at most ",
                     Certificate::kMaxChainCertificates, " are accepted"));
  }
  return chain;
}

X509Ptr ParseX509(std::string_view der) {
  const uint8_t* data = reinterpret_cast<const uint8_t*>(der.data());
  const uint8_t* const end = data + der.size();
  X509Ptr x509(d2i_X509(nullptr, &data, static_cast<long>(der.size())));
  ERR_clear_error();
  return data == end ? std::move(x509) : nullptr;
}

// Parses every certificate, as a client would refuse a chain with a damaged link; the leaf stays.
absl::StatusOr<X509Ptr> ParseLeaf(const std::vector<std::string>& chain) {
  X509Ptr leaf;
  for (size_t i = 0; i < chain.size(); ++i) {
    X509Ptr x509 = ParseX509(chain[i]);
    if (x509 == nullptr || X509_get0_pubkey(x509.get()) == nullptr) {
      ERR_clear_error();
      return absl::InvalidArgumentError(
          absl::StrCat("certificate ", i + 1, " of the chain is damaged"));
    }
    if (i == 0) leaf = std::move(x509);
  }
  return leaf;
}

std::string AddressText(std::string_view bytes) {
  char text[INET6_ADDRSTRLEN];
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  if (bytes.size() != 4 && bytes.size() != 16) return "";
  return inet_ntop(family, bytes.data(), text, sizeof text) != nullptr ? text : "";
}

std::string_view Bytes(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

void ReadAltNames(const X509* leaf, CertificateInfo& info) {
  bssl::UniquePtr<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  if (names == nullptr) return;
  for (const GENERAL_NAME* name : names.get()) {
    if (name->type == GEN_DNS) {
      const std::string_view dns = Bytes(name->d.dNSName);
      // A name with a NUL or a space can match nothing and would only mislead a reader.
      if (!dns.empty() && std::ranges::all_of(dns, absl::ascii_isgraph)) {
        info.dns_names.push_back(absl::AsciiStrToLower(dns));
      }
    } else if (name->type == GEN_IPADD) {
      std::string address = AddressText(Bytes(name->d.iPAddress));
      if (!address.empty()) info.ip_addresses.push_back(std::move(address));
    }
  }
}

std::string NameText(const X509_NAME* name) {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  const uint8_t* data = nullptr;
  size_t size = 0;
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  return BIO_mem_contents(bio.get(), &data, &size) ? std::string(Text({data, size})) : "";
}

absl::StatusOr<absl::Time> ReadTime(const ASN1_TIME* time) {
  int64_t seconds;
  if (!ASN1_TIME_to_posix(time, &seconds)) {
    ERR_clear_error();
    return absl::InvalidArgumentError("the certificate's period of validity is damaged");
  }
  return absl::FromUnixSeconds(seconds);
}

std::string PublicKeyDer(const EVP_PKEY* key) {
  bssl::ScopedCBB cbb;
  if (!CBB_init(cbb.get(), 256) || !EVP_marshal_public_key(cbb.get(), key) ||
      !CBB_flush(cbb.get())) {
    throw std::bad_alloc();
  }
  return std::string(Text({CBB_data(cbb.get()), CBB_len(cbb.get())}));
}

std::string ContentHash(const std::vector<std::string>& chain, const EVP_PKEY* key) {
  SHA256_CTX hash;
  SHA256_Init(&hash);
  for (const std::string& der : chain) SHA256_Update(&hash, der.data(), der.size());
  const std::string public_key = PublicKeyDer(key);
  SHA256_Update(&hash, public_key.data(), public_key.size());
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256_Final(digest.data(), &hash);
  return absl::BytesToHexString(Text(digest)).substr(0, 16);
}

absl::StatusOr<CertificateInfo> Describe(std::string_view name, std::vector<std::string> chain,
                                         const X509* leaf) {
  const EVP_PKEY* key = X509_get0_pubkey(leaf);
  absl::StatusOr<KeyType> type = CheckKeyType(key);
  if (!type.ok()) return type.status();
  absl::StatusOr<absl::Time> not_before = ReadTime(X509_get0_notBefore(leaf));
  if (!not_before.ok()) return not_before.status();
  absl::StatusOr<absl::Time> not_after = ReadTime(X509_get0_notAfter(leaf));
  if (!not_after.ok()) return not_after.status();

  CertificateInfo info;
  info.id = absl::StrCat(name, "@", ContentHash(chain, key));
  info.name = name;
  ReadAltNames(leaf, info);
  info.subject = NameText(X509_get_subject_name(leaf));
  info.issuer = NameText(X509_get_issuer_name(leaf));
  info.not_before = *not_before;
  info.not_after = *not_after;
  info.key_type = *type;
  info.key_bits = EVP_PKEY_bits(key);
  info.chain_der = std::move(chain);
  return info;
}

}  // namespace

absl::StatusOr<Certificate> Certificate::Parse(const CertificateSource& source) {
  absl::StatusOr<std::vector<std::string>> chain = ReadChain(source.chain_pem);
  if (!chain.ok()) return chain.status();
  absl::StatusOr<X509Ptr> leaf = ParseLeaf(*chain);
  if (!leaf.ok()) return leaf.status();
  absl::StatusOr<CertificateInfo> info = Describe(source.name, *std::move(chain), leaf->get());
  if (!info.ok()) return info.status();
  absl::StatusOr<PrivateKey> key = PrivateKey::Parse(source.key_pem);
  if (!key.ok()) return key.status();
  if (EVP_PKEY_cmp(X509_get0_pubkey(leaf->get()), key->get()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("the private key does not belong to the first certificate");
  }
  return Certificate(*std::move(info), *std::move(key));
}

std::string Certificate::ChainPem() const {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  for (const std::string& der : info_.chain_der) {
    PEM_write_bio(bio.get(), "CERTIFICATE", "", reinterpret_cast<const uint8_t*>(der.data()),
                  static_cast<long>(der.size()));
  }
  const uint8_t* data;
  size_t size;
  if (!BIO_mem_contents(bio.get(), &data, &size)) throw std::bad_alloc();
  return std::string(Text({data, size}));
}

absl::Status CheckValidAt(const CertificateInfo& info, absl::Time now) {
  const auto text = [](absl::Time time) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
  };
  if (now > info.not_after) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate expired at ", text(info.not_after)));
  }
  if (now < info.not_before) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate is not valid before ", text(info.not_before)));
  }
  return absl::OkStatus();
}

}  // namespace sluice::certs
