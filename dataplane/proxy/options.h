// What sluice-proxy was asked to do. Arguments in, options or an exit code out; no side effects but
// the printed help or error.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "dataplane/core/address.h"

namespace sluice::proxy {

struct ListenOption {
  std::string listener_id;
  core::Address address;

  bool operator==(const ListenOption&) const = default;
};

struct ProxyOptions {
  // Either: configured by the agent, over this Unix socket.
  std::string agent_socket;
  // Or alone: a Snapshot as text, certificates as files, sockets of its own.
  std::string snapshot_file;
  std::string certificate_folder;
  std::vector<ListenOption> listen;

  int workers = 0;                       // 0: one for each CPU that this process may use
  std::optional<core::Address> metrics;  // none: no endpoint
  absl::Duration drain_timeout = absl::Seconds(30);
  bool sandbox = true;
  bool supervise = false;

  bool operator==(const ProxyOptions&) const = default;
};

// `in_kubernetes`: KUBERNETES_SERVICE_HOST is set; there the sandbox cannot be turned off.
// The int is an exit code: 0 after --help or --version.
std::variant<ProxyOptions, int> ParseProxyOptions(const std::vector<std::string>& arguments,
                                                  bool in_kubernetes);

}  // namespace sluice::proxy
