#include "dataplane/worker/fleet.h"

#include <atomic>

namespace sluice::worker {
Fleet::Fleet(core::Mailbox& main, const FleetOptions& options) : main_(main) {
  for (int i = 0; i < options.workers; ++i) {
    workers_.push_back(
        std::make_unique<Worker>(i, options.workers, options.limits, options.access_log));
    workers_.back()->Start(options.pin && options.workers > 1);
  }
}

Fleet::~Fleet() = default;

void Fleet::OnAll(core::Mailbox& reply, std::function<void(Worker&, int)> work,
                  std::function<void()> done) {
  auto left = std::make_shared<std::atomic<int>>(size());
  for (int i = 0; i < size(); ++i) {
    Worker* worker = workers_[static_cast<size_t>(i)].get();
    worker->Post([&reply, worker, i, work, done, left] {
      work(*worker, i);
      if (left->fetch_sub(1) == 1 && done) reply.Post(done);
    });
  }
}

void Fleet::AddListeningSocket(int worker, ListeningSocket socket) {
  // std::function wants a copyable capture.
  auto shared = std::make_shared<ListeningSocket>(std::move(socket));
  Worker* target = workers_[static_cast<size_t>(worker)].get();
  target->Post([target, shared] { target->AddListeningSocket(std::move(*shared)); });
}

void Fleet::Apply(std::shared_ptr<const Generation> generation, std::function<void()> done) {
  OnAll(main_, [generation](Worker& worker, int) { worker.Apply(generation); }, std::move(done));
}

void Fleet::PingFrom(core::Mailbox& reply, std::function<void()> done) {
  OnAll(reply, [](Worker&, int) {}, std::move(done));
}

void Fleet::Stats(std::function<void(std::vector<WorkerStats>)> done) {
  auto all = std::make_shared<std::vector<WorkerStats>>(workers_.size());
  OnAll(
      main_, [all](Worker& worker, int i) { (*all)[static_cast<size_t>(i)] = worker.Stats(); },
      [all, done] { done(std::move(*all)); });
}

void Fleet::Drain() {
  OnAll(main_, [](Worker& worker, int) { worker.Drain(); }, nullptr);
}

void Fleet::CountOpen(std::function<void(size_t)> done) {
  Stats([done](std::vector<WorkerStats> all) {
    size_t open = 0;
    for (const WorkerStats& stats : all) open += stats.connections.open;
    done(open);
  });
}

}  // namespace sluice::worker
