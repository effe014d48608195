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

struct AgentOptions {
  std::string manifests;                      // folder
  std::vector<std::string> interfaces;        // to announce on
  std::string run_dir = "/run/sluice";        // sockets and lock
  std::string state_dir = "/var/lib/sluice";  // allocated addresses, statuses
  std::string bpffs = "/sys/fs/bpf";
  packet::AttachPreference attach = packet::AttachPreference::kAuto;
  std::optional<core::Address> metrics;  // none: no endpoint
  int workers = 0;  // listening sockets a family; 0: as many as the proxy asks for
  std::optional<unsigned> proxy_uid;  // who may connect as the proxy, besides our own user
  bool packet_path = true;            // false: no BPF; VIPs must be addresses of this machine
  bool detach = false;                // take everything out of the kernel and end

  std::string proxy_socket() const { return run_dir + "/proxy.sock"; }
  std::string admin_socket() const { return run_dir + "/admin.sock"; }
  std::string lock_file() const { return run_dir + "/agent.lock"; }
  std::string pin_folder() const;

  bool operator==(const AgentOptions&) const = default;
};

// The int is an exit code: 0 after --help.
std::variant<AgentOptions, int> ParseAgentOptions(const std::vector<std::string>& arguments);

}  // namespace sluice::agent
