#include "dataplane/upstream/pool.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"

namespace sluice::upstream {
namespace {

constexpr uint64_t kAvoidMs = 1'000;       // after the first failure to connect
constexpr uint64_t kAvoidMostMs = 30'000;  // doubled with each further one up to here

}  // namespace

Pool::~Pool() = default;

void Pool::SetEndpoints(std::span<const core::Address> addresses) {
  std::vector<std::shared_ptr<Endpoint>> next;
  next.reserve(addresses.size());
  for (const core::Address& address : addresses) {
    auto known = std::find_if(endpoints_.begin(), endpoints_.end(),
                              [&](const auto& e) { return e && e->address == address; });
    if (known != endpoints_.end()) {
      next.push_back(std::move(*known));
    } else {
      next.push_back(std::make_shared<Endpoint>(address));
    }
  }
  endpoints_.swap(next);
  for (const auto& gone : next) {
    if (gone) Retire(*gone);
  }
}

void Pool::Retire(Endpoint& endpoint) {
  endpoint.retired = true;
  while (!endpoint.idle.empty()) endpoint.idle.back()->Fail({});
}

std::shared_ptr<Endpoint> Pool::NextEndpoint() {
  const uint64_t now = io_.loop.now_ms();
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    const auto& endpoint = endpoints_[next_++ % endpoints_.size()];
    if (endpoint->avoid_until_ms <= now) return endpoint;
  }
  return endpoints_[next_++ % endpoints_.size()];  // all failed lately: any
}

Connection* Pool::TakeIdle(Endpoint& endpoint) {
  while (!endpoint.idle.empty()) {
    Connection* connection = endpoint.idle.back();
    RemoveIdle(*connection);
    if (connection->usable()) return connection;
    connection->Fail({});
  }
  return nullptr;
}

Connection* Pool::Acquire(core::Fault& fault) {
  if (endpoints_.empty()) {
    fault = core::MakeFault(core::FaultCode::kNoEndpoint);
    return nullptr;
  }
  std::shared_ptr<Endpoint> endpoint = NextEndpoint();
  if (Connection* connection = TakeIdle(*endpoint)) {
    ++counters_.reuses;
    connection->CountExchange();
    return connection;
  }
  ++counters_.connects;
  auto fresh = std::make_unique<Connection>(io_, limits_, *this, endpoint);
  fault = fresh->Connect();
  if (fault) {
    OnConnectFailure(*endpoint);
    return nullptr;
  }
  fresh->CountExchange();
  fresh->index_ = connections_.size();
  connections_.push_back(std::move(fresh));
  return connections_.back().get();
}

void Pool::PutIdle(Connection& connection) {
  Endpoint& endpoint = *connection.endpoint_;
  if (endpoint.idle.size() >= limits_.pooled_per_endpoint) return connection.Fail({});
  endpoint.idle.push_back(&connection);
  connection.in_pool_ = true;
  connection.ArmIdleTimer();
}

void Pool::RemoveIdle(Connection& connection) {
  std::vector<Connection*>& idle = connection.endpoint_->idle;
  // Nearly always the last one.
  auto at = std::find(idle.rbegin(), idle.rend(), &connection);
  if (at != idle.rend()) idle.erase(std::next(at).base());
  connection.in_pool_ = false;
  connection.DisarmTimer();
}

void Pool::Forget(Connection& connection) {
  const size_t index = connection.index_;
  std::swap(connections_[index], connections_.back());
  connections_[index]->index_ = index;
  connections_.pop_back();
}

void Pool::OnConnectFailure(Endpoint& endpoint) {
  ++counters_.connect_failures;
  const uint64_t wait =
      std::min(kAvoidMostMs, kAvoidMs << std::min<uint32_t>(endpoint.failures, 5));
  ++endpoint.failures;
  endpoint.avoid_until_ms = io_.loop.now_ms() + wait;
}

}  // namespace sluice::upstream
