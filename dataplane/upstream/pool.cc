#include "dataplane/upstream/pool.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace sluice::upstream {
namespace {

constexpr uint64_t kAvoidMs = 1'000;       // after the first failure to connect
constexpr uint64_t kAvoidMostMs = 30'000;  // doubled with each further one up to here

}  // namespace

Pool::~Pool() = default;

void Pool::SetEndpoints(std::span<const core::Address> addresses) {
  absl::flat_hash_map<core::Address, std::shared_ptr<Endpoint>> known;
  known.reserve(endpoints_.size());
  for (auto& endpoint : endpoints_) known.emplace(endpoint->address, std::move(endpoint));
  endpoints_.clear();
  for (const core::Address& address : addresses) {
    auto found = known.find(address);
    if (found == known.end()) {
      endpoints_.push_back(std::make_shared<Endpoint>(address));
    } else {
      endpoints_.push_back(std::move(found->second));
      known.erase(found);
    }
  }
  for (const auto& [address, gone] : known) Retire(*gone);
}

void Pool::Retire(Endpoint& endpoint) {
  endpoint.retired = true;
  while (!endpoint.ready.empty()) {
    Connection& connection = *endpoint.ready.back();
    RemoveReady(connection);
    if (connection.idle()) connection.Fail({});
  }
}

std::shared_ptr<Endpoint> Pool::NextEndpoint() {
  const uint64_t now = io_.loop.now_ms();
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    const auto& endpoint = endpoints_[next_++ % endpoints_.size()];
    if (endpoint->avoid_until_ms <= now) return endpoint;
  }
  return endpoints_[next_++ % endpoints_.size()];  // all failed lately: any
}

Connection* Pool::TakeReady(Endpoint& endpoint) {
  while (!endpoint.ready.empty()) {
    Connection* connection = endpoint.ready.back();
    const bool usable = connection->usable();
    if (!usable || protocol_ == Protocol::kHttp1) RemoveReady(*connection);
    if (usable) return connection;
    if (connection->idle()) connection->Fail({});
  }
  return nullptr;
}

Connection* Pool::Acquire(core::Fault& fault) {
  if (endpoints_.empty()) {
    fault = core::MakeFault(core::FaultCode::kNoEndpoint);
    return nullptr;
  }
  const std::shared_ptr<Endpoint> endpoint = NextEndpoint();
  Connection* connection = TakeReady(*endpoint);
  if (connection != nullptr) {
    ++counters_.reuses;
  } else {
    connection = Connect(endpoint, fault);
  }
  if (connection != nullptr) connection->Take();
  return connection;
}

Connection* Pool::Connect(const std::shared_ptr<Endpoint>& endpoint, core::Fault& fault) {
  ++counters_.connects;
  auto fresh = std::make_unique<Connection>(io_, limits_, *this, endpoint);
  fault = fresh->Connect();
  if (fault.side == core::Side::kUpstream) OnConnectFailure(*endpoint);
  if (fault) return nullptr;
  fresh->index_ = connections_.size();
  connections_.push_back(std::move(fresh));
  if (protocol_ == Protocol::kHttp2) PutReady(*connections_.back());
  return connections_.back().get();
}

void Pool::PutReady(Connection& connection) {
  Endpoint& endpoint = *connection.endpoint_;
  if (connection.idle() && endpoint.ready.size() >= limits_.pooled_per_endpoint) {
    return connection.Fail({});
  }
  if (protocol_ == Protocol::kHttp1) connection.Rest();
  endpoint.ready.push_back(&connection);
  connection.in_pool_ = true;
}

void Pool::RemoveReady(Connection& connection) {
  std::vector<Connection*>& ready = connection.endpoint_->ready;
  // Nearly always the last one.
  auto at = std::find(ready.rbegin(), ready.rend(), &connection);
  if (at != ready.rend()) ready.erase(std::next(at).base());
  connection.in_pool_ = false;
  if (protocol_ == Protocol::kHttp1) connection.timer_.Cancel();
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
