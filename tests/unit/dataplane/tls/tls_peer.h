// A TLS client and our session, joined in memory.
#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../../certs/make_certificate.h"
#include "absl/strings/str_cat.h"
#include "certs/cert_set.h"
#include "dataplane/core/buffer_pool.h"
#include "dataplane/core/byte_queue.h"
#include "dataplane/snapshot/text.h"
#include "dataplane/snapshot/validate.h"
#include "dataplane/tls/tls_contexts.h"
#include "dataplane/tls/tls_session.h"

namespace sluice::testing {

inline std::string Drain(core::ByteQueue& queue) {
  std::string bytes;
  while (!queue.empty()) {
    const core::Bytes front = queue.Front();
    bytes += core::AsText(front);
    queue.Consume(front.size());
  }
  return bytes;
}

// One listener of a test: all are on 192.0.2.1:443.
struct TestListener {
  std::string id;
  std::string hostname;
  std::vector<std::string> certificates;  // names in TestTls
};

// Certificates by short name ("a"), and contexts built from listeners.
class TestTls {
 public:
  void AddCertificate(const std::string& name, const CertificateSpec& spec) {
    const PemPair pair = MakePair(spec);
    auto parsed = certs::Certificate::Parse({"ns/" + name, pair.chain, pair.key});
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    certificates_.push_back(std::make_shared<const certs::Certificate>(*std::move(parsed)));
    ids_[name] = certificates_.back()->info().id;
  }

  std::shared_ptr<const tls::TlsContexts> Build(const std::vector<TestListener>& listeners,
                                                const tls::TlsContexts* previous = nullptr) const {
    std::string text;
    for (const TestListener& listener : listeners) {
      absl::StrAppend(&text, "listeners { id: '", listener.id,
                      "' addresses: '192.0.2.1' port: 443 ", "protocol: PROTOCOL_HTTPS hostname: '",
                      listener.hostname, "'");
      for (const std::string& name : listener.certificates) {
        absl::StrAppend(&text, " certificate_ids: '", ids_.at(name), "'");
      }
      text += "}\n";
    }
    const auto snapshot = snapshot::FromText(text);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_TRUE(snapshot::Validate(*snapshot).ok()) << snapshot::Validate(*snapshot);
    auto contexts =
        tls::TlsContexts::Build(*snapshot, certs::CertSet(certificates_), previous, *tickets);
    EXPECT_TRUE(contexts.ok()) << contexts.status();
    return *contexts;
  }

  std::unique_ptr<tls::TicketKeys> tickets =
      std::make_unique<tls::TicketKeys>(std::array<uint8_t, 32>{1, 2, 3});

 private:
  std::vector<certs::CertSet::CertificatePtr> certificates_;
  absl::flat_hash_map<std::string, std::string> ids_;
};

inline bssl::UniquePtr<SSL_CTX> MakeClientContext() {
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT);
  return context;
}

// A client SSL over memory BIOs; keeps the last ticket that it was given.
class TestClient {
 public:
  explicit TestClient(SSL_CTX* context, const std::string& name = "") : ssl(SSL_new(context)) {
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl.get());
    SSL_set_app_data(ssl.get(), this);
    SSL_CTX_sess_set_new_cb(context, [](SSL* s, SSL_SESSION* session) {
      static_cast<TestClient*>(SSL_get_app_data(s))->ticket.reset(session);
      return 1;
    });
    if (!name.empty()) SSL_set_tlsext_host_name(ssl.get(), name.c_str());
  }

  std::string TakeOutput() {
    std::string bytes(BIO_ctrl_pending(SSL_get_wbio(ssl.get())), '\0');
    if (!bytes.empty()) {
      EXPECT_EQ(BIO_read(SSL_get_wbio(ssl.get()), bytes.data(), static_cast<int>(bytes.size())),
                static_cast<int>(bytes.size()));
    }
    return bytes;
  }
  void Give(std::string_view bytes) {
    BIO_write(SSL_get_rbio(ssl.get()), bytes.data(), static_cast<int>(bytes.size()));
  }
  std::string Read() {
    std::string result;
    std::vector<char> buffer(65536);
    int n;
    while ((n = SSL_read(ssl.get(), buffer.data(), static_cast<int>(buffer.size()))) > 0) {
      result.append(buffer.data(), static_cast<size_t>(n));
    }
    last_error = SSL_get_error(ssl.get(), n);
    NoteAlert();
    return result;
  }
  void Handshake() {
    const int n = SSL_do_handshake(ssl.get());
    done = n == 1;
    if (n != 1 && SSL_get_error(ssl.get(), n) != SSL_ERROR_WANT_READ) NoteAlert();
  }
  // The common name's stand-in: the first dNSName of the certificate that was served.
  std::string ServedName() const {
    bssl::UniquePtr<X509> certificate(SSL_get_peer_certificate(ssl.get()));
    bssl::UniquePtr<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
    const ASN1_IA5STRING* name = sk_GENERAL_NAME_value(names.get(), 0)->d.dNSName;
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(name)),
            static_cast<size_t>(ASN1_STRING_length(name))};
  }

  bssl::UniquePtr<SSL> ssl;
  bssl::UniquePtr<SSL_SESSION> ticket;
  bool done = false;
  int last_error = 0;
  std::string alert;  // BoringSSL's symbol for the error, "TLSV1_ALERT_..." or its own

 private:
  void NoteAlert() {
    const char* name = ERR_reason_symbol_name(ERR_peek_error());
    if (name != nullptr && ERR_peek_error() != 0) alert = name;
    ERR_clear_error();
  }
};

// Our side of a connection.
class TestServer {
 public:
  explicit TestServer(const std::shared_ptr<const tls::TlsContexts>& contexts)
      : session(contexts, *contexts->FindGroup(*core::Address::Parse("192.0.2.1", 443)), out) {}

  // Feeds `bytes` and returns what was decrypted.
  std::string Receive(std::string_view bytes) {
    std::string plain;
    session.Feed(core::AsBytes(bytes));
    tls::TlsSession::ReadResult result;
    std::vector<uint8_t> buffer(4096);
    do {
      result = session.Read(buffer);
      plain += core::AsText({buffer.data(), result.bytes});
    } while (result.state == tls::TlsSession::State::kMore);
    state = result.state;
    return plain;
  }
  std::string TakeOutput() { return Drain(out); }

  core::BufferPool pool;
  core::ByteQueue out{pool};
  tls::TlsSession session;
  tls::TlsSession::State state = tls::TlsSession::State::kWantInput;
};

// Runs the handshake to its end or failure.
inline bool Connect(TestClient& client, TestServer& server) {
  for (int i = 0; i < 10; ++i) {
    client.Handshake();
    const std::string hello = client.TakeOutput();
    if (!hello.empty()) server.Receive(hello);
    const std::string answer = server.TakeOutput();
    client.Give(answer);
    if (hello.empty() && answer.empty()) break;
  }
  return client.done && server.session.handshake_done();
}

// A TLS 1.3 ticket leaves with the first bytes of data.
inline void GiveTicket(TestClient& client, TestServer& server) {
  EXPECT_FALSE(server.session.Write(core::AsBytes("x"), 0));
  client.Give(server.TakeOutput());
  EXPECT_EQ(client.Read(), "x");
  ASSERT_NE(client.ticket, nullptr);
}

}  // namespace sluice::testing
