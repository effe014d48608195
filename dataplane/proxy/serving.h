// What the proxy serves: the workers, the generation that they run, and the sockets that they
// accept from. Lives on the main thread. A generation is built here, off the workers; one that
// cannot be built changes nothing. Sockets are used from the first generation on, so that no
// connection is taken that could not be answered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "certs/cert_set.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/proxy/access_log_writer.h"
#include "dataplane/snapshot/snapshot.pb.h"
#include "dataplane/tls/ticket_keys.h"
#include "dataplane/worker/fleet.h"

namespace sluice::proxy {

struct ApplyCounters {
  uint64_t applied = 0;
  uint64_t refused = 0;
};

class Serving {
 public:
  // Starts the workers; their access log goes to `access_log`. Both outlive this.
  Serving(core::Mailbox& main, int workers, AccessLogWriter& access_log);

  // Ticket keys follow from this secret. The first that comes before the first generation counts;
  // without one they are random, and tickets end with the process.
  void UseTicketSecret(std::string_view secret);

  // `done` gets Ok once every worker serves this generation, or at once why it cannot be served.
  void Apply(uint64_t number, const snapshot::Snapshot& snapshot,
             std::shared_ptr<const certs::CertSet> certificates,
             std::function<void(absl::Status)> done);

  // Worker numbers go round: a socket for a worker that is not there goes to another.
  void AddSocket(int worker, worker::ListeningSocket socket);

  uint64_t generation() const { return current_ == nullptr ? 0 : current_->number; }
  const ApplyCounters& counters() const { return counters_; }
  worker::Fleet& fleet() { return fleet_; }

 private:
  void OpenWaiting();

  std::unique_ptr<const tls::TicketKeys> tickets_;  // outlives all generations and workers
  AccessLogWriter& access_log_;
  std::shared_ptr<const worker::Generation> current_;
  std::vector<std::pair<int, worker::ListeningSocket>> waiting_;  // for the first generation
  bool open_ = false;
  ApplyCounters counters_;
  worker::Fleet fleet_;
};

}  // namespace sluice::proxy
