// What a generation's listeners need for TLS: for each address and port the listeners with their
// hostnames and certificates. Immutable and shared by all workers; contexts of certificates that
// did not change are those of the generation before.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "certs/cert_set.h"
#include "dataplane/core/address.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::tls {

class TicketKeys;     // rotating session ticket keys, shared by all workers; ticket_keys.h
struct PortContexts;  // the HTTPS listeners that share an address and a port

class Contexts {
 public:
  // REQUIRES: snapshot::Validate accepted `snapshot`. An HTTPS listener none of whose certificates
  // is in `certs` answers unrecognized_name. `previous` may be null.
  static absl::StatusOr<std::shared_ptr<const Contexts>> Build(const snapshot::Snapshot& snapshot,
                                                               const certs::CertSet& certs,
                                                               std::shared_ptr<TicketKeys> tickets,
                                                               const Contexts* previous);
  ~Contexts();

  // Null: no HTTPS listener has that address and port.
  const PortContexts* FindPort(const core::Address& local) const;
  const PortContexts* FindPortOfListener(std::string_view listener_id) const;

 private:
  Contexts();
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

}  // namespace sluice::tls
