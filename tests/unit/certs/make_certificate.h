// Self-signed certificates for tests, made on the spot, so that no key lies in the repository.
#pragma once

#include <openssl/base.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::testing {

struct CertificateSpec {
  std::vector<std::string> names = {"a.example.com"};  // "IP:192.0.2.1" for an address
  int curve = NID_X9_62_prime256v1;
  int rsa_bits = 0;  // not 0: RSA instead of EC
  bool ed25519 = false;
  int64_t not_before = 1'700'000'000, not_after = 4'000'000'000;  // Unix seconds
};

struct PemPair {
  std::string chain, key;
};

inline void Require(bool ok) {
  if (!ok) throw std::runtime_error("making a test certificate failed");
}

inline bssl::UniquePtr<EVP_PKEY> MakeKey(const CertificateSpec& spec) {
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (spec.ed25519) {
    bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
    EVP_PKEY* made = nullptr;
    Require(EVP_PKEY_keygen_init(context.get()) && EVP_PKEY_keygen(context.get(), &made));
    key.reset(made);
  } else if (spec.rsa_bits != 0) {
    bssl::UniquePtr<RSA> rsa(RSA_new());
    bssl::UniquePtr<BIGNUM> exponent(BN_new());
    Require(BN_set_word(exponent.get(), RSA_F4) &&
            RSA_generate_key_ex(rsa.get(), spec.rsa_bits, exponent.get(), nullptr) &&
            EVP_PKEY_set1_RSA(key.get(), rsa.get()));
  } else {
    bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(spec.curve));
    Require(EC_KEY_generate_key(ec.get()) && EVP_PKEY_set1_EC_KEY(key.get(), ec.get()));
  }
  return key;
}

inline void AddAltNames(X509* certificate, const std::vector<std::string>& names) {
  if (names.empty()) return;
  bssl::UniquePtr<GENERAL_NAMES> list(GENERAL_NAMES_new());
  for (const std::string& name : names) {
    bssl::UniquePtr<GENERAL_NAME> entry(GENERAL_NAME_new());
    if (name.starts_with("IP:")) {
      bssl::UniquePtr<ASN1_OCTET_STRING> address(a2i_IPADDRESS(name.substr(3).c_str()));
      Require(address != nullptr);
      GENERAL_NAME_set0_value(entry.get(), GEN_IPADD, address.release());
    } else {
      bssl::UniquePtr<ASN1_IA5STRING> text(ASN1_IA5STRING_new());
      Require(ASN1_STRING_set(text.get(), name.data(), static_cast<ossl_ssize_t>(name.size())));
      GENERAL_NAME_set0_value(entry.get(), GEN_DNS, text.release());
    }
    Require(bssl::PushToStack(list.get(), std::move(entry)));
  }
  Require(X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, 0));
}

inline bssl::UniquePtr<X509> MakeX509(const CertificateSpec& spec, EVP_PKEY* key) {
  bssl::UniquePtr<X509> certificate(X509_new());
  Require(X509_set_version(certificate.get(), X509_VERSION_3) &&
          ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate.get()), 1) &&
          ASN1_TIME_set_posix(X509_getm_notBefore(certificate.get()), spec.not_before) &&
          ASN1_TIME_set_posix(X509_getm_notAfter(certificate.get()), spec.not_after));
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  Require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                     reinterpret_cast<const uint8_t*>("Test"), -1, -1, 0));
  Require(X509_set_issuer_name(certificate.get(), subject) &&
          X509_set_pubkey(certificate.get(), key));
  AddAltNames(certificate.get(), spec.names);
  Require(X509_sign(certificate.get(), key, spec.ed25519 ? nullptr : EVP_sha256()));
  return certificate;
}

inline std::string BioText(BIO* bio) {
  const uint8_t* data;
  size_t size;
  Require(BIO_mem_contents(bio, &data, &size));
  return {reinterpret_cast<const char*>(data), size};
}

inline PemPair MakePair(const CertificateSpec& spec = {}) {
  bssl::UniquePtr<EVP_PKEY> key = MakeKey(spec);
  bssl::UniquePtr<X509> certificate = MakeX509(spec, key.get());
  bssl::UniquePtr<BIO> chain(BIO_new(BIO_s_mem())), key_bio(BIO_new(BIO_s_mem()));
  Require(
      PEM_write_bio_X509(chain.get(), certificate.get()) &&
      PEM_write_bio_PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr));
  return {BioText(chain.get()), BioText(key_bio.get())};
}

}  // namespace sluice::testing
