#include "control/agent/options.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dataplane/packet/pin_folder.h"
#include "dataplane/process/supervisor.h"

namespace sluice::agent {
namespace {

constexpr const char* kDefaultMetrics = "127.0.0.1:9464";
constexpr const char* kUsualBpffs = "/sys/fs/bpf";
constexpr int kMaxWorkers = 120;  // two families each fit one frame of descriptors

// Texts as the command line gives them, before they are read.
struct Raw {
  std::string attach = "auto";
  std::string metrics = kDefaultMetrics;
  unsigned proxy_uid = 0;
  bool no_packet_path = false;
};

void DeclareCluster(CLI::App& app, ClusterOptions& cluster) {
  app.add_flag("--in-cluster", cluster.in_cluster,
               "serve the objects of the cluster that this pod runs in");
  app.add_option("--kubeconfig", cluster.kubeconfig, "serve the objects of this cluster");
  app.add_option("--context", cluster.context, "of the kubeconfig; default: its current one");
  app.add_option("--api-server", cluster.server, "URL of the API server, if another than they say");
  app.add_option("--namespace", cluster.own_namespace, "where the Lease and the keys are")
      ->capture_default_str();
  app.add_option("--daemonset", cluster.daemonset,
                 "that we run in: when it is removed, everything is taken out of the kernel");
  app.add_option("--secret-namespace", cluster.secret_namespaces,
                 "watch Secrets in this namespace only; repeatable; default: in all");
}

void Declare(CLI::App& app, AgentOptions& options, Raw& raw) {
  app.add_option("--manifests", options.manifests, "folder of manifests to serve");
  DeclareCluster(app, options.cluster);
  app.add_option("--heartbeat-key", options.heartbeat_key,
                 "file with the key that nodes share, one a line, two at most; without it this "
                 "node is alone");
  app.add_option("--node", options.node, "name of this node; default: the host's name");
  app.add_option("--interface", options.interfaces, "announce VIPs on this interface; repeatable");
  app.add_option("--run-dir", options.run_dir, "folder for sockets and the lock")
      ->capture_default_str();
  app.add_option("--state-dir", options.state_dir, "folder for allocated addresses and statuses")
      ->capture_default_str();
  app.add_option("--bpffs", options.bpffs, "mounted BPF file system")->capture_default_str();
  app.add_option("--attach", raw.attach,
                 "auto, xdp (native, on a veth too), tcx, generic or libxdp")
      ->capture_default_str();
  app.add_option("--metrics", raw.metrics, "ADDRESS:PORT of the metrics endpoint, or off")
      ->capture_default_str();
  app.add_option("--workers", options.workers,
                 "listening sockets a family; default: as the proxy asks")
      ->check(CLI::Range(0, kMaxWorkers));
  app.add_option("--proxy-uid", raw.proxy_uid, "user that may connect as the proxy");
  app.add_flag("--no-packet-path", raw.no_packet_path,
               "load no BPF: VIPs must be addresses of this machine (for development)");
  app.add_option("--proxy-socket", options.proxy_door,
                 "where the proxy connects; default: proxy.sock in the run folder");
  app.add_flag("--take-over", options.take_over,
               "take the node over from an agent that runs already, once the proxy is ready");
  app.add_flag("--detach", options.detach, "take everything of Sluice out of the kernel, and end");
  app.add_flag("--ready", options.ready, "ask the running agent whether it serves, and end");
}

void Finish(const CLI::App& app, const Raw& raw, AgentOptions& options) {
  options.packet_path = !raw.no_packet_path;
  if (app.count("--proxy-uid") > 0) options.proxy_uid = raw.proxy_uid;
  const auto attach = packet::ParseAttachPreference(raw.attach);
  if (!attach.ok()) throw CLI::ValidationError("--attach", std::string(attach.status().message()));
  options.attach = *attach;
  if (raw.metrics != "off") {
    options.metrics = core::Address::ParseWithPort(raw.metrics);
    if (!options.metrics)
      throw CLI::ValidationError("--metrics", raw.metrics + " is not ADDRESS:PORT");
  }
  if (options.detach || options.ready) return;
  const int sources = (options.manifests.empty() ? 0 : 1) + (options.cluster.in_cluster ? 1 : 0) +
                      (options.cluster.kubeconfig.empty() ? 0 : 1);
  if (sources != 1)
    throw CLI::RequiredError("exactly one of --manifests, --kubeconfig and --in-cluster");
  if (options.packet_path && options.interfaces.empty()) throw CLI::RequiredError("--interface");
}

}  // namespace

std::string AgentOptions::pin_folder() const {
  return absl::StrCat(bpffs, absl::StripPrefix(packet::PinFolder::DefaultPath(), kUsualBpffs));
}

std::variant<AgentOptions, int> ParseAgentOptions(const std::vector<std::string>& arguments) {
  CLI::App app("The configuration of Sluice: reads manifests, announces VIPs, tells the proxy.",
               "sluice-agent");
  AgentOptions options;
  Raw raw;
  Declare(app, options, raw);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    Finish(app, raw, options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : process::kExitUsage;
  }
  return options;
}

}  // namespace sluice::agent
