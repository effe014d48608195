// All workers of the process, as the main thread sees them. Every call is the main thread's; every
// callback runs on the main thread too, by its mailbox.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "dataplane/core/mailbox.h"
#include "dataplane/worker/worker.h"

namespace sluice::worker {

struct FleetOptions {
  int workers = 1;
  bool pin = true;      // worker n on CPU n
  core::Limits limits;  // of the process; shared out evenly where they count things
  // Gets access-log batches, on worker threads: must be thread-safe and must not block.
  stream::AccessLog::Sink access_log;
};

class Fleet {
 public:
  // `main` is the mailbox of the main thread's loop; it outlives the fleet.
  Fleet(core::Mailbox& main, const FleetOptions& options);
  ~Fleet();

  int size() const { return static_cast<int>(workers_.size()); }

  // The worker accepts from `socket` from now on. It listens already and does not block.
  void AddListeningSocket(int worker, ListeningSocket socket);
  // `done` once every worker has moved to `generation`; requests under way end on the old one.
  void Apply(std::shared_ptr<const Generation> generation, std::function<void()> done);
  // `done` once every worker's loop has come round: none of them hangs.
  void Ping(std::function<void()> done) { PingFrom(main_, std::move(done)); }
  // The same from any thread; `done` runs on the loop of `reply`, which outlives the fleet.
  void PingFrom(core::Mailbox& reply, std::function<void()> done);
  // `done` gets one element a worker.
  void Stats(std::function<void(std::vector<WorkerStats>)> done);
  // Stops accepting; what is open may end.
  void Drain();
  // `done(open)` with the number of connections that are left.
  void CountOpen(std::function<void(size_t open)> done);

 private:
  // Runs `work` on every worker, then `done` on the loop of `reply`. From any thread.
  void OnAll(core::Mailbox& reply, std::function<void(Worker&, int number)> work,
             std::function<void()> done);

  core::Mailbox& main_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace sluice::worker
