#include "dataplane/worker/worker.h"

#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"

namespace sluice::worker {
namespace {

constexpr size_t kScratchBytes = 64 * 1024;
constexpr size_t kPlaintextBytes = 16 * 1024;

template <typename T>
void SetIf(T& limit, T setting) {
  if (setting != 0) limit = setting;
}

// The process's limits with a generation's settings, as one of `workers` has them.
core::Limits LimitsOf(core::Limits limits, const snapshot::Settings& settings, int workers) {
  SetIf(limits.connections, settings.max_connections());
  SetIf(limits.header_ms, settings.header_timeout_ms());
  SetIf(limits.idle_ms, settings.idle_timeout_ms());
  SetIf(limits.connect_ms, settings.connect_timeout_ms());
  limits.connections = std::max(1u, limits.connections / static_cast<uint32_t>(workers));
  limits.buffered_bytes /= static_cast<size_t>(workers);
  return limits;
}

}  // namespace

struct Worker::Acceptor {
  Acceptor(Worker& owner, ListeningSocket from) : worker(owner), socket(std::move(from)) {
    pollable = {[](void* self, uint32_t) {
                  auto* acceptor = static_cast<Acceptor*>(self);
                  acceptor->worker.Accept(*acceptor);
                },
                this};
  }
  Worker& worker;
  ListeningSocket socket;
  core::Pollable pollable;
};

Worker::Worker(int number, int workers, const core::Limits& limits, stream::AccessLog::Sink sink)
    : number_(number),
      workers_(workers),
      base_limits_(limits),
      limits_(LimitsOf(limits, {}, workers)),
      scratch_(kScratchBytes),
      plaintext_(kPlaintextBytes),
      io_{loop_, buffers_, scratch_},
      mailbox_(loop_),
      date_(loop_),
      access_log_(loop_, std::move(sink)),
      pools_(io_, limits_),
      streams_{io_, arenas_, limits_, access_log_, stream_counters_, routing_},
      context_{io_, limits_, streams_, date_, plaintext_, connection_counters_, *this},
      accept_timer_([](void* self) { static_cast<Worker*>(self)->ResumeAccepting(); }, this) {}

Worker::~Worker() {
  Stop();
  // Streams give their upstream connections back to pools that must still be there.
  connections_.clear();
}

void Worker::Start(bool pin) {
  thread_ = std::thread([this, pin] {
    pthread_setname_np(pthread_self(), absl::StrCat("worker-", number_).c_str());
    if (pin) {
      cpu_set_t cpus;
      CPU_ZERO(&cpus);
      CPU_SET(static_cast<size_t>(number_) % std::thread::hardware_concurrency(), &cpus);
      // Best effort: a container may not own that CPU.
      (void)sched_setaffinity(0, sizeof cpus, &cpus);
    }
    loop_.Run();
  });
}

void Worker::Stop() {
  if (!thread_.joinable()) return;
  loop_.Stop();
  thread_.join();
}

void Worker::Apply(std::shared_ptr<const Generation> generation) {
  generation_ = std::move(generation);
  limits_ = LimitsOf(base_limits_, generation_->settings, workers_);
  const auto& routing = generation_->routing;
  std::vector<stream::RequestCounters*> by_rule, by_listener;
  by_rule.reserve(routing->routes->rules().size());
  for (const route::Rule& rule : routing->routes->rules()) {
    by_rule.push_back(CountersOf(route_counters_, rule.route));
  }
  for (uint32_t i = 0; i < routing->routes->listeners(); ++i) {
    by_listener.push_back(CountersOf(listener_counters_, routing->routes->ListenerId(i)));
  }
  routing_ = stream::RoutingRef(new stream::LiveRouting(
      routing, pools_.Apply(routing->clusters), std::move(by_rule), std::move(by_listener)));
}

stream::RequestCounters* Worker::CountersOf(CountersByName& all, std::string_view name) {
  auto& counters = all[name];
  if (!counters) {
    counters = std::make_unique<stream::RequestCounters>();
    counters->name = name;
  }
  return counters.get();
}

void Worker::AddListeningSocket(ListeningSocket socket) {
  auto acceptor = std::make_unique<Acceptor>(*this, std::move(socket));
  if (!loop_.AddLevel(acceptor->socket.fd.get(), acceptor->pollable,
                      accepting_ ? static_cast<uint32_t>(EPOLLIN) : 0)) {
    LOG(ERROR) << "worker " << number_ << ": cannot watch a listening socket: " << strerror(errno);
    return;
  }
  acceptors_.push_back(std::move(acceptor));
}

void Worker::Accept(Acceptor& acceptor) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    core::Fd fd(accept4(acceptor.socket.fd.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                        SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      if (errno != EAGAIN) PauseAccepting();  // no descriptors or memory: connections wait
      return;
    }
    Take(std::move(fd), core::Address::From(reinterpret_cast<sockaddr*>(&peer)), acceptor);
    if (connections_.size() >= limits_.connections) return PauseAccepting();
  }
}

void Worker::Take(core::Fd fd, const core::Address& client, const Acceptor& acceptor) {
  ++connection_counters_.accepted;
  auto connection = std::make_unique<listener::Connection>(context_);
  connection->client = client;
  connection->fixed_listener = acceptor.socket.listener_id;
  if (auto local = core::Address::OfLocal(fd.get())) connection->local = *local;
  const bool served =
      generation_ && connection->local.valid() && connection->Open(std::move(fd), generation_->tls);
  if (!served) {
    ++connection_counters_.refused;
    return;
  }
  connection->index = connections_.size();
  connections_.push_back(std::move(connection));
}

void Worker::PauseAccepting() {
  accepting_ = false;
  for (auto& acceptor : acceptors_) {
    loop_.ModifyLevel(acceptor->socket.fd.get(), acceptor->pollable, 0);
  }
  loop_.timers().Arm(accept_timer_, kAcceptPauseMs);
}

void Worker::ResumeAccepting() {
  if (draining_) return;
  if (connections_.size() >= limits_.connections) {
    return loop_.timers().Arm(accept_timer_, kAcceptPauseMs);
  }
  accepting_ = true;
  for (auto& acceptor : acceptors_) {
    loop_.ModifyLevel(acceptor->socket.fd.get(), acceptor->pollable, EPOLLIN);
  }
}

void Worker::OnConnectionClosed(listener::Connection& connection) {
  const size_t index = connection.index;
  std::swap(connections_[index], connections_.back());
  connections_[index]->index = index;
  connections_.pop_back();
}

void Worker::Drain() {
  draining_ = true;
  for (auto& acceptor : acceptors_) loop_.Remove(acceptor->socket.fd.get(), acceptor->pollable);
  acceptors_.clear();
  for (auto& connection : connections_) connection->Drain();
}

WorkerStats Worker::Stats() const {
  WorkerStats stats;
  stats.streams = stream_counters_;
  stats.connections = connection_counters_;
  for (const auto& [name, counters] : route_counters_) stats.routes.push_back(*counters);
  for (const auto& [name, counters] : listener_counters_) stats.listeners.push_back(*counters);
  pools_.ForEach([&](std::string_view id, const upstream::Pool& pool) {
    stats.clusters.push_back(
        {std::string(id), pool.counters(), pool.endpoints(), pool.connections()});
  });
  stats.buffers_in_use = buffers_.used();
  return stats;
}

}  // namespace sluice::worker
