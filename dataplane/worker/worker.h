// A worker: one thread, one loop, and everything that its connections need. Connections live and
// die here; nothing is shared with other workers but the immutable Generation.
// Doors for other threads: Post, and what is marked so.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/core/arena.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/listener/connection.h"
#include "dataplane/worker/generation.h"

namespace sluice::worker {

// A copy of a worker's counters, for metrics.
struct WorkerStats {
  stream::StreamCounters streams;
  listener::ConnectionCounters connections;
  std::vector<stream::RequestCounters> routes;
  std::vector<stream::RequestCounters> listeners;
  struct Cluster {
    std::string id;
    upstream::PoolCounters counters;
    size_t endpoints = 0;
    size_t connections = 0;
  };
  std::vector<Cluster> clusters;
  size_t buffers_in_use = 0;
};

// A listening socket that a worker accepts from.
struct ListeningSocket {
  core::Fd fd;
  // Serves this listener alone, whatever address it is bound to; empty: the listener is found by
  // the address that the connection came to.
  std::string listener_id;
};

class Worker final : listener::ConnectionOwner {
 public:
  // `limits` are the process's; what they count is shared out among `workers`. `sink` gets
  // access-log batches on the worker's thread.
  Worker(int number, int workers, const core::Limits& limits, stream::AccessLog::Sink sink);
  ~Worker();

  // From any thread, once; the loop runs on its own thread until Stop.
  void Start(bool pin);
  // From any thread; joins. What is open is cut.
  void Stop();
  // From any thread: runs `work` on the worker's thread.
  void Post(std::function<void()> work) { mailbox_.Post(std::move(work)); }

  // On the worker's thread, or before Start:
  void Apply(std::shared_ptr<const Generation> generation);
  void AddListeningSocket(ListeningSocket socket);
  // Stops accepting and lets what is open end.
  void Drain();
  bool drained() const { return draining_ && connections_.empty(); }
  WorkerStats Stats() const;

 private:
  struct Acceptor;
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr uint64_t kAcceptPauseMs = 100;

  void Accept(Acceptor& acceptor);
  void Take(core::Fd fd, const core::Address& client, const Acceptor& acceptor);
  void PauseAccepting();
  void ResumeAccepting();
  void OnConnectionClosed(listener::Connection& connection) override;

  const int number_;
  const int workers_;
  const core::Limits base_limits_;
  core::Limits limits_;  // with the generation's settings; everything below reads it live
  core::EventLoop loop_;
  core::BufferPool buffers_;
  core::ArenaPool arenas_;
  std::vector<uint8_t> scratch_;
  std::vector<uint8_t> plaintext_;
  core::IoContext io_;
  core::Mailbox mailbox_;
  http::DateCache date_;
  stream::AccessLog access_log_;
  upstream::Pools pools_;
  stream::StreamCounters stream_counters_;
  listener::ConnectionCounters connection_counters_;
  // They outlive the generation that names them, so that a total never goes back.
  using CountersByName = absl::flat_hash_map<std::string, std::unique_ptr<stream::RequestCounters>>;
  static stream::RequestCounters* CountersOf(CountersByName& all, std::string_view name);
  CountersByName route_counters_;
  CountersByName listener_counters_;
  stream::RoutingRef routing_;
  std::shared_ptr<const Generation> generation_;
  stream::StreamContext streams_;
  listener::ConnectionContext context_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<std::unique_ptr<listener::Connection>> connections_;
  core::Timer accept_timer_;
  bool accepting_ = true;
  bool draining_ = false;
  std::thread thread_;
};

}  // namespace sluice::worker
