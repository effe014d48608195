// What a generation knows about TLS: which listener a server name belongs to on each address and
// port, and which certificates it answers with. Immutable, shared by all workers through a
// shared_ptr that each session holds until its handshake is over.
//
// There is one SSL_CTX for all; each certificate is one SSL_CREDENTIAL, added to a session when its
// listener is known. Both pass unchanged from one generation to the next.
//
// In the flow: Snapshot + CertSet -> TlsContexts -> TlsSession (at the ClientHello).
#pragma once

#include <openssl/base.h>
#include <openssl/ssl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "certs/cert_set.h"
#include "dataplane/core/address.h"
#include "dataplane/snapshot/listener_groups.h"
#include "dataplane/snapshot/snapshot.pb.h"
#include "dataplane/tls/ticket_keys.h"

namespace sluice::tls {

// One certificate, ready to serve.
struct Identity {
  std::shared_ptr<const certs::Certificate> certificate;
  bssl::UniquePtr<SSL_CREDENTIAL> credential;
};

// In the order in which they are offered; the first that suits the client is used.
using Identities = absl::InlinedVector<const Identity*, 4>;

class TlsContexts {
 public:
  // `previous` may be null. `tickets` must outlive every TlsContexts and every session.
  // REQUIRES: snapshot::Validate accepted `snapshot`. NotFound names a certificate that is missing.
  static absl::StatusOr<std::shared_ptr<const TlsContexts>> Build(
      const snapshot::Snapshot& snapshot, const certs::CertSet& certificates,
      const TlsContexts* previous, const TicketKeys& tickets);

  // Where a connection to `local` arrives; nullopt: no listener there.
  std::optional<snapshot::GroupId> FindGroup(const core::Address& local) const {
    return groups_.Find(local);
  }
  std::optional<snapshot::GroupId> FindGroupOfListener(std::string_view listener_id) const {
    return groups_.FindByListener(listener_id);
  }

  // The most specific listener; nullopt: unrecognized_name. `server_name` as ServerName gives it.
  std::optional<snapshot::ListenerIndex> FindListener(snapshot::GroupId group,
                                                      std::string_view server_name) const {
    return groups_.FindListener(group, server_name);
  }
  // Those whose names match, exact ones first, else in reference order; if none matches, the
  // listener's first. Never empty for an HTTPS listener.
  Identities ChooseIdentities(snapshot::ListenerIndex listener, std::string_view server_name) const;
  // Binds sessions, and so tickets, to a listener.
  std::span<const uint8_t> SessionContext(snapshot::ListenerIndex listener) const {
    return listeners_[listener].session_context;
  }

  SSL_CTX* context() const { return context_.get(); }

 private:
  struct ListenerTls {
    std::array<uint8_t, 32> session_context;                  // SHA-256 of the listener's id
    std::vector<std::shared_ptr<const Identity>> identities;  // in reference order
  };

  explicit TlsContexts(const snapshot::Snapshot& snapshot) : groups_(snapshot) {}
  absl::StatusOr<std::shared_ptr<const Identity>> GetIdentity(const std::string& id,
                                                              const certs::CertSet& certificates,
                                                              const TlsContexts* previous);

  const snapshot::ListenerGroups groups_;
  bssl::UniquePtr<SSL_CTX> context_;
  absl::flat_hash_map<std::string, std::shared_ptr<const Identity>> identities_;  // by certificate
  std::vector<ListenerTls> listeners_;  // by index in Snapshot.listeners
};

}  // namespace sluice::tls
