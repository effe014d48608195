// sluice: starts sluice-agent and sluice-proxy on a plain machine, each with its own privileges.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/log/log.h"
#include "control/launcher/launch.h"
#include "control/launcher/launch_options.h"
#include "control/launcher/stage.h"
#include "dataplane/process/logging.h"

namespace {

constexpr const char* kUsage =
    "usage: sluice [--user USER] [--run-dir DIR] [--bpffs DIR]\n"
    "              [--agent-program FILE] [--proxy-program FILE]\n"
    "              [SLUICE-AGENT ARGUMENTS...] [-- SLUICE-PROXY ARGUMENTS...]\n"
    "Runs sluice-agent and sluice-proxy and keeps them running; must be started as root.\n"
    "See sluice-agent --help, for example: sluice --manifests DIR --interface eth0\n";

int RunStage(const std::vector<std::string>& arguments) {
  absl::StatusOr<sluice::launcher::Stage> stage = sluice::launcher::ParseStage(arguments);
  const absl::Status failed = stage.ok() ? sluice::launcher::EnterStage(*stage) : stage.status();
  LOG(ERROR) << failed.message();
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  sluice::process::InitializeLogging();
  std::vector<std::string> arguments(argv, argv + argc);
  if (sluice::launcher::IsStage(arguments)) return RunStage(arguments);
  if (argc > 1 && (arguments[1] == "--help" || arguments[1] == "-h")) {
    std::fputs(kUsage, stdout);
    return EXIT_SUCCESS;
  }
  arguments.erase(arguments.begin());
  absl::StatusOr<sluice::launcher::LaunchOptions> options =
      sluice::launcher::ParseLaunchOptions(arguments);
  if (!options.ok()) {
    std::fprintf(stderr, "sluice: %s\n%s", std::string(options.status().message()).c_str(), kUsage);
    return sluice::process::kExitUsage;
  }
  return sluice::launcher::Launch(*options);
}
