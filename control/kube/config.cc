#include "control/kube/config.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "control/kube/kubeconfig.h"

namespace sluice::kube {
namespace {

std::string Variable(const char* name) {
  // Read while the process starts, before it has threads.
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? "" : value;
}

absl::Status Wrong(std::string_view where, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

// The trust of the machine, for an API server with a public certificate (as kubectl does).
Material SystemTrust() {
  for (const char* file : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/ssl/cert.pem"}) {
    if (std::error_code error; std::filesystem::exists(file, error)) return Material::OfFile(file);
  }
  return {};
}

// FIELD-data (base64) wins over FIELD (a file).
absl::StatusOr<Material> Take(const Kubeconfig::Entry& entry, const std::string& field) {
  if (const std::string data = TextAt(entry.value, field + "-data"); !data.empty()) {
    std::string bytes;
    if (!absl::Base64Unescape(data, &bytes)) {
      return Wrong(entry.name, absl::StrCat(field, "-data is no base64"));
    }
    Material material = Material::OfBytes(bytes);
    gateway_api::WipeMemory(bytes.data(), bytes.size());
    return material;
  }
  const std::string file = TextAt(entry.value, field);
  if (file.empty()) return Material();
  return Material::OfFile((std::filesystem::path(entry.folder) / file).string());
}

absl::Status TakeCluster(const Kubeconfig::Entry& cluster, Config& config) {
  config.server = TextAt(cluster.value, "server");
  config.tls_server_name = TextAt(cluster.value, "tls-server-name");
  config.proxy = TextAt(cluster.value, "proxy-url");
  config.verify_server = TextAt(cluster.value, "insecure-skip-tls-verify") != "true";
  absl::StatusOr<Material> ca = Take(cluster, "certificate-authority");
  if (!ca.ok()) return ca.status();
  config.ca = *std::move(ca);
  return absl::OkStatus();
}

absl::Status RefusePlugins(const Kubeconfig::Entry& user) {
  const std::string where = absl::StrCat("user '", user.name, "'");
  if (FieldAt(user.value, "exec") != nullptr || FieldAt(user.value, "auth-provider") != nullptr) {
    return absl::UnimplementedError(absl::StrCat(
        where,
        " gets its credentials from a plugin, which is not run; use a token (kubectl create token) "
        "or a client certificate"));
  }
  if (!TextAt(user.value, "username").empty()) {
    return absl::UnimplementedError(
        absl::StrCat(where, " has a username and a password, which no API server takes any more"));
  }
  for (const char* field : {"as", "as-groups", "as-uid", "as-user-extra"}) {
    if (FieldAt(user.value, field) == nullptr) continue;
    return absl::UnimplementedError(absl::StrCat(where, ": ", field, ": nobody is impersonated"));
  }
  return absl::OkStatus();
}

absl::Status TakeUser(const Kubeconfig::Entry& user, Config& config) {
  if (absl::Status plugins = RefusePlugins(user); !plugins.ok()) return plugins;
  absl::StatusOr<Material> certificate = Take(user, "client-certificate");
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<Material> key = Take(user, "client-key");
  if (!key.ok()) return key.status();
  if (certificate->given() != key->given()) {
    return Wrong(absl::StrCat("user '", user.name, "'"),
                 "client-certificate and client-key belong together");
  }
  config.client_certificate = *std::move(certificate);
  config.client_key = *std::move(key);
  // As in kubectl, tokenFile wins over token, because it may be rotated.
  if (const std::string file = TextAt(user.value, "tokenFile"); !file.empty()) {
    config.token = Material::OfFile((std::filesystem::path(user.folder) / file).string());
  } else {
    config.token = Material::OfBytes(TextAt(user.value, "token"));
  }
  return absl::OkStatus();
}

// What holds for every configuration, wherever it came from.
absl::StatusOr<Config> Finish(Config config, const ConfigOptions& options, std::string_view where) {
  if (!options.server.empty()) config.server = options.server;
  while (absl::EndsWith(config.server, "/")) config.server.pop_back();
  if (config.server.empty()) return Wrong(where, "no server is given");
  if (!absl::StrContains(config.server, "://")) config.server = "https://" + config.server;
  const bool plain = absl::StartsWith(config.server, "http://");
  if (!plain && !absl::StartsWith(config.server, "https://")) {
    return Wrong(where, absl::StrCat("server: ", config.server, " is no https:// address"));
  }
  if ((plain || !config.verify_server) && !options.allow_insecure) {
    return absl::FailedPreconditionError(
        absl::StrCat(where, ": ", plain ? "server is http://" : "insecure-skip-tls-verify is true",
                     ": anybody on the way could read the token; give certificate-authority-data"));
  }
  if (!config.ca.given() && config.verify_server && !plain) {
    config.ca = SystemTrust();
    if (!config.ca.given()) {
      return Wrong(where, "no certificate-authority is given, and the machine trusts none itself");
    }
  }
  return config;
}

std::vector<std::string> KubeconfigPaths(const ConfigOptions& options,
                                         const Surroundings& surroundings) {
  if (!options.kubeconfig.empty()) return {options.kubeconfig};
  std::vector<std::string> paths =
      absl::StrSplit(surroundings.kubeconfig_variable, ':', absl::SkipEmpty());
  if (paths.empty() && !surroundings.home.empty()) paths = {surroundings.home + "/.kube/config"};
  return paths;
}

absl::StatusOr<Kubeconfig> ReadKubeconfig(const ConfigOptions& options,
                                          const Surroundings& surroundings) {
  const std::vector<std::string> paths = KubeconfigPaths(options, surroundings);
  Kubeconfig kubeconfig;
  absl::Status missing = absl::NotFoundError("no kubeconfig is given, and $HOME is not set");
  bool any = false;
  for (const std::string& path : paths) {
    absl::StatusOr<gateway_api::PrivateBytes> text = ReadPrivateFile(path);
    if (!text.ok()) {
      // As in kubectl, one of several may be missing.
      if (!absl::IsNotFound(text.status())) return text.status();
      missing = text.status();
      continue;
    }
    if (absl::Status merged = kubeconfig.Merge(text->Reveal(), path); !merged.ok()) return merged;
    any = true;
  }
  if (!any) return missing;
  return kubeconfig;
}

std::string NamesOf(const Kubeconfig& kubeconfig) {
  std::vector<std::string> names;
  for (const auto& context : kubeconfig.contexts()) names.push_back(context.name);
  return names.empty() ? "there is none" : absl::StrCat("there are ", absl::StrJoin(names, ", "));
}

}  // namespace

Surroundings Surroundings::OfProcess() {
  return {.kubeconfig_variable = Variable("KUBECONFIG"),
          .home = Variable("HOME"),
          .service_host = Variable("KUBERNETES_SERVICE_HOST"),
          .service_port = Variable("KUBERNETES_SERVICE_PORT")};
}

absl::StatusOr<Config> LoadConfig(const ConfigOptions& options, const Surroundings& surroundings) {
  const bool named = !options.kubeconfig.empty() || !options.context.empty();
  if (!named && !surroundings.service_host.empty()) return InClusterConfig(options, surroundings);
  return KubeconfigConfig(options, surroundings);
}

absl::StatusOr<Config> InClusterConfig(const ConfigOptions& options,
                                       const Surroundings& surroundings) {
  Config config;
  const bool v6 = absl::StrContains(surroundings.service_host, ':');
  if (!surroundings.service_host.empty()) {
    const std::string_view port =
        surroundings.service_port.empty() ? "443" : std::string_view(surroundings.service_port);
    config.server = absl::StrCat("https://", v6 ? "[" : "", surroundings.service_host,
                                 v6 ? "]" : "", ":", port);
  }
  const std::string& account = surroundings.account;
  config.token = Material::OfFile(account + "/token");
  config.ca = Material::OfFile(account + "/ca.crt");
  for (Material* material : {&config.token, &config.ca}) {
    if (absl::Status read = material->Refresh(0); !read.ok()) return read;
    material->Expire();
  }
  if (auto name = ReadPrivateFile(account + "/namespace"); name.ok()) {
    config.default_namespace = absl::StripAsciiWhitespace(name->Reveal());
  }
  return Finish(std::move(config), options, "in the cluster");
}

absl::StatusOr<Config> KubeconfigConfig(const ConfigOptions& options,
                                        const Surroundings& surroundings) {
  absl::StatusOr<Kubeconfig> kubeconfig = ReadKubeconfig(options, surroundings);
  if (!kubeconfig.ok()) return kubeconfig.status();
  const std::string name =
      options.context.empty() ? kubeconfig->current_context() : options.context;
  if (name.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no context is chosen (current-context); ", NamesOf(*kubeconfig)));
  }
  const Kubeconfig::Entry* context = kubeconfig->FindContext(name);
  if (context == nullptr) {
    return absl::NotFoundError(absl::StrCat("no context '", name, "'; ", NamesOf(*kubeconfig)));
  }
  const std::string where = absl::StrCat("context '", name, "'");
  const std::string cluster_name = TextAt(context->value, "cluster");
  const Kubeconfig::Entry* cluster = kubeconfig->FindCluster(cluster_name);
  if (cluster == nullptr) return Wrong(where, absl::StrCat("no cluster '", cluster_name, "'"));
  Config config;
  config.context = name;
  if (absl::Status taken = TakeCluster(*cluster, config); !taken.ok()) return taken;
  const std::string user_name = TextAt(context->value, "user");
  if (!user_name.empty()) {
    const Kubeconfig::Entry* user = kubeconfig->FindUser(user_name);
    if (user == nullptr) return Wrong(where, absl::StrCat("no user '", user_name, "'"));
    if (absl::Status taken = TakeUser(*user, config); !taken.ok()) return taken;
  }
  if (const std::string ns = TextAt(context->value, "namespace"); !ns.empty()) {
    config.default_namespace = ns;
  }
  return Finish(std::move(config), options, where);
}

absl::StatusOr<Contexts> KubeconfigContexts(const ConfigOptions& options,
                                            const Surroundings& surroundings) {
  absl::StatusOr<Kubeconfig> kubeconfig = ReadKubeconfig(options, surroundings);
  if (!kubeconfig.ok()) return kubeconfig.status();
  Contexts contexts{.current = kubeconfig->current_context(), .names = {}};
  for (const auto& context : kubeconfig->contexts()) contexts.names.push_back(context.name);
  return contexts;
}

}  // namespace sluice::kube
