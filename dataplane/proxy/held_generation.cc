#include "dataplane/proxy/held_generation.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::proxy {
namespace {

// "namespace/name" of "namespace/name@hash".
std::string_view NameOf(std::string_view id) { return id.substr(0, id.rfind('@')); }

absl::StatusOr<std::vector<certs::CertSet::CertificatePtr>> ParseCertificates(
    const channel::CertSet& set) {
  std::vector<certs::CertSet::CertificatePtr> parsed;
  for (const channel::Certificate& certificate : set.certificates()) {
    auto one = certs::Certificate::Parse({.name = NameOf(certificate.id()),
                                          .chain_pem = certificate.chain_pem(),
                                          .key_pem = certificate.key_pem()});
    if (!one.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("certificate ", certificate.id(), ": ", one.status().message()));
    }
    parsed.push_back(std::make_shared<const certs::Certificate>(*std::move(one)));
  }
  return parsed;
}

}  // namespace

absl::StatusOr<HeldGeneration::Next> HeldGeneration::Prepare(const channel::Update& update) const {
  const bool whole = update.base() == 0;
  if (!whole && update.base() != number_) {
    return absl::FailedPreconditionError(
        absl::StrCat("it edits generation ", update.base(), ", not ", number_));
  }
  auto parts = (whole ? channel::PartSet() : parts_).Edit(update);
  if (!parts.ok()) {
    return whole ? absl::InvalidArgumentError(parts.status().message())
                 : absl::FailedPreconditionError(parts.status().message());
  }
  auto added = ParseCertificates(update.certificates());
  if (!added.ok()) return added.status();
  const std::vector<std::string> ids(update.certificate_ids().begin(),
                                     update.certificate_ids().end());
  auto certificates = certs::CertSet::Next(*certificates_, *std::move(added), ids);
  if (!certificates.ok()) {
    return whole ? absl::InvalidArgumentError(certificates.status().message())
                 : absl::FailedPreconditionError(certificates.status().message());
  }
  auto snapshot = parts->Assemble();
  if (!snapshot.ok()) return snapshot.status();
  return Next{update.generation(), *std::move(snapshot), *std::move(certificates),
              *std::move(parts)};
}

void HeldGeneration::Commit(Next next) {
  number_ = next.number;
  parts_ = std::move(next.parts);
  certificates_ = std::move(next.certificates);
}

void HeldGeneration::WriteTo(channel::Hello& hello) const {
  hello.set_generation(number_);
  for (std::string& hash : parts_.Hashes()) *hello.add_have_parts() = std::move(hash);
  for (std::string& id : certificates_->Ids()) *hello.add_have_certificates() = std::move(id);
}

}  // namespace sluice::proxy
