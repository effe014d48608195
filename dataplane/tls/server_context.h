// The SSL_CTX that all TLS sessions are made from: protocol versions, ciphers, groups, ALPN and
// tickets. Nothing in it depends on the configuration. It is immutable once made; any thread.
#pragma once

#include <openssl/base.h>

#include "dataplane/tls/ticket_keys.h"

namespace sluice::tls {

// `tickets` must outlive the context and every session made from it.
bssl::UniquePtr<SSL_CTX> MakeServerContext(const TicketKeys& tickets);

}  // namespace sluice::tls
