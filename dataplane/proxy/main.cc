// sluice-proxy: the request path. Parses everything that is hostile, with no privilege at all.
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include "absl/log/log.h"
#include "absl/time/time.h"
#include "dataplane/process/hardening.h"
#include "dataplane/process/logging.h"
#include "dataplane/process/supervisor.h"
#include "dataplane/proxy/options.h"
#include "dataplane/proxy/proxy.h"

namespace {

// Between the end of a drain, whose deadline the proxy keeps itself, and SIGKILL.
constexpr absl::Duration kPatience = absl::Seconds(5);

// The same command without --supervise, for ever. The supervisor parses nothing but its arguments.
int Supervise(const std::vector<std::string>& arguments, const std::string& name,
              absl::Duration drain_timeout) {
  for (const absl::Status& step :
       {sluice::process::DisableCoreDumps(), sluice::process::SetNoNewPrivileges()}) {
    if (!step.ok()) {
      LOG(ERROR) << "cannot supervise: " << step.message();
      return EXIT_FAILURE;
    }
  }
  std::vector<std::string> argv = {name};
  for (const std::string& argument : arguments) {
    if (argument != "--supervise") argv.push_back(argument);
  }
  return sluice::process::Supervisor({.children = {{"sluice-proxy", "/proc/self/exe", argv}},
                                      .stop_timeout = drain_timeout + kPatience})
      .Run();
}

}  // namespace

int main(int argc, char** argv) {
  sluice::process::InitializeLogging();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool in_kubernetes = std::getenv("KUBERNETES_SERVICE_HOST") != nullptr;
  const auto parsed = sluice::proxy::ParseProxyOptions(arguments, in_kubernetes);
  if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
  const auto& options = std::get<sluice::proxy::ProxyOptions>(parsed);
  if (options.supervise) return Supervise(arguments, argv[0], options.drain_timeout);
  return sluice::proxy::Proxy(options).Run();
}
