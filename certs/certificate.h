// A certificate chain and its private key, checked: what a TLS Secret holds. The public part
// (CertificateInfo) is what compile, reports and SNI work with; the key is apart from it.
// Immutable, so any thread may read; a Certificate moves and never copies, because its key does
// not.
//
// In the flow: Secret or wire -> Certificate::Parse -> CertSet -> dataplane/tls.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "certs/private_key.h"

namespace sluice::certs {

struct CertificateInfo {
  // "namespace/name@<first 16 hex of SHA-256 of chain and public key>": same bytes, same id.
  std::string id;
  std::string name;                       // "namespace/name" of the Secret
  std::vector<std::string> dns_names;     // subjectAltName, lower case, as ordered there
  std::vector<std::string> ip_addresses;  // subjectAltName, textual
  std::string subject, issuer;            // RFC 2253 text
  absl::Time not_before, not_after;       // of the leaf
  KeyType key_type;
  int key_bits;
  std::vector<std::string> chain_der;  // leaf first
};

// The bytes of one Secret. They are only read; wiping them is the caller's business.
struct CertificateSource {
  std::string_view name;  // "namespace/name"
  std::string_view chain_pem;
  std::string_view key_pem;
};

class Certificate {
 public:
  static constexpr size_t kMaxChainBytes = 64 * 1024;  // of PEM; a handshake carries it each time
  static constexpr size_t kMaxChainCertificates = 10;

  // Everything but the period of validity, which the caller checks with CheckValidAt: the clock is
  // his, and a certificate that expires while it serves keeps serving.
  static absl::StatusOr<Certificate> Parse(const CertificateSource& source);

  const CertificateInfo& info() const { return info_; }
  const PrivateKey& key() const { return key_; }
  std::string ChainPem() const;

 private:
  Certificate(CertificateInfo info, PrivateKey key)
      : info_(std::move(info)), key_(std::move(key)) {}

  CertificateInfo info_;
  PrivateKey key_;
};

// FailedPrecondition with one phrase if `now` is before or after the period of validity.
absl::Status CheckValidAt(const CertificateInfo& info, absl::Time now);

}  // namespace sluice::certs
