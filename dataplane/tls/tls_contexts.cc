#include "dataplane/tls/tls_contexts.h"

#include <openssl/pool.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "certs/names.h"
#include "dataplane/tls/server_context.h"

namespace sluice::tls {
namespace {

std::shared_ptr<const Identity> MakeIdentity(
    std::shared_ptr<const certs::Certificate> certificate) {
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> owned;
  std::vector<CRYPTO_BUFFER*> chain;
  for (const std::string& der : certificate->info().chain_der) {
    owned.emplace_back(
        CRYPTO_BUFFER_new(reinterpret_cast<const uint8_t*>(der.data()), der.size(), nullptr));
    chain.push_back(owned.back().get());
  }
  bssl::UniquePtr<SSL_CREDENTIAL> credential(SSL_CREDENTIAL_new_x509());
  CHECK(credential != nullptr);
  if (!SSL_CREDENTIAL_set1_cert_chain(credential.get(), chain.data(), chain.size()) ||
      !SSL_CREDENTIAL_set1_private_key(credential.get(), certificate->key().get())) {
    return nullptr;
  }
  return std::make_shared<const Identity>(std::move(certificate), std::move(credential));
}

std::array<uint8_t, 32> SessionContextOf(const std::string& listener_id) {
  std::array<uint8_t, 32> digest;
  SHA256(reinterpret_cast<const uint8_t*>(listener_id.data()), listener_id.size(), digest.data());
  return digest;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TlsContexts>> TlsContexts::Build(
    const snapshot::Snapshot& snapshot, const certs::CertSet& certificates,
    const TlsContexts* previous, const TicketKeys& tickets) {
  std::shared_ptr<TlsContexts> contexts(new TlsContexts(snapshot));
  contexts->context_ =
      previous != nullptr ? bssl::UpRef(previous->context_) : MakeServerContext(tickets);
  for (const snapshot::Listener& listener : snapshot.listeners()) {
    ListenerTls& tls = contexts->listeners_.emplace_back();
    tls.session_context = SessionContextOf(listener.id());
    for (const std::string& id : listener.certificate_ids()) {
      absl::StatusOr<std::shared_ptr<const Identity>> identity =
          contexts->GetIdentity(id, certificates, previous);
      if (!identity.ok()) {
        return absl::Status(identity.status().code(), absl::StrCat("listener ", listener.id(), ": ",
                                                                   identity.status().message()));
      }
      tls.identities.push_back(*std::move(identity));
    }
  }
  return contexts;
}

absl::StatusOr<std::shared_ptr<const Identity>> TlsContexts::GetIdentity(
    const std::string& id, const certs::CertSet& certificates, const TlsContexts* previous) {
  if (const auto found = identities_.find(id); found != identities_.end()) return found->second;
  std::shared_ptr<const Identity> identity;
  if (previous != nullptr) {
    const auto found = previous->identities_.find(id);
    if (found != previous->identities_.end()) identity = found->second;
  }
  if (identity == nullptr) {
    std::shared_ptr<const certs::Certificate> certificate = certificates.Find(id);
    if (certificate == nullptr) return absl::NotFoundError(absl::StrCat("no certificate ", id));
    identity = MakeIdentity(std::move(certificate));
    if (identity == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("certificate ", id, " cannot serve TLS"));
    }
  }
  identities_.emplace(id, identity);
  return identity;
}

Identities TlsContexts::ChooseIdentities(snapshot::ListenerIndex listener,
                                         std::string_view server_name) const {
  const ListenerTls& tls = listeners_[listener];
  Identities chosen;
  for (const certs::NameMatch wanted : {certs::NameMatch::kExact, certs::NameMatch::kWildcard}) {
    for (const std::shared_ptr<const Identity>& identity : tls.identities) {
      const certs::CertificateInfo& info = identity->certificate->info();
      if (certs::MatchNames(info.dns_names, server_name) == wanted)
        chosen.push_back(identity.get());
    }
  }
  if (chosen.empty() && !tls.identities.empty()) chosen.push_back(tls.identities.front().get());
  return chosen;
}

}  // namespace sluice::tls
