// Builds metric families and writes them in the Prometheus text format. Plain value; one thread.
#pragma once

#include <prometheus/metric_family.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/core/counter.h"

namespace sluice::metrics {

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class Exposition {
 public:
  // Samples of one name must follow each other; `help` of the first is taken.
  void Counter(std::string_view name, std::string_view help, Labels labels, double value);
  void Gauge(std::string_view name, std::string_view help, Labels labels, double value);
  void Histogram(std::string_view name, std::string_view help, Labels labels,
                 const core::Histogram& histogram);

  std::string ToText() const;

 private:
  prometheus::ClientMetric& Add(std::string_view name, std::string_view help,
                                prometheus::MetricType type, Labels labels);

  std::vector<prometheus::MetricFamily> families_;
};

// CPU time, memory and start time of this process, under the customary names. `statm` is an open
// /proc/self/statm, or -1: a sandboxed process cannot open it any more.
void AddProcess(Exposition& out, int statm);

}  // namespace sluice::metrics
