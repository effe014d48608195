// All metrics of the proxy as Prometheus text. Pure: counters in, text out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/metrics/exposition.h"
#include "dataplane/proxy/serving.h"
#include "dataplane/worker/worker.h"

namespace sluice::proxy {

struct ProxyFacts {
  uint64_t generation = 0;
  ApplyCounters apply;
  uint64_t log_lines = 0;
  uint64_t log_dropped = 0;
  bool agent_connected = false;
  int statm = -1;  // see metrics::AddProcess
};

// Workers' counters are added up.
std::string StatsText(const std::vector<worker::WorkerStats>& workers, const ProxyFacts& facts);

}  // namespace sluice::proxy
