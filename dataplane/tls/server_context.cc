#include "dataplane/tls/server_context.h"

#include <openssl/ssl.h>

#include "absl/log/check.h"
#include "dataplane/tls/client_hello.h"
#include "dataplane/tls/tls_session.h"

namespace sluice::tls {
namespace {

// ECDHE and AEAD only. Equal preference inside brackets: a client without AES instructions gets
// ChaCha20. TLS 1.3 suites are fixed by BoringSSL, by the same rule.
constexpr char kCiphers[] =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:"
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

constexpr uint8_t kProtocols[] = "\x02h2\x08http/1.1";

const TicketKeys& TicketsOf(SSL* ssl) {
  return *static_cast<const TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

size_t TicketOverhead(SSL*) { return TicketKeys::kOverheadBytes; }

int SealTicket(SSL* ssl, uint8_t* out, size_t* out_size, size_t max_out, const uint8_t* in,
               size_t in_size) {
  const std::optional<size_t> sealed = TicketsOf(ssl).Seal({out, max_out}, {in, in_size});
  *out_size = sealed.value_or(0);  // 0: the handshake goes on without a ticket
  return 1;
}

ssl_ticket_aead_result_t OpenTicket(SSL* ssl, uint8_t* out, size_t* out_size, size_t max_out,
                                    const uint8_t* in, size_t in_size) {
  const std::optional<size_t> opened = TicketsOf(ssl).Open({out, max_out}, {in, in_size});
  *out_size = opened.value_or(0);
  return opened ? ssl_ticket_aead_success : ssl_ticket_aead_ignore_ticket;
}

constexpr SSL_TICKET_AEAD_METHOD kTicketMethod = {TicketOverhead, SealTicket, OpenTicket};

int ChooseProtocol(SSL*, const uint8_t** out, uint8_t* out_size, const uint8_t* offered,
                   unsigned offered_size, void*) {
  const int result = SSL_select_next_proto(const_cast<uint8_t**>(out), out_size, kProtocols,
                                           sizeof kProtocols - 1, offered, offered_size);
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void SetProtocol(SSL_CTX* context) {
  CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION));
  CHECK(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION));
  CHECK(SSL_CTX_set_strict_cipher_list(context, kCiphers));
  CHECK(SSL_CTX_set1_group_ids(context, PreferredGroups().data(), PreferredGroups().size()));
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_alpn_select_cb(context, ChooseProtocol, nullptr);
}

void SetTickets(SSL_CTX* context, const TicketKeys& tickets) {
  SSL_CTX_set_app_data(context, const_cast<TicketKeys*>(&tickets));
  SSL_CTX_set_ticket_aead_method(context, &kTicketMethod);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, TicketKeys::kLifetimeSeconds);
  SSL_CTX_set_session_psk_dhe_timeout(context, TicketKeys::kLifetimeSeconds);
  SSL_CTX_set_early_data_enabled(context, 0);
}

}  // namespace

bssl::UniquePtr<SSL_CTX> MakeServerContext(const TicketKeys& tickets) {
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_with_buffers_method()));
  CHECK(context != nullptr);
  SetProtocol(context.get());
  SetTickets(context.get(), tickets);
  SSL_CTX_set_select_certificate_cb(context.get(), TlsSession::OnClientHello);
  return context;
}

}  // namespace sluice::tls
