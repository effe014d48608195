#include "control/publish/certificate_store.h"

#include <openssl/sha.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::publish {
namespace {

using gateway_api::Secret;

std::string_view ValueOf(const Secret& secret, const char* key) {
  const auto found = secret.data.find(key);
  return found == secret.data.end() ? std::string_view() : found->second.Reveal();
}

std::array<uint8_t, 32> DigestOf(std::string_view type, std::string_view chain,
                                 std::string_view key) {
  std::array<uint8_t, 32> digest;
  SHA256_CTX context;
  SHA256_Init(&context);
  for (std::string_view value : {type, chain, key}) {
    const uint64_t size = value.size();  // so that no two triples are one text
    SHA256_Update(&context, &size, sizeof size);
    SHA256_Update(&context, value.data(), value.size());
  }
  SHA256_Final(digest.data(), &context);
  return digest;
}

absl::StatusOr<certs::Certificate> Parse(const Secret& secret, std::string_view chain,
                                         std::string_view key) {
  if (secret.type != Secret::kTlsType) {
    return absl::InvalidArgumentError(
        absl::StrCat("its type is ", secret.type, ", not ", Secret::kTlsType));
  }
  if (chain.empty())
    return absl::InvalidArgumentError(absl::StrCat("it has no ", Secret::kTlsCertificate));
  if (key.empty()) return absl::InvalidArgumentError(absl::StrCat("it has no ", Secret::kTlsKey));
  const std::string name = ToString(secret.meta.key());
  return certs::Certificate::Parse({.name = name, .chain_pem = chain, .key_pem = key});
}

}  // namespace

compile::CertificateView CertificateStore::Check(const Secret& secret) {
  const std::string_view chain = ValueOf(secret, Secret::kTlsCertificate),
                         key = ValueOf(secret, Secret::kTlsKey);
  const Digest digest = DigestOf(secret.type, chain, key);
  auto [at, fresh] = entries_.try_emplace(secret.meta.key());
  Entry& entry = at->second;
  if (fresh || entry.digest != digest) {
    absl::StatusOr<certs::Certificate> parsed = Parse(secret, chain, key);
    entry.digest = digest;
    entry.problem = parsed.status();
    if (parsed.ok()) entry.usable = std::make_shared<const certs::Certificate>(*std::move(parsed));
  }
  compile::CertificateView view{.problem = entry.problem};
  if (entry.usable != nullptr) {
    const certs::CertificateInfo& info = entry.usable->info();
    view.id = info.id;
    view.not_before = info.not_before;
    view.not_after = info.not_after;
  }
  return view;
}

CertificatePtr CertificateStore::Find(const compile::CertificateUse& use) const {
  const auto found = entries_.find(use.secret);
  if (found == entries_.end() || found->second.usable == nullptr) return nullptr;
  return found->second.usable->info().id == use.id ? found->second.usable : nullptr;
}

void CertificateStore::KeepOnly(const std::vector<compile::CertificateUse>& used) {
  std::set<gateway_api::NamespacedName> keep;
  for (const compile::CertificateUse& use : used) keep.insert(use.secret);
  std::erase_if(entries_, [&](const auto& entry) { return !keep.contains(entry.first); });
}

}  // namespace sluice::publish
