// The live twin of a Cluster in one worker: endpoints in balance, keep-alive connections. One
// thread. It survives generations, so that a route change costs no connection and no balance.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "dataplane/core/limits.h"
#include "dataplane/core/socket.h"
#include "dataplane/upstream/connection.h"
#include "dataplane/upstream/endpoint.h"

namespace sluice::upstream {

struct PoolCounters {
  uint64_t connects = 0;
  uint64_t connect_failures = 0;
  uint64_t reuses = 0;
  uint64_t resets = 0;
};

class Pool {
 public:
  Pool(core::IoContext& io, const core::Limits& limits) : io_(io), limits_(limits) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  // Takes over the endpoints of a new generation. Those that stay keep connections and state; of
  // those that go, idle connections close at once and busy ones after their exchange.
  void SetEndpoints(std::span<const core::Address> addresses);

  // A connection that can carry a new exchange to the next endpoint in turn: an idle one if there
  // is, else a fresh one that still connects. Endpoints that failed lately come last. Null: none,
  // and `fault` says why.
  Connection* Acquire(core::Fault& fault);

  size_t endpoints() const { return endpoints_.size(); }
  size_t connections() const { return connections_.size(); }
  const PoolCounters& counters() const { return counters_; }

 private:
  friend class Connection;

  std::shared_ptr<Endpoint> NextEndpoint();
  Connection* TakeIdle(Endpoint& endpoint);
  void Retire(Endpoint& endpoint);
  // From Connection.
  void PutIdle(Connection& connection);
  void RemoveIdle(Connection& connection);
  void Forget(Connection& connection);  // frees it
  void OnConnectFailure(Endpoint& endpoint);

  core::IoContext& io_;
  const core::Limits& limits_;
  std::vector<std::shared_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Connection>> connections_;
  size_t next_ = 0;  // round robin
  PoolCounters counters_;
};

}  // namespace sluice::upstream
