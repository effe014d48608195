// The certificates of one generation, by id. Immutable and shared: every worker reads it without a
// lock, and a certificate that did not change is the same object in the next generation.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "certs/certificate.h"

namespace sluice::certs {

class CertSet {
 public:
  using CertificatePtr = std::shared_ptr<const Certificate>;

  CertSet() = default;
  explicit CertSet(std::vector<CertificatePtr> certificates);

  // The set that holds exactly `ids`: taken from `added`, else from `previous`. NotFound names an
  // id that neither has.
  static absl::StatusOr<std::shared_ptr<const CertSet>> Next(const CertSet& previous,
                                                             std::vector<CertificatePtr> added,
                                                             std::span<const std::string> ids);

  CertificatePtr Find(std::string_view id) const;  // null if there is none
  std::vector<std::string> Ids() const;            // sorted
  size_t size() const { return by_id_.size(); }

 private:
  absl::flat_hash_map<std::string, CertificatePtr> by_id_;
};

}  // namespace sluice::certs
