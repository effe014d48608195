#include "dataplane/proxy/standalone.h"

#include <fcntl.h>
#include <openssl/mem.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dataplane/core/fd.h"
#include "dataplane/core/listen.h"
#include "dataplane/snapshot/text.h"

namespace sluice::proxy {
namespace {

constexpr size_t kMaxFileBytes = size_t{64} << 20;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const core::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("reading ", path));
  std::string text;
  char chunk[64 * 1024];
  for (ssize_t n; (n = ::read(file.get(), chunk, sizeof chunk)) != 0;) {
    if (n < 0) return absl::ErrnoToStatus(errno, absl::StrCat("reading ", path));
    text.append(chunk, static_cast<size_t>(n));
    if (text.size() > kMaxFileBytes)
      return absl::ResourceExhaustedError(absl::StrCat(path, " is too large"));
  }
  return text;
}

absl::StatusOr<certs::CertSet::CertificatePtr> LoadCertificate(const std::string& folder,
                                                               const std::string& name) {
  const std::string base = absl::StrCat(folder, "/", absl::StrReplaceAll(name, {{"/", "_"}}));
  absl::StatusOr<std::string> chain = ReadFile(base + ".crt");
  if (!chain.ok()) return chain.status();
  absl::StatusOr<std::string> key = ReadFile(base + ".key");
  if (!key.ok()) return key.status();
  auto parsed = certs::Certificate::Parse({.name = name, .chain_pem = *chain, .key_pem = *key});
  OPENSSL_cleanse(key->data(), key->size());
  if (!parsed.ok())
    return absl::InvalidArgumentError(absl::StrCat(base, ".crt: ", parsed.status().message()));
  return std::make_shared<const certs::Certificate>(*std::move(parsed));
}

}  // namespace

absl::StatusOr<LoadedFiles> LoadFiles(const std::string& snapshot_file,
                                      const std::string& certificate_folder) {
  absl::StatusOr<std::string> text = ReadFile(snapshot_file);
  if (!text.ok()) return text.status();
  absl::StatusOr<snapshot::Snapshot> snapshot = snapshot::FromText(*text);
  if (!snapshot.ok())
    return absl::InvalidArgumentError(
        absl::StrCat(snapshot_file, ": ", snapshot.status().message()));
  std::map<std::string, certs::CertSet::CertificatePtr> by_name;
  for (snapshot::Listener& listener : *snapshot->mutable_listeners()) {
    for (std::string& id : *listener.mutable_certificate_ids()) {
      const std::string name = id.substr(0, id.rfind('@'));
      certs::CertSet::CertificatePtr& certificate = by_name[name];
      if (certificate == nullptr) {
        auto loaded = LoadCertificate(certificate_folder, name);
        if (!loaded.ok()) return loaded.status();
        certificate = *std::move(loaded);
      }
      id = certificate->info().id;
    }
  }
  std::vector<certs::CertSet::CertificatePtr> all;
  for (auto& [name, certificate] : by_name) all.push_back(std::move(certificate));
  return LoadedFiles{*std::move(snapshot), std::make_shared<const certs::CertSet>(std::move(all))};
}

absl::Status CheckListeners(const std::vector<ListenOption>& listen,
                            const snapshot::Snapshot& snapshot) {
  for (const ListenOption& option : listen) {
    const bool known = std::ranges::any_of(
        snapshot.listeners(),
        [&](const snapshot::Listener& listener) { return listener.id() == option.listener_id; });
    if (!known)
      return absl::NotFoundError(absl::StrCat("the Snapshot has no listener ", option.listener_id));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<BoundSocket>> BindSockets(const std::vector<ListenOption>& listen,
                                                     int workers) {
  std::vector<BoundSocket> sockets;
  for (const ListenOption& option : listen) {
    for (int worker = 0; worker < workers; ++worker) {
      absl::StatusOr<core::Fd> fd = core::ListenTcp(option.address, true);
      if (!fd.ok()) return fd.status();
      sockets.push_back({worker, {.fd = *std::move(fd), .listener_id = option.listener_id}});
    }
  }
  return sockets;
}

}  // namespace sluice::proxy
