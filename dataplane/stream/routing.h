// A generation as streams need it: Routing is immutable and shared by all workers; LiveRouting is
// one worker's use of it, with pools and counters beside. A stream keeps the LiveRouting that it
// started with, by a count that needs no atomics.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/core/counter.h"
#include "dataplane/route/route_table.h"
#include "dataplane/stream/forwarded.h"
#include "dataplane/stream/spread.h"
#include "dataplane/upstream/pools.h"

namespace sluice::stream {

struct Routing {
  uint64_t generation = 0;
  std::unique_ptr<const route::RouteTable> routes;
  std::vector<upstream::ClusterSpec> clusters;  // by Backend::cluster
  std::vector<Cidr> trusted_proxies;
  bool access_log = true;
};

// RED of one route or one listener in one worker: rate and errors by status class, duration.
struct RequestCounters {
  std::string name;           // "namespace/name", or the listener's id
  uint64_t by_class[6] = {};  // [0]: no status was sent; [n]: nxx
  core::Histogram duration;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;

  void Record(int status, uint64_t duration_us, uint64_t in, uint64_t out) {
    ++by_class[status / 100 < 6 ? status / 100 : 0];
    duration.Record(duration_us);
    bytes_in += in;
    bytes_out += out;
  }
};

class LiveRouting {
 public:
  LiveRouting(std::shared_ptr<const Routing> routing,
              std::vector<std::shared_ptr<upstream::Pool>> pools,
              std::vector<RequestCounters*> by_rule, std::vector<RequestCounters*> by_listener)
      : routing_(std::move(routing)),
        pools_(std::move(pools)),
        by_rule_(std::move(by_rule)),
        by_listener_(std::move(by_listener)),
        spreads_(routing_->routes->rules().size()) {}

  const Routing& routing() const { return *routing_; }
  const route::RouteTable& routes() const { return *routing_->routes; }
  upstream::Pool& pool(uint32_t cluster) { return *pools_[cluster]; }
  RequestCounters& of_route(const route::Rule& rule) { return *by_rule_[rule.index]; }
  // REQUIRES: `listener` is not kNoListener.
  RequestCounters& of_listener(uint32_t listener) { return *by_listener_[listener]; }
  Spread& spread(const route::Rule& rule) { return spreads_[rule.index]; }

 private:
  friend class RoutingRef;
  std::shared_ptr<const Routing> routing_;
  std::vector<std::shared_ptr<upstream::Pool>> pools_;
  std::vector<RequestCounters*> by_rule_;
  std::vector<RequestCounters*> by_listener_;
  std::vector<Spread> spreads_;
  uint32_t users_ = 0;
};

// A counted reference; the last one frees. One thread.
class RoutingRef {
 public:
  RoutingRef() = default;
  explicit RoutingRef(LiveRouting* live) : live_(live) {
    if (live_ != nullptr) ++live_->users_;
  }
  RoutingRef(const RoutingRef& other) : RoutingRef(other.live_) {}
  RoutingRef(RoutingRef&& other) noexcept : live_(std::exchange(other.live_, nullptr)) {}
  RoutingRef& operator=(RoutingRef other) noexcept {
    std::swap(live_, other.live_);
    return *this;
  }
  ~RoutingRef() {
    if (live_ != nullptr && --live_->users_ == 0) delete live_;
  }
  LiveRouting* operator->() const { return live_; }
  LiveRouting& operator*() const { return *live_; }
  explicit operator bool() const { return live_ != nullptr; }

 private:
  LiveRouting* live_ = nullptr;
};

}  // namespace sluice::stream
