// What sluice-agent was asked to do. Arguments in, options or an exit code out; no side effects but
// the printed help or error.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dataplane/core/address.h"
#include "dataplane/packet/packet_path.h"

namespace sluice::agent {

// Where the API server is, and what of it we may see.
struct ClusterOptions {
  bool in_cluster = false;  // by the pod's service account
  std::string kubeconfig;   // file
  std::string context;      // of the kubeconfig; "": its current one
  std::string server;       // instead of what those say: "https://localhost:7445"
  std::string own_namespace = "sluice-system";  // of the Lease and the keys
  std::vector<std::string> secret_namespaces;   // empty: all
  std::string daemonset;                        // that we run in; "": none

  bool given() const { return in_cluster || !kubeconfig.empty(); }
  bool operator==(const ClusterOptions&) const = default;
};

// Objects come from a folder or from an API server: exactly one of `manifests` and `cluster`.
struct AgentOptions {
  std::string manifests;  // folder
  ClusterOptions cluster;
  std::string node;                           // our name among nodes
  std::string heartbeat_key;                  // file; "": this node is alone on its LANs
  std::vector<std::string> interfaces;        // to announce on
  std::string run_dir = "/run/sluice";        // sockets and lock
  std::string state_dir = "/var/lib/sluice";  // allocated addresses, statuses
  std::string bpffs = "/sys/fs/bpf";
  packet::AttachPreference attach = packet::AttachPreference::kAuto;
  std::optional<core::Address> metrics;  // none: no endpoint
  int workers = 0;  // listening sockets a family; 0: as many as the proxy asks for
  std::optional<unsigned> proxy_uid;  // who may connect as the proxy, besides our own user
  bool packet_path = true;            // false: no BPF; VIPs must be addresses of this machine
  std::string proxy_door;             // where the proxy connects; "": proxy.sock in run_dir
  bool take_over = false;             // from an agent that runs already: an upgrade
  bool detach = false;                // take everything out of the kernel and end
  bool ready = false;                 // ask the running agent whether it is ready, and end

  std::string proxy_socket() const {
    return proxy_door.empty() ? run_dir + "/proxy.sock" : proxy_door;
  }
  std::string admin_socket() const { return run_dir + "/admin.sock"; }
  // Of this agent alone, where two of an upgrade share the run folder.
  std::string ready_socket() const { return proxy_socket() + ".ready"; }
  std::string handover_socket() const { return run_dir + "/handover.sock"; }
  std::string last_good_file() const { return run_dir + "/last-good"; }
  std::string ticket_secret_file() const { return run_dir + "/ticket-secret"; }
  std::string known_nodes_file() const { return run_dir + "/nodes"; }
  std::string lock_file() const { return run_dir + "/agent.lock"; }
  std::string pin_folder() const;

  bool operator==(const AgentOptions&) const = default;
};

// The int is an exit code: 0 after --help.
std::variant<AgentOptions, int> ParseAgentOptions(const std::vector<std::string>& arguments);

}  // namespace sluice::agent
