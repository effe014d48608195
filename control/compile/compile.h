// Objects in; Snapshot, statuses and warnings out. Compile is pure and total: it does no I/O, reads
// no clock, takes no lock, and whatever is wrong with one object becomes a condition in its status
// and costs no other object anything. The same objects give the same bytes, in whatever order they
// came. Any thread.
//
// The Snapshot always passes snapshot::Validate. Parsing has enforced the API's own rules; what the
// API allows and we do not serve is refused here, visibly: such requests are answered 500 and never
// served without what the user asked for.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control/compile/status.h"
#include "dataplane/snapshot/snapshot.pb.h"
#include "gateway-api/object_set.h"
#include "gateway-api/parse.h"

namespace sluice::compile {

// What compile may know of a certificate: never its key.
struct CertificateView {
  std::string id;        // into the CertSet; "": there is nothing to serve
  absl::Status problem;  // why the Secret cannot be used as it is now; with an id, the last good
                         // certificate serves on
  absl::Time not_before = absl::InfinitePast();
  absl::Time not_after = absl::InfiniteFuture();
};
using CertificateCheck = std::function<CertificateView(const gateway_api::Secret&)>;

// Reads the Secret's tls.crt and tls.key, by certs::Certificate::Parse. Remembers nothing.
CertificateView CheckSecret(const gateway_api::Secret& secret);

// Which Gateway has which address (canonical text). Sticky: put Compiled::allocations in again.
using Allocations = std::map<std::string, gateway_api::NamespacedName>;

struct CompileOptions {
  CertificateCheck check_certificate = CheckSecret;
  absl::Time now = absl::InfinitePast();  // for certificates' validity; default: not judged
  Allocations allocations;                // wins over AddressPool.status.allocations
  bool allocate = true;                   // false: only the leader hands out new addresses
  gateway_api::StringMap node_labels;     // for AddressPool.nodeSelector
  // The Gateway API bundle's version, from its CRDs; "": there are no CRDs (file mode).
  std::string bundle_version;
};

struct CertificateUse {
  std::string id;
  gateway_api::NamespacedName secret;

  auto operator<=>(const CertificateUse&) const = default;
};

struct Compiled {
  snapshot::Snapshot snapshot;
  Statuses statuses;
  std::vector<CertificateUse> certificates;  // that the Snapshot's listeners name; sorted
  Allocations allocations;
  std::vector<gateway_api::Problem> warnings;       // of objects that have no status to hold them
  absl::Time valid_until = absl::InfiniteFuture();  // when a certificate's validity changes
};

Compiled Compile(const gateway_api::ObjectSet& objects, const CompileOptions& options);

}  // namespace sluice::compile
