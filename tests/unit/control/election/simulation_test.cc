// Elections under random faults. SLUICE_ELECTION_RUNS sets how many runs (tools/soak: 100000);
// without it a sample, smaller still under a sanitizer. SLUICE_ELECTION_SEED runs one seed alone.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/numbers.h"
#include "simulated_lan.h"

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLUICE_SANITIZED
#endif

namespace sluice::election {
namespace {

#if defined(SLUICE_SANITIZED)
constexpr uint64_t kSample = 300;
#elif !defined(NDEBUG)
constexpr uint64_t kSample = 1'000;
#else
constexpr uint64_t kSample = 10'000;
#endif

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

// The scenario without any fault that it does not need to fail.
Scenario Shrink(Scenario scenario) {
  for (size_t i = 0; i < scenario.faults.size();) {
    Scenario smaller = scenario;
    smaller.faults.erase(smaller.faults.begin() + static_cast<std::ptrdiff_t>(i));
    if (SimulatedLan(smaller).Run().empty()) {
      ++i;
    } else {
      scenario = smaller;
    }
  }
  return scenario;
}

TEST(Simulation, NeverTwoOwnersForLongAndNoneOrphanedWhileAMajorityLives) {
  const uint64_t only = FromEnvironment("SLUICE_ELECTION_SEED", 0);
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t runs = only != 0 ? 1 : FromEnvironment("SLUICE_ELECTION_RUNS", kSample);
  int64_t longest_us = 0;
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    const Scenario scenario = MakeScenario(seed);
    SimulatedLan lan(scenario);
    const std::string violation = lan.Run();
    longest_us = std::max(longest_us, lan.longest_overlap_us());
    if (violation.empty()) continue;
    const Scenario shrunk = Shrink(scenario);
    FAIL() << violation << "\n"
           << scenario.ToString() << "\nshrunk: " << SimulatedLan(shrunk).Run() << "\n"
           << shrunk.ToString();
  }
  RecordProperty("runs", static_cast<int>(runs));
  std::printf("%llu runs; two owners for %lld us at most\n", static_cast<unsigned long long>(runs),
              static_cast<long long>(longest_us));
}

}  // namespace
}  // namespace sluice::election
