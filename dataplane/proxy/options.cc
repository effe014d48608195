#include "dataplane/proxy/options.h"

#include <CLI/CLI.hpp>

#include "dataplane/process/supervisor.h"

namespace sluice::proxy {
namespace {

constexpr const char* kDefaultMetrics = "127.0.0.1:9465";
constexpr int kMaxWorkers = 120;  // two families each fit one frame of descriptors

// Texts as the command line gives them, before they are read.
struct Raw {
  std::vector<std::string> listen;
  std::string metrics = kDefaultMetrics;
  std::string sandbox = "on";
  double drain_seconds = 30;
};

core::Address AddressOf(const std::string& text, const char* option) {
  const std::optional<core::Address> address = core::Address::ParseWithPort(text);
  if (!address) throw CLI::ValidationError(option, text + " is not ADDRESS:PORT");
  return *address;
}

ListenOption ListenOf(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == 0 || equals == std::string::npos) {
    throw CLI::ValidationError("--listen", text + " is not LISTENER=ADDRESS:PORT");
  }
  return {text.substr(0, equals), AddressOf(text.substr(equals + 1), "--listen")};
}

void Declare(CLI::App& app, ProxyOptions& options, Raw& raw) {
  auto* agent = app.add_option("--agent-socket", options.agent_socket,
                               "serve what the agent on this socket says");
  auto* snapshot =
      app.add_option("--snapshot", options.snapshot_file, "serve this Snapshot (text form), alone");
  app.add_option("--certs", options.certificate_folder,
                 "folder of NAMESPACE_NAME.crt and .key, with --snapshot")
      ->needs(snapshot);
  app.add_option("--listen", raw.listen, "LISTENER=ADDRESS:PORT, with --snapshot; repeatable")
      ->needs(snapshot);
  agent->excludes(snapshot);
  app.add_option("--workers", options.workers, "worker threads; default: one for each CPU")
      ->check(CLI::Range(0, kMaxWorkers));
  app.add_option("--metrics", raw.metrics, "ADDRESS:PORT of the metrics endpoint, or off")
      ->capture_default_str();
  app.add_option("--drain-timeout", raw.drain_seconds,
                 "seconds that open requests get when stopped")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app.add_option("--sandbox", raw.sandbox, "on, or off for sanitizers")
      ->check(CLI::IsMember({"on", "off"}));
  app.add_flag("--supervise", options.supervise,
               "start a proxy with the other options again whenever it ends");
}

void Finish(const Raw& raw, bool in_kubernetes, ProxyOptions& options) {
  if (options.agent_socket.empty() && options.snapshot_file.empty()) {
    throw CLI::RequiredError("--agent-socket or --snapshot");
  }
  if (!options.snapshot_file.empty() && raw.listen.empty()) throw CLI::RequiredError("--listen");
  for (const std::string& text : raw.listen) options.listen.push_back(ListenOf(text));
  if (raw.metrics != "off") options.metrics = AddressOf(raw.metrics, "--metrics");
  options.drain_timeout = absl::Seconds(raw.drain_seconds);
  options.sandbox = raw.sandbox == "on";
  if (!options.sandbox && in_kubernetes) {
    throw CLI::ValidationError("--sandbox", "cannot be off under Kubernetes");
  }
}

}  // namespace

std::variant<ProxyOptions, int> ParseProxyOptions(const std::vector<std::string>& arguments,
                                                  bool in_kubernetes) {
  CLI::App app("The request path of Sluice: terminates TLS and routes HTTP.", "sluice-proxy");
  ProxyOptions options;
  Raw raw;
  Declare(app, options, raw);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    Finish(raw, in_kubernetes, options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : process::kExitUsage;
  }
  return options;
}

}  // namespace sluice::proxy
