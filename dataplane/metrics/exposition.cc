#include "dataplane/metrics/exposition.h"

#include <prometheus/text_serializer.h>
#include <time.h>
#include <unistd.h>

#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace sluice::metrics {

prometheus::ClientMetric& Exposition::Add(std::string_view name, std::string_view help,
                                          prometheus::MetricType type, Labels labels) {
  if (families_.empty() || families_.back().name != name) {
    families_.push_back(
        {.name = std::string(name), .help = std::string(help), .type = type, .metric = {}});
  }
  prometheus::ClientMetric& metric = families_.back().metric.emplace_back();
  for (const auto& [label, value] : labels)
    metric.label.push_back({std::string(label), std::string(value)});
  return metric;
}

void Exposition::Counter(std::string_view name, std::string_view help, Labels labels,
                         double value) {
  Add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void Exposition::Gauge(std::string_view name, std::string_view help, Labels labels, double value) {
  Add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void Exposition::Histogram(std::string_view name, std::string_view help, Labels labels,
                           const core::Histogram& histogram) {
  auto& out = Add(name, help, prometheus::MetricType::Histogram, labels).histogram;
  uint64_t cumulative = 0;
  for (int i = 0; i < core::Histogram::kBuckets; ++i) {
    cumulative += histogram.buckets()[static_cast<size_t>(i)];
    const bool last = i + 1 == core::Histogram::kBuckets;
    out.bucket.push_back({.cumulative_count = cumulative,
                          .upper_bound = last ? std::numeric_limits<double>::infinity()
                                              : core::Histogram::UpperSeconds(i)});
  }
  out.sample_count = cumulative;
  out.sample_sum = histogram.sum_seconds();
}

std::string Exposition::ToText() const { return prometheus::TextSerializer().Serialize(families_); }

void AddProcess(Exposition& out, int statm) {
  timespec cpu = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  out.Counter("process_cpu_seconds_total", "CPU time of this process", {},
              static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9);
  char text[256];
  const ssize_t size = statm < 0 ? -1 : ::pread(statm, text, sizeof text, 0);
  if (size <= 0) return;
  const std::vector<std::string_view> pages =
      absl::StrSplit(std::string_view(text, static_cast<size_t>(size)), ' ');
  uint64_t resident = 0;
  if (pages.size() < 2 || !absl::SimpleAtoi(pages[1], &resident)) return;
  out.Gauge("process_resident_memory_bytes", "resident memory of this process", {},
            static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
}

}  // namespace sluice::metrics
