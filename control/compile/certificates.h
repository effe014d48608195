// Step 3a: the certificates of HTTPS listeners. Pure but for the caller's CertificateCheck, which
// sees each Secret at most once, and only after the reference to it is permitted.
#pragma once

#include <map>

#include "control/compile/compile.h"
#include "control/compile/grants.h"
#include "control/compile/plan.h"

namespace sluice::compile {

class Certificates {
 public:
  Certificates(const gateway_api::ObjectSet& objects, const Grants& grants,
               const CompileOptions& options)
      : objects_(objects), grants_(grants), options_(options) {}

  // Fills certificate_ids and resolved. A reference that fails costs the others nothing; the first
  // that fails is the one reported.
  void Resolve(const ListenerHome& home, ListenerPlan& listener);

  // When the validity of a certificate that was resolved changes next.
  absl::Time valid_until() const { return valid_until_; }
  // Of the ids that were resolved.
  const gateway_api::NamespacedName& SecretOf(const std::string& id) const {
    return secrets_.at(id);
  }

 private:
  std::optional<Condition> ResolveOne(const ListenerHome& home,
                                      const gateway_api::SecretObjectReference& ref,
                                      ListenerPlan& listener);
  const CertificateView& Check(const gateway_api::Secret& secret);
  absl::Status Validity(const CertificateView& view);

  const gateway_api::ObjectSet& objects_;
  const Grants& grants_;
  const CompileOptions& options_;
  std::map<gateway_api::NamespacedName, CertificateView> checked_;
  std::map<std::string, gateway_api::NamespacedName> secrets_;
  absl::Time valid_until_ = absl::InfiniteFuture();
};

}  // namespace sluice::compile
