#include <iostream>

#include "absl/log/globals.h"
#include "absl/log/initialize.h"
#include "absl/time/clock.h"
#include "tools/gwctl/cli.h"

int main(int argc, char** argv) {
  // What a command has to say it says itself.
  absl::SetStderrThreshold(absl::LogSeverityAtLeast::kFatal);
  absl::InitializeLog();
  return sluice::gwctl::Run({argv + 1, argv + argc}, {std::cout, std::cerr, absl::Now()});
}
