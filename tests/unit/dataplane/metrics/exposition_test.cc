#include "dataplane/metrics/exposition.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "dataplane/core/fd.h"

namespace sluice::metrics {
namespace {

TEST(Exposition, WritesTheTextFormat) {
  Exposition out;
  out.Counter("sluice_a_total", "as", {{"route", "ns/\"x\"\n"}}, 3);
  out.Counter("sluice_a_total", "as", {{"route", "b"}}, 4);
  out.Gauge("sluice_b", "bs", {}, 1.5);
  EXPECT_EQ(out.ToText(),
            "# HELP sluice_a_total as\n# TYPE sluice_a_total counter\n"
            "sluice_a_total{route=\"ns/\\\"x\\\"\\n\"} 3\nsluice_a_total{route=\"b\"} 4\n"
            "# HELP sluice_b bs\n# TYPE sluice_b gauge\nsluice_b 1.5\n");
}

TEST(Exposition, HistogramsAreCumulative) {
  core::Histogram histogram;
  histogram.Record(10);   // first bucket
  histogram.Record(200);  // second
  histogram.Record(200);
  Exposition out;
  out.Histogram("sluice_seconds", "s", {{"route", "r"}}, histogram);
  const std::string text = out.ToText();
  EXPECT_TRUE(absl::StrContains(text, "sluice_seconds_count{route=\"r\"} 3\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "sluice_seconds_bucket{route=\"r\",le=\"0.000128\"} 1\n"))
      << text;
  EXPECT_TRUE(absl::StrContains(text, "sluice_seconds_bucket{route=\"r\",le=\"0.000256\"} 3\n"))
      << text;
  EXPECT_TRUE(absl::StrContains(text, "sluice_seconds_bucket{route=\"r\",le=\"+Inf\"} 3\n"))
      << text;
}

TEST(Exposition, ProcessMetricsNeedOnlyAnOpenFile) {
  const core::Fd statm(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  Exposition with, without;
  AddProcess(with, statm.get());
  AddProcess(without, -1);
  EXPECT_TRUE(absl::StrContains(with.ToText(), "\nprocess_resident_memory_bytes "));
  EXPECT_FALSE(absl::StrContains(without.ToText(), "resident"));
  EXPECT_TRUE(absl::StrContains(without.ToText(), "\nprocess_cpu_seconds_total "));
}

}  // namespace
}  // namespace sluice::metrics
