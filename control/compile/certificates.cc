#include "control/compile/certificates.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "certs/certificate.h"
#include "control/compile/conditions.h"

namespace sluice::compile {
namespace {

using gateway_api::Secret;
using gateway_api::SecretObjectReference;

std::string_view Value(const Secret& secret, const char* key) {
  auto found = secret.data.find(key);
  return found == secret.data.end() ? "" : found->second.Reveal();
}

}  // namespace

CertificateView CheckSecret(const Secret& secret) {
  CertificateView view;
  std::string name = ToString(secret.meta.key());
  std::string_view chain = Value(secret, Secret::kTlsCertificate);
  std::string_view key = Value(secret, Secret::kTlsKey);
  if (chain.empty() || key.empty()) {
    view.problem = absl::InvalidArgumentError("it has no tls.crt and tls.key");
    return view;
  }
  auto certificate = certs::Certificate::Parse({name, chain, key});
  if (!certificate.ok()) {
    view.problem = certificate.status();
    return view;
  }
  view.id = certificate->info().id;
  view.not_before = certificate->info().not_before;
  view.not_after = certificate->info().not_after;
  return view;
}

const CertificateView& Certificates::Check(const Secret& secret) {
  auto [entry, added] = checked_.try_emplace(secret.meta.key());
  if (added) entry->second = options_.check_certificate(secret);
  return entry->second;
}

// An expired certificate serves on: a warning in a browser is better than no answer.
absl::Status Certificates::Validity(const CertificateView& view) {
  if (options_.now == absl::InfinitePast()) return absl::OkStatus();
  for (absl::Time change : {view.not_before, view.not_after}) {
    if (change > options_.now) valid_until_ = std::min(valid_until_, change);
  }
  if (options_.now < view.not_before) {
    return absl::FailedPreconditionError(absl::StrCat(
        "it is not valid before ", absl::FormatTime(view.not_before, absl::UTCTimeZone())));
  }
  if (options_.now >= view.not_after) {
    return absl::FailedPreconditionError(
        absl::StrCat("it expired at ", absl::FormatTime(view.not_after, absl::UTCTimeZone())));
  }
  return absl::OkStatus();
}

std::optional<Condition> Certificates::ResolveOne(const ListenerHome& home,
                                                  const SecretObjectReference& ref,
                                                  ListenerPlan& listener) {
  if (!ref.group.empty() || ref.kind != Secret::kKind) {
    return ListenerInvalidCertificateRef(
        absl::StrCat("certificateRefs: the kind ", ref.group, "/", ref.kind, " is not supported"));
  }
  const std::string& own = home.meta.namespace_;
  gateway_api::NamespacedName name{ref.namespace_.empty() ? own : ref.namespace_, ref.name};
  std::string what = absl::StrCat("Secret ", ToString(name));
  if (!grants_.Permits({gateway_api::kGatewayGroup, std::string(home.kind), own, "", Secret::kKind,
                        name.namespace_, name.name})) {
    return ListenerRefNotPermitted(what);
  }
  const Secret* secret = objects_.Find<Secret>(name);
  if (secret == nullptr) return ListenerInvalidCertificateRef(absl::StrCat("there is no ", what));

  const CertificateView& view = Check(*secret);
  bool is_new =
      std::ranges::find(listener.certificate_ids, view.id) == listener.certificate_ids.end();
  if (!view.id.empty() && is_new) {
    listener.certificate_ids.push_back(view.id);
    secrets_.try_emplace(view.id, name);
  }
  absl::Status problem = view.problem.ok() ? Validity(view) : view.problem;
  if (problem.ok()) return std::nullopt;
  return ListenerInvalidCertificateRef(absl::StrCat(what, ": ", problem.message()));
}

void Certificates::Resolve(const ListenerHome& home, ListenerPlan& listener) {
  const auto& tls = listener.spec->tls;
  if (!tls || tls->certificate_refs.empty()) {
    listener.resolved = ListenerInvalidCertificateRef("the listener has no certificateRefs");
    return;
  }
  std::optional<Condition> first;
  for (const SecretObjectReference& ref : tls->certificate_refs) {
    std::optional<Condition> problem = ResolveOne(home, ref, listener);
    if (!first) first = std::move(problem);
  }
  if (first) listener.resolved = *std::move(first);
}

}  // namespace sluice::compile
