// One generation, whole: what all workers share between two changes of configuration. Immutable.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "certs/cert_set.h"
#include "dataplane/snapshot/snapshot.pb.h"
#include "dataplane/stream/routing.h"
#include "dataplane/tls/tls_contexts.h"

namespace sluice::worker {

struct Generation {
  uint64_t number = 0;
  std::shared_ptr<const stream::Routing> routing;
  std::shared_ptr<const tls::TlsContexts> tls;
  std::shared_ptr<const certs::CertSet> certificates;
  snapshot::Settings settings;
};

// Checks and builds; runs on the main thread, off the workers. InvalidArgument names the part and
// the field that is wrong; the caller then serves on what it has. `previous` may be null; contexts
// that did not change are taken from it. REQUIRES: numbers differ from generation to generation;
// `tickets` outlives all of them.
absl::StatusOr<std::shared_ptr<const Generation>> BuildGeneration(
    uint64_t number, const snapshot::Snapshot& snapshot,
    std::shared_ptr<const certs::CertSet> certificates, const tls::TicketKeys& tickets,
    const Generation* previous);

}  // namespace sluice::worker
