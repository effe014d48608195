// Measures how a cluster's configuration is read: start to first hand-on, memory, and how soon a
// change comes through. One thread, one loop, as in the agent.
//   bench-kube KUBECONFIG                        reads all once
//   bench-kube KUBECONFIG --changes N ROUTE      then writes to that HTTPRoute (NAMESPACE/NAME) N
//   times bench-kube KUBECONFIG --follow SECONDS       then tells of every hand-on for so long
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "control/kube/cluster_source.h"
#include "control/kube/config.h"
#include "control/kube/curl_client.h"

namespace sluice::kube {
namespace {

struct Usage {
  double cpu_ms = 0;
  int64_t resident_kb = 0, peak_kb = 0;
};

Usage UsageNow() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  Usage now{.cpu_ms = ms(usage.ru_utime) + ms(usage.ru_stime), .peak_kb = usage.ru_maxrss};
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0, pages = 0;
  statm >> total >> pages;
  now.resident_kb = pages * 4;
  return now;
}

class Bench {
 public:
  Bench(core::EventLoop& loop, Config config)
      : loop_(loop),
        client_(loop, std::move(config), {.user_agent = "bench-kube"}),
        source_(loop, client_, {}, [this](const source::SourceState& state) { OnChange(state); }) {}

  // False: it could not be read within a minute.
  bool ReadAll() {
    source_.Start();
    const absl::Time deadline = absl::Now() + absl::Minutes(1);
    while (changes_ == 0 && absl::Now() < deadline) loop_.RunOnce(100);
    if (changes_ == 0) {
      std::fprintf(stderr, "bench-kube: %s\n", source_.state().health.ToString().c_str());
      return false;
    }
    const Usage usage = UsageNow();
    std::printf(
        "objects %zu: first hand-on after %.0f ms, CPU %.0f ms, resident %.1f MB, peak %.1f "
        "MB, connections opened %zu\n",
        source_.state().objects->size(), absl::ToDoubleMilliseconds(absl::Now() - start_),
        usage.cpu_ms, static_cast<double>(usage.resident_kb) / 1024,
        static_cast<double>(usage.peak_kb) / 1024, static_cast<size_t>(client_.connections()));
    return true;
  }

  // An annotation of a route: the whole object comes again.
  void Write(const std::string& route, int count) {
    const std::pair<std::string, std::string> name = absl::StrSplit(route, '/');
    std::vector<double> from_write, from_answer, cpu;
    for (int i = 0; i < count; ++i) {
      const int before = changes_;
      const double cpu_before = UsageNow().cpu_ms;
      const absl::Time began = absl::Now();
      std::optional<absl::Time> answered;
      const auto call = client_.Send(
          {.method = Method::kMergePatch,
           .path = absl::StrCat("/apis/gateway.networking.k8s.io/v1/namespaces/", name.first,
                                "/httproutes/", name.second),
           .body = absl::StrCat(R"({"metadata":{"annotations":{"bench":")", i, R"("}}})")},
          [&](const Response& response) {
            answered = absl::Now();
            if (!response.ok())
              std::fprintf(stderr, "bench-kube: %s\n", response.ToStatus().ToString().c_str());
          });
      const absl::Time deadline = absl::Now() + absl::Seconds(10);
      while ((changes_ == before || !answered) && absl::Now() < deadline) loop_.RunOnce(100);
      if (changes_ == before || !answered) continue;
      from_write.push_back(absl::ToDoubleMilliseconds(changed_ - began));
      from_answer.push_back(absl::ToDoubleMilliseconds(changed_ - *answered));
      cpu.push_back(UsageNow().cpu_ms - cpu_before);
    }
    Print("write -> hand-on", from_write);
    Print("answer -> hand-on", from_answer);
    Print("CPU of a change, the write too", cpu);
  }

  void Follow(absl::Duration time) {
    follow_ = true;
    const absl::Time deadline = absl::Now() + time;
    while (absl::Now() < deadline) loop_.RunOnce(100);
  }

 private:
  void OnChange(const source::SourceState& state) {
    ++changes_;
    changed_ = absl::Now();
    if (!follow_) return;
    std::printf("%s objects %zu problems %zu health %s connections %zu\n",
                absl::FormatTime("%H:%M:%E3S", changed_, absl::LocalTimeZone()).c_str(),
                state.objects->size(), state.problems.size(), state.health.ToString().c_str(),
                static_cast<size_t>(client_.connections()));
    std::fflush(stdout);
  }

  static void Print(const char* what, std::vector<double>& values) {
    if (values.empty()) return;
    std::ranges::sort(values);
    auto at = [&](double share) {
      return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
    };
    std::printf("%s: p50 %.2f ms, p99 %.2f ms, max %.2f ms of %zu\n", what, at(0.5), at(0.99),
                values.back(), values.size());
  }

  absl::Time start_ = absl::Now();
  core::EventLoop& loop_;
  CurlClient client_;
  ClusterSource source_;
  int changes_ = 0;
  absl::Time changed_;
  bool follow_ = false;
};

int Run(const std::vector<std::string>& words) {
  absl::StatusOr<Config> config =
      LoadConfig({.kubeconfig = words[0], .context = "", .server = ""}, Surroundings::OfProcess());
  if (!config.ok()) {
    std::fprintf(stderr, "bench-kube: %s\n", config.status().ToString().c_str());
    return 1;
  }
  core::EventLoop loop;
  Bench bench(loop, *std::move(config));
  if (!bench.ReadAll()) return 1;
  int number = 0;
  if (words.size() == 4 && words[1] == "--changes" && absl::SimpleAtoi(words[2], &number)) {
    bench.Write(words[3], number);
  } else if (words.size() == 3 && words[1] == "--follow" && absl::SimpleAtoi(words[2], &number)) {
    bench.Follow(absl::Seconds(number));
  }
  return 0;
}

}  // namespace
}  // namespace sluice::kube

int main(int count, char** words) {
  if (count < 2) {
    std::fprintf(stderr, "usage: bench-kube KUBECONFIG [--changes N ROUTE | --follow SECONDS]\n");
    return 2;
  }
  return sluice::kube::Run({words + 1, words + count});
}
