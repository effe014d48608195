// The live twin of a Cluster in one worker: endpoints in balance, keep-alive connections. One
// thread. It survives generations, so that a route change costs no connection and no balance.
// HTTP/1: a connection an exchange. HTTP/2: exchanges share a connection while it has room; when
// all of an endpoint's are full, another one is made.
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
  Pool(core::IoContext& io, const core::Limits& limits, Protocol protocol)
      : io_(io), limits_(limits), protocol_(protocol) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  // Takes over the endpoints of a new generation. Those that stay keep connections and state; of
  // those that go, idle connections close at once and busy ones after their exchange.
  void SetEndpoints(std::span<const core::Address> addresses);

  // A connection that can carry a new exchange to the next endpoint in turn: one that is ready if
  // there is, else a fresh one that still connects. Endpoints that failed lately come last. Null:
  // none, and `fault` says why.
  Connection* Acquire(core::Fault& fault);

  Protocol protocol() const { return protocol_; }
  size_t endpoints() const { return endpoints_.size(); }
  size_t connections() const { return connections_.size(); }
  const PoolCounters& counters() const { return counters_; }

 private:
  friend class Connection;

  std::shared_ptr<Endpoint> NextEndpoint();
  Connection* TakeReady(Endpoint& endpoint);
  Connection* Connect(const std::shared_ptr<Endpoint>& endpoint, core::Fault& fault);
  void Retire(Endpoint& endpoint);
  // From Connection.
  void PutReady(Connection& connection);
  void RemoveReady(Connection& connection);
  void Forget(Connection& connection);  // frees it
  void OnConnectFailure(Endpoint& endpoint);

  core::IoContext& io_;
  const core::Limits& limits_;
  const Protocol protocol_;
  std::vector<std::shared_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Connection>> connections_;
  size_t next_ = 0;  // round robin
  PoolCounters counters_;
};

}  // namespace sluice::upstream
