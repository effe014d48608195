// sluice-agent: reads the configuration, owns the packet path and the listening sockets, tells the
// proxy what to serve. Parses nothing that comes from the network.
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include "absl/log/log.h"
#include "control/agent/agent.h"
#include "control/agent/options.h"
#include "dataplane/process/capabilities.h"
#include "dataplane/process/hardening.h"
#include "dataplane/process/logging.h"

namespace {

using sluice::process::Capability;

// PERFMON spares the programs the masks against speculation; it is given up once they are loaded.
constexpr sluice::process::CapabilityMask kCapabilities =
    sluice::process::MaskOf({Capability::kBpf, Capability::kNetAdmin, Capability::kPerfmon});

absl::Status TakePrivileges() {
  if (absl::Status disabled = sluice::process::DisableCoreDumps(); !disabled.ok()) return disabled;
  // Needs CAP_SETPCAP; who started us without it has trimmed the set himself.
  sluice::process::TrimBoundingSet(kCapabilities).IgnoreError();
  if (auto kept = sluice::process::KeepOnly(kCapabilities); !kept.ok()) return kept.status();
  return sluice::process::SetNoNewPrivileges();
}

}  // namespace

int main(int argc, char** argv) {
  sluice::process::InitializeLogging();
  const auto parsed =
      sluice::agent::ParseAgentOptions(std::vector<std::string>(argv + 1, argv + argc));
  if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
  const auto& options = std::get<sluice::agent::AgentOptions>(parsed);
  if (absl::Status taken = TakePrivileges(); !taken.ok()) {
    LOG(ERROR) << "cannot start: " << taken.message();
    return EXIT_FAILURE;
  }
  if (options.ready) {
    const absl::Status ready = sluice::agent::AskReady(options);
    if (!ready.ok()) LOG(ERROR) << "not ready: " << ready.message();
    return ready.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  if (!options.detach) return sluice::agent::Agent(options).Run();
  if (absl::Status detached = sluice::agent::Detach(options); !detached.ok()) {
    LOG(ERROR) << "cannot detach: " << detached.message();
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
