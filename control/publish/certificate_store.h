// The certificates of the cluster with their private keys: the only place of the agent that holds
// them. Compile sees CertificateViews; the publisher takes what a generation uses to the proxy.
// One thread. Remembers the last good certificate of each Secret, which keeps serving while the
// Secret holds something unusable; a Secret that did not change is not parsed again.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "certs/certificate.h"
#include "control/compile/compile.h"
#include "gateway-api/secret.h"

namespace sluice::publish {

using CertificatePtr = std::shared_ptr<const certs::Certificate>;

class CertificateStore {
 public:
  // For CompileOptions::check_certificate.
  compile::CertificateView Check(const gateway_api::Secret& secret);

  // Null: unknown, or no longer kept.
  CertificatePtr Find(const compile::CertificateUse& use) const;

  // Forgets all Secrets but these: call with what a compile used.
  void KeepOnly(const std::vector<compile::CertificateUse>& used);

 private:
  using Digest = std::array<uint8_t, 32>;
  struct Entry {
    Digest digest;          // of chain and key as they were read last
    absl::Status problem;   // with those
    CertificatePtr usable;  // null: there never was one
  };

  std::map<gateway_api::NamespacedName, Entry> entries_;
};

}  // namespace sluice::publish
