// The proxy on its own: Snapshot and certificates from files, sockets of its own. For development,
// benchmarks and machines without the agent. Used on the main thread; sockets are bound before the
// sandbox, files are read again after it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "certs/cert_set.h"
#include "dataplane/proxy/options.h"
#include "dataplane/snapshot/snapshot.pb.h"
#include "dataplane/worker/worker.h"

namespace sluice::proxy {

struct LoadedFiles {
  snapshot::Snapshot snapshot;
  std::shared_ptr<const certs::CertSet> certificates;
};

// The certificate "NAMESPACE/NAME@HASH" of the Snapshot is FOLDER/NAMESPACE_NAME.crt and .key (no
// object's name has an underscore); "NAME" is NAME.crt. The hash is not compared: what the files
// hold is served.
absl::StatusOr<LoadedFiles> LoadFiles(const std::string& snapshot_file,
                                      const std::string& certificate_folder);

// NotFound names a listener of `listen` that the Snapshot lacks.
absl::Status CheckListeners(const std::vector<ListenOption>& listen,
                            const snapshot::Snapshot& snapshot);

struct BoundSocket {
  int worker = 0;
  worker::ListeningSocket socket;
};

// One socket for each worker and address (SO_REUSEPORT), listening.
absl::StatusOr<std::vector<BoundSocket>> BindSockets(const std::vector<ListenOption>& listen,
                                                     int workers);

}  // namespace sluice::proxy
