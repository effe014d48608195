#include "control/view/view.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "certs/certificate.h"
#include "control/source/manifest_folder.h"

namespace sluice::view {
namespace {

using gateway_api::PrivateBytes;
using gateway_api::Secret;

bool IsCertificate(const Secret& secret) {
  return secret.type == Secret::kTlsType || secret.data.contains(Secret::kTlsCertificate);
}

std::string_view Reveal(const Secret& secret, const char* key) {
  auto found = secret.data.find(key);
  return found == secret.data.end() ? "" : found->second.Reveal();
}

CertificateFacts ReadFacts(const Secret& secret) {
  CertificateFacts facts;
  facts.secret = secret.meta.key();
  std::string name = ToString(facts.secret);
  std::string_view chain = Reveal(secret, Secret::kTlsCertificate);
  std::string_view key = Reveal(secret, Secret::kTlsKey);
  if (chain.empty() || key.empty()) {
    facts.problem = "it has no tls.crt and tls.key";
    return facts;
  }
  auto certificate = certs::Certificate::Parse({name, chain, key});
  if (!certificate.ok()) {
    facts.problem = certificate.status().message();
    return facts;
  }
  const certs::CertificateInfo& info = certificate->info();
  facts.id = info.id;
  facts.dns_names = info.dns_names;
  facts.ip_addresses = info.ip_addresses;
  facts.subject = info.subject;
  facts.issuer = info.issuer;
  facts.key = certs::KeyTypeName(info.key_type);
  if (info.key_type == certs::KeyType::kRsa) absl::StrAppend(&facts.key, " ", info.key_bits);
  facts.not_before = info.not_before;
  facts.not_after = info.not_after;
  return facts;
}

Secret WithoutValues(const Secret& secret) {
  Secret redacted;
  redacted.meta = secret.meta;
  redacted.type = secret.type;
  for (const auto& [key, value] : secret.data) redacted.data[key] = PrivateBytes();
  return redacted;
}

}  // namespace

View MakeView(const gateway_api::ObjectSet& objects, const compile::Compiled& compiled,
              std::vector<gateway_api::Problem> problems) {
  View view;
  objects.ForEach([&](const auto& object) {
    if constexpr (std::is_same_v<std::decay_t<decltype(object)>, Secret>) {
      if (IsCertificate(object)) view.certificates.push_back(ReadFacts(object));
      view.objects.Put(WithoutValues(object));
    } else {
      view.objects.Put(object);
    }
  });
  view.statuses = compiled.statuses;
  view.snapshot = compiled.snapshot;
  view.problems = std::move(problems);
  view.problems.insert(view.problems.end(), compiled.warnings.begin(), compiled.warnings.end());
  return view;
}

absl::StatusOr<View> ReadView(const std::string& folder, absl::Time now) {
  absl::StatusOr<source::FolderContent> content = source::ReadFolder(folder);
  if (!content.ok()) return content.status();
  gateway_api::LoadResult loaded = gateway_api::LoadYaml(std::move(content->files));
  std::vector<gateway_api::Problem> problems = std::move(content->problems);
  problems.insert(problems.end(), loaded.problems.begin(), loaded.problems.end());
  compile::CompileOptions options;
  options.now = now;
  return MakeView(loaded.objects, compile::Compile(loaded.objects, options), std::move(problems));
}

}  // namespace sluice::view
