#include "dataplane/proxy/stats_text.h"

#include <array>
#include <map>
#include <string_view>

#include "dataplane/core/fault.h"

namespace sluice::proxy {
namespace {

using metrics::Exposition;
using worker::WorkerStats;

constexpr std::array<std::string_view, 6> kClasses = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

struct RequestSum {
  std::array<uint64_t, 6> by_class = {};
  core::Histogram duration;
  uint64_t bytes_in = 0, bytes_out = 0;
};

struct ClusterSum {
  uint64_t connects = 0, failures = 0, reuses = 0, resets = 0;
  size_t endpoints = 0, connections = 0;
};

using Requests = std::vector<stream::RequestCounters> WorkerStats::*;

std::map<std::string, RequestSum> SumRequests(const std::vector<WorkerStats>& workers,
                                              Requests requests) {
  std::map<std::string, RequestSum> sums;
  for (const WorkerStats& worker : workers) {
    for (const stream::RequestCounters& counters : worker.*requests) {
      RequestSum& sum = sums[counters.name];
      for (size_t i = 0; i < sum.by_class.size(); ++i) sum.by_class[i] += counters.by_class[i];
      sum.duration.Merge(counters.duration);
      sum.bytes_in += counters.bytes_in;
      sum.bytes_out += counters.bytes_out;
    }
  }
  return sums;
}

std::map<std::string, ClusterSum> SumClusters(const std::vector<WorkerStats>& workers) {
  std::map<std::string, ClusterSum> sums;
  for (const WorkerStats& worker : workers) {
    for (const WorkerStats::Cluster& cluster : worker.clusters) {
      ClusterSum& sum = sums[cluster.id];
      sum.connects += cluster.counters.connects;
      sum.failures += cluster.counters.connect_failures;
      sum.reuses += cluster.counters.reuses;
      sum.resets += cluster.counters.resets;
      sum.endpoints = cluster.endpoints;  // every worker has the same
      sum.connections += cluster.connections;
    }
  }
  return sums;
}

template <typename Get>
double Sum(const std::vector<WorkerStats>& workers, Get get) {
  uint64_t sum = 0;
  for (const WorkerStats& worker : workers) sum += static_cast<uint64_t>(get(worker));
  return static_cast<double>(sum);
}

// RED by route or by listener; `kind` is in the metrics' names and the label's.
void AddRequests(const std::map<std::string, RequestSum>& sums, const std::string& kind,
                 Exposition& out) {
  const std::string prefix = "sluice_" + kind;
  for (const auto& [name, sum] : sums) {
    for (size_t i = 0; i < sum.by_class.size(); ++i) {
      if (sum.by_class[i] == 0) continue;
      out.Counter(prefix + "_requests_total", "requests by " + kind + " and class of status",
                  {{kind, name}, {"class", kClasses[i]}}, static_cast<double>(sum.by_class[i]));
    }
  }
  for (const auto& [name, sum] : sums) {
    out.Histogram(prefix + "_duration_seconds",
                  "from the head of a request to the end of its response", {{kind, name}},
                  sum.duration);
  }
  for (const auto& [name, sum] : sums) {
    const auto add = [&, &label = name](std::string_view direction, uint64_t bytes) {
      out.Counter(prefix + "_body_bytes_total", "bytes of bodies",
                  {{kind, label}, {"direction", direction}}, static_cast<double>(bytes));
    };
    add("in", sum.bytes_in);
    add("out", sum.bytes_out);
  }
}

void AddStreams(const std::vector<WorkerStats>& workers, Exposition& out) {
  out.Counter("sluice_requests_total", "requests", {},
              Sum(workers, [](auto& w) { return w.streams.requests; }));
  out.Gauge("sluice_requests_open", "requests under way", {},
            Sum(workers, [](auto& w) { return w.streams.open; }));
  out.Counter("sluice_retries_total", "requests sent to a backend again", {},
              Sum(workers, [](auto& w) { return w.streams.retries; }));
  for (int code = 1; code < core::kFaultCodes; ++code) {
    const double count = Sum(
        workers, [&](auto& w) { return w.streams.faults[code] + w.connections.rejected[code]; });
    out.Counter("sluice_faults_total", "requests and connections that failed, by reason",
                {{"reason", core::FlagName(static_cast<core::FaultCode>(code))}}, count);
  }
}

void AddConnections(const std::vector<WorkerStats>& workers, Exposition& out) {
  const auto counter = [&](std::string_view name, std::string_view help, auto get) {
    out.Counter(name, help, {}, Sum(workers, get));
  };
  counter("sluice_connections_accepted_total", "connections from clients",
          [](auto& w) { return w.connections.accepted; });
  counter("sluice_connections_refused_total", "connections closed at once",
          [](auto& w) { return w.connections.refused; });
  out.Gauge("sluice_connections_open", "connections from clients that are open", {},
            Sum(workers, [](auto& w) { return w.connections.open; }));
  counter("sluice_tls_handshakes_total", "TLS handshakes",
          [](auto& w) { return w.connections.handshakes; });
  counter("sluice_tls_handshakes_resumed_total", "those by a ticket",
          [](auto& w) { return w.connections.handshakes_resumed; });
  counter("sluice_tls_handshake_failures_total", "TLS handshakes that failed",
          [](auto& w) { return w.connections.handshake_failures; });
  counter("sluice_connection_received_bytes_total", "bytes from clients",
          [](auto& w) { return w.connections.bytes_in; });
  counter("sluice_connection_sent_bytes_total", "bytes to clients",
          [](auto& w) { return w.connections.bytes_out; });
  out.Gauge("sluice_buffers_in_use", "I/O buffers that hold bytes", {},
            Sum(workers, [](auto& w) { return w.buffers_in_use; }));
}

void AddClusters(const std::map<std::string, ClusterSum>& clusters, Exposition& out) {
  const auto each = [&](std::string_view name, std::string_view help, bool gauge, auto get) {
    for (const auto& [id, sum] : clusters) {
      const auto value = static_cast<double>(get(sum));
      gauge ? out.Gauge(name, help, {{"cluster", id}}, value)
            : out.Counter(name, help, {{"cluster", id}}, value);
    }
  };
  each("sluice_upstream_connects_total", "connections to backends", false,
       [](auto& s) { return s.connects; });
  each("sluice_upstream_connect_failures_total", "those that failed", false,
       [](auto& s) { return s.failures; });
  each("sluice_upstream_reuses_total", "requests on a kept connection", false,
       [](auto& s) { return s.reuses; });
  each("sluice_upstream_resets_total", "connections that backends reset", false,
       [](auto& s) { return s.resets; });
  each("sluice_upstream_endpoints", "endpoints", true, [](auto& s) { return s.endpoints; });
  each("sluice_upstream_connections", "connections to backends that are open", true,
       [](auto& s) { return s.connections; });
}

void AddFacts(const ProxyFacts& facts, Exposition& out) {
  out.Gauge("sluice_proxy_generation", "the generation that is served", {},
            static_cast<double>(facts.generation));
  out.Counter("sluice_proxy_applied_total", "generations applied", {},
              static_cast<double>(facts.apply.applied));
  out.Counter("sluice_proxy_refused_total", "generations refused", {},
              static_cast<double>(facts.apply.refused));
  out.Gauge("sluice_proxy_agent_connected", "1: the agent is there", {},
            facts.agent_connected ? 1 : 0);
  out.Counter("sluice_access_log_lines_total", "lines written", {},
              static_cast<double>(facts.log_lines));
  out.Counter("sluice_access_log_dropped_total", "records that could not be written", {},
              static_cast<double>(facts.log_dropped));
}

}  // namespace

std::string StatsText(const std::vector<WorkerStats>& workers, const ProxyFacts& facts) {
  Exposition out;
  AddFacts(facts, out);
  AddStreams(workers, out);
  AddConnections(workers, out);
  AddRequests(SumRequests(workers, &WorkerStats::routes), "route", out);
  AddRequests(SumRequests(workers, &WorkerStats::listeners), "listener", out);
  AddClusters(SumClusters(workers), out);
  metrics::AddProcess(out, facts.statm);
  return out.ToText();
}

}  // namespace sluice::proxy
