#include "control/launcher/launch.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "control/launcher/place.h"
#include "control/launcher/stage.h"
#include "dataplane/process/capabilities.h"
#include "dataplane/process/hardening.h"

namespace sluice::launcher {
namespace {

constexpr const char* kSelf = "/proc/self/exe";

std::vector<std::string> AgentArgv(const LaunchOptions& options, const User& proxy,
                                   const std::string& folder) {
  std::vector<std::string> argv = {
      options.agent_program.empty() ? folder + "/sluice-agent" : options.agent_program,
      "--run-dir",
      options.run_dir,
      "--bpffs",
      options.bpffs,
      "--proxy-uid",
      absl::StrCat(proxy.uid)};
  argv.insert(argv.end(), options.agent_arguments.begin(), options.agent_arguments.end());
  return argv;
}

std::vector<std::string> ProxyArgv(const LaunchOptions& options, const std::string& folder) {
  std::vector<std::string> argv = {
      options.proxy_program.empty() ? folder + "/sluice-proxy" : options.proxy_program,
      "--supervise", "--agent-socket", options.run_dir + "/proxy.sock"};
  argv.insert(argv.end(), options.proxy_arguments.begin(), options.proxy_arguments.end());
  return argv;
}

absl::Status Prepare(const LaunchOptions& options, const User& proxy) {
  if (::geteuid() != 0) return absl::PermissionDeniedError("sluice must be started as root");
  if (absl::Status made = MakeRunDir(options.run_dir, proxy); !made.ok()) return made;
  if (absl::Status mounted = MountBpffs(options.bpffs); !mounted.ok()) return mounted;
  return GiveUpPrivileges();
}

}  // namespace

std::vector<process::ChildSpec> Children(const LaunchOptions& options, const User& proxy,
                                         const std::string& program_folder) {
  const Stage agent{Role::kAgent, proxy, AgentArgv(options, proxy, program_folder)};
  const Stage proxy_stage{Role::kProxy, proxy, ProxyArgv(options, program_folder)};
  return {{.name = "sluice-agent", .program = kSelf, .argv = StageArguments(agent)},
          {.name = "sluice-proxy", .program = kSelf, .argv = StageArguments(proxy_stage)}};
}

absl::Status GiveUpPrivileges() {
  if (absl::Status disabled = process::DisableCoreDumps(); !disabled.ok()) return disabled;
  if (absl::Status trimmed = process::TrimBoundingSet(kLauncherBounding); !trimmed.ok())
    return trimmed;
  absl::StatusOr<process::CapabilityMask> kept = process::KeepOnly(kLauncherCapabilities);
  if (!kept.ok()) return kept.status();
  if (*kept != kLauncherCapabilities) {
    return absl::PermissionDeniedError(
        absl::StrCat("sluice lacks ", process::Describe(kLauncherCapabilities & ~*kept)));
  }
  return absl::OkStatus();
}

int Launch(const LaunchOptions& options) {
  const absl::StatusOr<User> proxy = ResolveUser(options.user);
  if (!proxy.ok()) {
    LOG(ERROR) << "--user: " << proxy.status().message();
    return process::kExitUsage;
  }
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink(kSelf, error);
  if (error) {
    LOG(ERROR) << "reading " << kSelf << ": " << error.message();
    return EXIT_FAILURE;
  }
  if (absl::Status prepared = Prepare(options, *proxy); !prepared.ok()) {
    LOG(ERROR) << "cannot start: " << prepared.message();
    return EXIT_FAILURE;
  }
  return process::Supervisor({.children = Children(options, *proxy, self.parent_path())}).Run();
}

}  // namespace sluice::launcher
