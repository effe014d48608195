#include "certs/cert_set.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::certs {

CertSet::CertSet(std::vector<CertificatePtr> certificates) {
  for (CertificatePtr& certificate : certificates) {
    std::string id = certificate->info().id;
    by_id_.insert_or_assign(std::move(id), std::move(certificate));
  }
}

absl::StatusOr<std::shared_ptr<const CertSet>> CertSet::Next(const CertSet& previous,
                                                             std::vector<CertificatePtr> added,
                                                             std::span<const std::string> ids) {
  const CertSet fresh(std::move(added));
  std::vector<CertificatePtr> members;
  for (const std::string& id : ids) {
    CertificatePtr certificate = fresh.Find(id);
    if (certificate == nullptr) certificate = previous.Find(id);
    if (certificate == nullptr) return absl::NotFoundError(absl::StrCat("no certificate ", id));
    members.push_back(std::move(certificate));
  }
  return std::make_shared<const CertSet>(std::move(members));
}

CertSet::CertificatePtr CertSet::Find(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<std::string> CertSet::Ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, certificate] : by_id_) ids.push_back(id);
  std::ranges::sort(ids);
  return ids;
}

}  // namespace sluice::certs
