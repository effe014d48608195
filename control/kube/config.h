// Where the API server is and how to speak to it: from what a pod is given, or from kubeconfig
// files, merged as kubectl does. Pure functions but for the files they read; no thread rule.
// Credentials stay in Material, which cannot be printed. What would be unsafe is refused unless
// ConfigOptions says otherwise; what cannot be served (exec plugins) is an error that says so.
// First step: *Config* -> client -> reflectors.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/kube/material.h"

namespace sluice::kube {

struct Config {
  std::string server;           // "https://host:port", or with a path's prefix; no slash at the end
  std::string tls_server_name;  // that the certificate must have; "": the host of `server`
  std::string proxy;            // "http://host:port" or "socks5://...": "": none
  Material ca;                  // PEM; the only ones that are trusted
  bool verify_server = true;    // false only with ConfigOptions::allow_insecure
  Material token;               // bearer
  Material client_certificate, client_key;  // PEM
  std::string default_namespace = "default";
  std::string context;  // of the kubeconfig; "": in a cluster
};

// What a process is given from outside, so that tests can give something else.
struct Surroundings {
  std::string kubeconfig_variable;         // $KUBECONFIG: paths with ':' between
  std::string home;                        // $HOME
  std::string service_host, service_port;  // $KUBERNETES_SERVICE_HOST, _PORT: set in a pod
  std::string account =
      "/var/run/secrets/kubernetes.io/serviceaccount";  // token, ca.crt, namespace

  static Surroundings OfProcess();
};

struct ConfigOptions {
  std::string kubeconfig;  // "": $KUBECONFIG, else ~/.kube/config
  std::string context;     // "": the current one
  // Takes the place of the server that is configured: Talos' KubePrism, https://localhost:7445.
  std::string server;
  bool allow_insecure = false;  // insecure-skip-tls-verify and http:// are obeyed, not refused
};

// A kubeconfig that is named, else the pod's account, else the kubeconfig of the surroundings.
absl::StatusOr<Config> LoadConfig(const ConfigOptions& options, const Surroundings& surroundings);

absl::StatusOr<Config> InClusterConfig(const ConfigOptions& options,
                                       const Surroundings& surroundings);
absl::StatusOr<Config> KubeconfigConfig(const ConfigOptions& options,
                                        const Surroundings& surroundings);

struct Contexts {
  std::string current;
  std::vector<std::string> names;  // in the order of the files
};
absl::StatusOr<Contexts> KubeconfigContexts(const ConfigOptions& options,
                                            const Surroundings& surroundings);

}  // namespace sluice::kube
