#include "dataplane/tls/tls_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tls_peer.h"

namespace sluice::tls {
namespace {

using testing::Connect;
using testing::GiveTicket;
using testing::MakeClientContext;
using testing::TestClient;
using testing::TestServer;
using testing::TestTls;

using Groups = std::vector<uint16_t>;

class TlsSessionTest : public ::testing::Test {
 protected:
  TlsSessionTest() {
    tls_.AddCertificate("a", {.names = {"a.example.com"}});
    contexts_ = tls_.Build({{"l", "", {"a"}}});
  }

  TestTls tls_;
  std::shared_ptr<const TlsContexts> contexts_;
  bssl::UniquePtr<SSL_CTX> client_context_ = MakeClientContext();
};

TEST_F(TlsSessionTest, NegotiatesTheMatrix) {
  tls_.AddCertificate("rsa", {.names = {"a.example.com"}, .rsa_bits = 2048});
  tls_.AddCertificate("p384", {.names = {"a.example.com"}, .curve = NID_secp384r1});
  const Groups all = {SSL_GROUP_X25519_MLKEM768, SSL_GROUP_X25519, SSL_GROUP_SECP256R1};
  const struct {
    const char* certificate;
    uint16_t version;
    Groups groups;
    const char* ciphers;
    const char* want_version;
    const char* want_group;
    const char* want_cipher;  // "": BoringSSL's choice, by CPU
  } rows[] = {
      {"a", TLS1_3_VERSION, all, "", "TLSv1.3", "X25519MLKEM768", ""},
      {"a", TLS1_3_VERSION, {SSL_GROUP_X25519}, "", "TLSv1.3", "X25519", ""},
      {"a", TLS1_3_VERSION, {SSL_GROUP_SECP256R1}, "", "TLSv1.3", "P-256", ""},
      {"a", TLS1_3_VERSION, {SSL_GROUP_SECP384R1}, "", "TLSv1.3", "P-384", ""},
      {"rsa", TLS1_3_VERSION, all, "", "TLSv1.3", "X25519MLKEM768", ""},
      {"p384", TLS1_3_VERSION, all, "", "TLSv1.3", "X25519MLKEM768", ""},
      {"a", TLS1_2_VERSION, all, "ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2", "X25519",
       "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
      {"a", TLS1_2_VERSION, all, "ECDHE-ECDSA-CHACHA20-POLY1305", "TLSv1.2", "X25519",
       "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
      {"rsa",
       TLS1_2_VERSION,
       {SSL_GROUP_SECP256R1},
       "ECDHE-RSA-AES256-GCM-SHA384",
       "TLSv1.2",
       "P-256",
       "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(absl::StrCat(row.certificate, " ", row.want_version, " ", row.want_group, " ",
                              row.ciphers));
    const auto contexts = tls_.Build({{"l", "", {row.certificate}}});
    TestClient client(client_context_.get(), "a.example.com");
    SSL_set_min_proto_version(client.ssl.get(), row.version);
    SSL_set_max_proto_version(client.ssl.get(), row.version);
    SSL_set1_group_ids(client.ssl.get(), row.groups.data(), row.groups.size());
    if (row.ciphers[0] != '\0')
      ASSERT_TRUE(SSL_set_strict_cipher_list(client.ssl.get(), row.ciphers));
    TestServer server(contexts);
    ASSERT_TRUE(Connect(client, server)) << client.alert << " " << server.session.failure();
    EXPECT_EQ(server.session.version(), row.want_version);
    EXPECT_EQ(server.session.group_name(), row.want_group);
    if (row.want_cipher[0] != '\0') EXPECT_EQ(server.session.cipher(), row.want_cipher);
    EXPECT_EQ(server.session.server_name(), "a.example.com");
    EXPECT_FALSE(server.session.resumed());
  }
}

TEST_F(TlsSessionTest, ServesEd25519ToThoseWhoTakeIt) {
  tls_.AddCertificate("ed", {.names = {"a.example.com"}, .ed25519 = true});
  const auto contexts = tls_.Build({{"l", "", {"ed", "a"}}});
  for (const uint16_t algorithm : {SSL_SIGN_ED25519, SSL_SIGN_ECDSA_SECP256R1_SHA256}) {
    TestClient client(client_context_.get(), "a.example.com");
    const uint16_t algorithms[] = {algorithm};
    SSL_set_verify_algorithm_prefs(client.ssl.get(), algorithms, 1);
    TestServer server(contexts);
    ASSERT_TRUE(Connect(client, server)) << client.alert;
    EXPECT_EQ(SSL_get_peer_signature_algorithm(client.ssl.get()), algorithm);
  }
}

TEST_F(TlsSessionTest, RefusesOldVersionsAndCiphers) {
  const struct {
    uint16_t version;
    const char* ciphers;
    const char* failure;
  } rows[] = {
      {TLS1_VERSION, "ALL", "UNSUPPORTED_PROTOCOL"},
      {TLS1_1_VERSION, "ALL", "UNSUPPORTED_PROTOCOL"},
      {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", "NO_SHARED_CIPHER"},
      {TLS1_2_VERSION, "AES128-GCM-SHA256", "NO_SHARED_CIPHER"},
  };
  for (const auto& row : rows) {
    TestClient client(client_context_.get());
    SSL_set_min_proto_version(client.ssl.get(), row.version);
    SSL_set_max_proto_version(client.ssl.get(), row.version);
    ASSERT_TRUE(SSL_set_cipher_list(client.ssl.get(), row.ciphers)) << row.ciphers;
    TestServer server(contexts_);
    EXPECT_FALSE(Connect(client, server));
    EXPECT_EQ(server.state, TlsSession::State::kFailed);
    EXPECT_EQ(server.session.fault(), core::MakeFault(core::FaultCode::kTlsFailure));
    EXPECT_EQ(server.session.failure(), row.failure) << row.ciphers;
  }
}

// One round trip wherever the client's key shares allow it, the post-quantum group if it has one.
TEST_F(TlsSessionTest, TakesAGroupThatTheClientSentAShareFor) {
  const struct {
    Groups groups, shares;
    const char* want;
  } rows[] = {
      {{SSL_GROUP_X25519, SSL_GROUP_X25519_MLKEM768},
       {SSL_GROUP_X25519, SSL_GROUP_X25519_MLKEM768},
       "X25519MLKEM768"},
      {{SSL_GROUP_X25519_MLKEM768, SSL_GROUP_X25519}, {SSL_GROUP_X25519}, "X25519"},
      {{SSL_GROUP_SECP256R1, SSL_GROUP_X25519}, {SSL_GROUP_SECP256R1}, "P-256"},
  };
  for (const auto& row : rows) {
    TestClient client(client_context_.get());
    SSL_set1_group_ids(client.ssl.get(), row.groups.data(), row.groups.size());
    ASSERT_TRUE(SSL_set1_client_key_shares(client.ssl.get(), row.shares.data(), row.shares.size()));
    TestServer server(contexts_);
    ASSERT_TRUE(Connect(client, server));
    EXPECT_EQ(server.session.group_name(), row.want);
    EXPECT_FALSE(SSL_used_hello_retry_request(client.ssl.get()));
  }
}

TEST_F(TlsSessionTest, SelectsTheProtocol) {
  const struct {
    std::string offer;
    bool connects, h2;
  } rows[] = {{"\x02h2\x08http/1.1", true, true},
              {"\x08http/1.1\x02h2", true, true},
              {"\x08http/1.1", true, false},
              {"", true, false},
              {"\x08http/1.0\x05h2-14", false, false}};
  for (const auto& row : rows) {
    TestClient client(client_context_.get());
    SSL_set_alpn_protos(client.ssl.get(), reinterpret_cast<const uint8_t*>(row.offer.data()),
                        row.offer.size());
    TestServer server(contexts_);
    EXPECT_EQ(Connect(client, server), row.connects) << row.offer;
    EXPECT_EQ(server.session.is_h2(), row.h2) << row.offer;
    if (!row.connects) EXPECT_EQ(client.alert, "TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
  }
}

TEST_F(TlsSessionTest, CarriesDataBothWaysAndCloses) {
  TestClient client(client_context_.get());
  TestServer server(contexts_);
  ASSERT_TRUE(Connect(client, server));
  const std::string big(300'000, 'x');
  EXPECT_FALSE(server.session.Write(core::AsBytes(big), 1));
  client.Give(server.TakeOutput());
  EXPECT_EQ(client.Read(), big);

  ASSERT_EQ(SSL_write(client.ssl.get(), big.data(), static_cast<int>(big.size())),
            static_cast<int>(big.size()));
  EXPECT_EQ(server.Receive(client.TakeOutput()), big);
  EXPECT_EQ(server.state, TlsSession::State::kWantInput);

  ASSERT_EQ(SSL_write(client.ssl.get(), "bye", 3), 3);
  SSL_shutdown(client.ssl.get());
  EXPECT_EQ(server.Receive(client.TakeOutput()), "bye");
  EXPECT_EQ(server.state, TlsSession::State::kClosed);
  server.session.Shutdown();
  client.Give(server.TakeOutput());
  EXPECT_EQ(client.Read(), "");
  EXPECT_EQ(client.last_error, SSL_ERROR_ZERO_RETURN);
}

// Splits handshake records into records of one byte, as a hostile client may.
std::string OneByteRecords(const std::string& record) {
  std::string result;
  for (size_t i = 5; i < record.size(); ++i) {
    result += record.substr(0, 3);
    result += std::string("\x00\x01", 2);
    result += record[i];
  }
  return result;
}

TEST_F(TlsSessionTest, AcceptsInputInAnyPieces) {
  TestClient client(client_context_.get());
  TestServer server(contexts_);
  client.Handshake();
  for (const char byte : client.TakeOutput()) server.Receive({&byte, 1});
  client.Give(server.TakeOutput());
  client.Handshake();
  for (const char byte : client.TakeOutput()) server.Receive({&byte, 1});
  EXPECT_TRUE(server.session.handshake_done());

  TestClient second(client_context_.get());
  TestServer fragmented(contexts_);
  second.Handshake();
  fragmented.Receive(OneByteRecords(second.TakeOutput()));
  EXPECT_TRUE(Connect(second, fragmented)) << fragmented.session.failure();
}

TEST_F(TlsSessionTest, FailsOnGarbageWithoutAnAnswerToIt) {
  const struct {
    const char* name;
    std::string bytes;
    const char* failure;
  } rows[] = {
      {"HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP_REQUEST"},
      {"noise", std::string(4096, '\xa5'), "WRONG_VERSION_NUMBER"},
      {"zeros", std::string(100, '\0'), "WRONG_VERSION_NUMBER"},
      {"application data first", std::string("\x17\x03\x03\x00\x05hello", 10), "UNEXPECTED_RECORD"},
      {"empty handshake records",
       [] {
         std::string all;
         for (int i = 0; i < 100; ++i) all += std::string("\x16\x03\x01\x00\x00", 5);
         return all;
       }(),
       "TOO_MANY_EMPTY_FRAGMENTS"},
      {"record too long", std::string("\x16\x03\x01\xff\xff", 5), "ENCRYPTED_LENGTH_TOO_LONG"},
      {"hello of 1 MB", std::string("\x16\x03\x01\x00\x04\x01\x10\x00\x00", 9),
       "EXCESSIVE_MESSAGE_SIZE"},
      {"hello of 20 kB", std::string("\x16\x03\x01\x00\x04\x01\x00\x50\x00", 9),
       "EXCESSIVE_MESSAGE_SIZE"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    TestServer server(contexts_);
    EXPECT_EQ(server.Receive(row.bytes), "");
    EXPECT_EQ(server.state, TlsSession::State::kFailed);
    EXPECT_EQ(server.session.failure(), row.failure);
    EXPECT_LE(server.TakeOutput().size(), 7u) << "an alert, at most";
    EXPECT_EQ(server.Receive("more"), "");
    EXPECT_EQ(server.state, TlsSession::State::kFailed);
  }
}

TEST_F(TlsSessionTest, FailsOnADamagedRecordWithAnAlert) {
  TestClient client(client_context_.get());
  TestServer server(contexts_);
  ASSERT_TRUE(Connect(client, server));
  SSL_write(client.ssl.get(), "hello", 5);
  std::string record = client.TakeOutput();
  record.back() = static_cast<char>(record.back() ^ 1);
  EXPECT_EQ(server.Receive(record), "");
  EXPECT_EQ(server.state, TlsSession::State::kFailed);
  client.Give(server.TakeOutput());
  client.Read();
  EXPECT_EQ(client.alert, "SSLV3_ALERT_BAD_RECORD_MAC");
}

TEST_F(TlsSessionTest, GivesDataThatCameBeforeTheFailure) {
  TestClient client(client_context_.get());
  TestServer server(contexts_);
  ASSERT_TRUE(Connect(client, server));
  SSL_write(client.ssl.get(), "hello", 5);
  EXPECT_EQ(server.Receive(client.TakeOutput() + "GARBAGE GARBAGE"), "hello");
  EXPECT_EQ(server.state, TlsSession::State::kFailed);
}

TEST_F(TlsSessionTest, BoundsKeyUpdates) {
  TestClient client(client_context_.get());
  TestServer server(contexts_);
  ASSERT_TRUE(Connect(client, server));
  std::string flood;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(SSL_key_update(client.ssl.get(), SSL_KEY_UPDATE_NOT_REQUESTED));
    SSL_write(client.ssl.get(), "", 0);  // sends it
    flood += client.TakeOutput();
  }
  EXPECT_EQ(server.Receive(flood), "");
  EXPECT_EQ(server.state, TlsSession::State::kFailed);
  EXPECT_EQ(server.session.failure(), "TOO_MANY_KEY_UPDATES");
}

// Just below the bound of 16 KiB a ClientHello is served, in as many records as it takes.
TEST_F(TlsSessionTest, ServesALargeClientHello) {
  TestClient client(client_context_.get());
  std::string offer = "\x02h2";
  for (int i = 0; i < 62; ++i) offer += '\xfa' + std::string(250, 'x');
  SSL_set_alpn_protos(client.ssl.get(), reinterpret_cast<const uint8_t*>(offer.data()),
                      offer.size());
  TestServer server(contexts_);
  client.Handshake();
  const std::string hello = client.TakeOutput();
  EXPECT_GT(hello.size(), 15'000u);
  server.Receive(hello);
  EXPECT_TRUE(Connect(client, server)) << server.session.failure();
  EXPECT_TRUE(server.session.is_h2());
}

// Workers share contexts and ticket keys; under TSan this shows that they may.
TEST_F(TlsSessionTest, ContextsServeManyThreads) {
  std::vector<std::thread> workers;
  workers.reserve(4);
  std::atomic<int> resumed = 0;
  for (int w = 0; w < 4; ++w) {
    workers.emplace_back([&] {
      const bssl::UniquePtr<SSL_CTX> client_context = MakeClientContext();
      bssl::UniquePtr<SSL_SESSION> ticket;
      for (int i = 0; i < 20; ++i) {
        TestClient client(client_context.get(), "a.example.com");
        if (ticket != nullptr) SSL_set_session(client.ssl.get(), ticket.get());
        TestServer server(contexts_);
        ASSERT_TRUE(Connect(client, server));
        GiveTicket(client, server);
        resumed += server.session.resumed();
        ticket = std::move(client.ticket);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(resumed, 4 * 19);
}

// A ClientHello in TLS 1.2 form after the handshake would be a renegotiation.
TEST_F(TlsSessionTest, RefusesRenegotiation) {
  TestClient client(client_context_.get());
  SSL_set_max_proto_version(client.ssl.get(), TLS1_2_VERSION);
  TestServer server(contexts_);
  ASSERT_TRUE(Connect(client, server));
  EXPECT_FALSE(SSL_renegotiate(client.ssl.get()));
  EXPECT_TRUE(SSL_get_secure_renegotiation_support(client.ssl.get())) << "RFC 5746 is announced";
}

std::vector<size_t> RecordSizes(std::string_view bytes) {
  std::vector<size_t> sizes;
  while (bytes.size() >= 5) {
    const size_t size = static_cast<uint8_t>(bytes[3]) * 256u + static_cast<uint8_t>(bytes[4]);
    sizes.push_back(size);
    bytes.remove_prefix(5 + size);
  }
  return sizes;
}

TEST_F(TlsSessionTest, RecordsAreSmallAfterAPauseThenFull) {
  constexpr size_t kSmall = 4096 + 17, kFull = 16384 + 17;  // TLS 1.3: type byte and tag
  TestClient client(client_context_.get());
  TestServer server(contexts_);
  ASSERT_TRUE(Connect(client, server));
  GiveTicket(client, server);
  const std::string data(49152, 'x');
  const auto sizes_at = [&](uint64_t now_ms) {
    EXPECT_FALSE(server.session.Write(core::AsBytes(data), now_ms));
    return RecordSizes(server.TakeOutput());
  };
  const std::vector<size_t> after_pause = {kSmall, kSmall, kSmall, kSmall, kFull, kFull};
  const std::vector<size_t> in_a_burst = {kFull, kFull, kFull};
  EXPECT_EQ(sizes_at(5'000), after_pause);
  EXPECT_EQ(sizes_at(5'900), in_a_burst);
  EXPECT_EQ(sizes_at(6'899), in_a_burst);
  EXPECT_EQ(sizes_at(7'899), after_pause);
}

TEST_F(TlsSessionTest, ResumesOnAnyNodeWithTheSecret) {
  for (const uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SCOPED_TRACE(version);
    TestClient first(client_context_.get(), "a.example.com");
    SSL_set_max_proto_version(first.ssl.get(), version);
    TestServer server(contexts_);
    ASSERT_TRUE(Connect(first, server));
    GiveTicket(first, server);

    TestTls other_node;  // same ticket secret, other SSL_CTX, other certificate
    other_node.AddCertificate("b", {.names = {"a.example.com"}});
    const auto other_contexts = other_node.Build({{"l", "", {"b"}}});
    TestClient second(client_context_.get(), "a.example.com");
    SSL_set_max_proto_version(second.ssl.get(), version);
    SSL_set_session(second.ssl.get(), first.ticket.get());
    TestServer other(other_contexts);
    ASSERT_TRUE(Connect(second, other));
    EXPECT_TRUE(other.session.resumed());
    EXPECT_TRUE(SSL_session_reused(second.ssl.get()));
  }
}

TEST_F(TlsSessionTest, DoesNotResumeWithAnotherSecret) {
  TestClient first(client_context_.get());
  TestServer server(contexts_);
  ASSERT_TRUE(Connect(first, server));
  GiveTicket(first, server);

  TestTls stranger;
  stranger.tickets = std::make_unique<TicketKeys>(std::array<uint8_t, 32>{9});
  stranger.AddCertificate("b", {});
  const auto contexts = stranger.Build({{"l", "", {"b"}}});
  TestClient second(client_context_.get());
  SSL_set_session(second.ssl.get(), first.ticket.get());
  TestServer other(contexts);
  ASSERT_TRUE(Connect(second, other)) << second.alert << " " << other.session.failure();
  EXPECT_FALSE(other.session.resumed());
}

TEST_F(TlsSessionTest, ATicketIsWorthlessOnAnotherListener) {
  const auto contexts = tls_.Build({{"l1", "one.test", {"a"}}, {"l2", "two.test", {"a"}}});
  for (const uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TestClient first(client_context_.get(), "one.test");
    SSL_set_max_proto_version(first.ssl.get(), version);
    TestServer server(contexts);
    ASSERT_TRUE(Connect(first, server));
    GiveTicket(first, server);
    for (const auto& [name, resumes] :
         {std::pair{"two.test", false}, std::pair{"one.test", true}}) {
      TestClient second(client_context_.get(), name);
      SSL_set_max_proto_version(second.ssl.get(), version);
      SSL_set_session(second.ssl.get(), first.ticket.get());
      TestServer other(contexts);
      ASSERT_TRUE(Connect(second, other));
      EXPECT_EQ(other.session.resumed(), resumes) << name << " " << version;
    }
  }
}

// The ticket costs no packet of its own.
TEST_F(TlsSessionTest, IssuesOneTicketWithTheFirstDataAndNoEarlyData) {
  TestClient client(client_context_.get());
  TestServer server(contexts_);
  ASSERT_TRUE(Connect(client, server));
  EXPECT_TRUE(server.out.empty());
  EXPECT_FALSE(server.session.Write(core::AsBytes("x"), 0));
  const std::string output = server.TakeOutput();
  EXPECT_EQ(RecordSizes(output).size(), 2u);
  client.Give(output);
  EXPECT_EQ(client.Read(), "x");
  ASSERT_NE(client.ticket, nullptr);
  EXPECT_FALSE(SSL_SESSION_early_data_capable(client.ticket.get()));
}

}  // namespace
}  // namespace sluice::tls
