#include "dataplane/tls/tls_contexts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tls_peer.h"

namespace sluice::tls {
namespace {

using testing::Connect;
using testing::MakeClientContext;
using testing::TestClient;
using testing::TestListener;
using testing::TestServer;
using testing::TestTls;

class TlsContextsTest : public ::testing::Test {
 protected:
  TlsContextsTest() {
    tls_.AddCertificate("star", {.names = {"*.example.com"}});
    tls_.AddCertificate("a", {.names = {"a.example.com"}});
    tls_.AddCertificate("other", {.names = {"other.test"}});
    tls_.AddCertificate("rsa", {.names = {"rsa.example.com"}, .rsa_bits = 2048});
    tls_.AddCertificate("ec", {.names = {"ec.example.com", "rsa.example.com"}});
  }

  TestTls tls_;
  bssl::UniquePtr<SSL_CTX> client_context_ = MakeClientContext();
};

// What a client with `name` gets: "<listener index> <first name of the certificate>", or the alert.
std::string Answer(SSL_CTX* context, const std::shared_ptr<const TlsContexts>& contexts,
                   const std::string& name) {
  TestClient client(context, name);
  TestServer server(contexts);
  if (!Connect(client, server)) return client.alert;
  return absl::StrCat(server.session.listener(), " ", client.ServedName());
}

const std::vector<TestListener> kListeners = {{"l0", "a.example.com", {"other", "star", "a"}},
                                              {"l1", "*.example.com", {"star"}},
                                              {"l2", "*.b.example.com", {"other"}}};

TEST_F(TlsContextsTest, ChoosesListenerAndCertificateByServerName) {
  const auto contexts = tls_.Build(kListeners);
  const struct {
    const char* name;
    const char* answer;
  } rows[] = {
      {"a.example.com", "0 a.example.com"},  // the exact name goes before the wildcard
      {"A.Example.COM", "0 a.example.com"},
      {"b.example.com", "1 *.example.com"},
      {"x.y.example.com", "1 *.example.com"},  // listener wildcards span any number of labels
      {"x.b.example.com", "2 other.test"},     // no name matches: the first reference
      {"example.com", "TLSV1_ALERT_UNRECOGNIZED_NAME"},
      {"other.test", "TLSV1_ALERT_UNRECOGNIZED_NAME"},
      {"", "TLSV1_ALERT_UNRECOGNIZED_NAME"},
      {"a.example.com.", "TLSV1_ALERT_UNRECOGNIZED_NAME"},
      {"192.0.2.1", "TLSV1_ALERT_UNRECOGNIZED_NAME"},
      {"2001:db8::1", "TLSV1_ALERT_UNRECOGNIZED_NAME"},
      {"*.example.com", "TLSV1_ALERT_UNRECOGNIZED_NAME"},
      {".example.com", "TLSV1_ALERT_UNRECOGNIZED_NAME"},
      {"a..example.com", "TLSV1_ALERT_UNRECOGNIZED_NAME"},
      {"a b.example.com", "TLSV1_ALERT_UNRECOGNIZED_NAME"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(Answer(client_context_.get(), contexts, row.name), row.answer) << row.name;
  }
  const std::string long_name = std::string(250, 'a') + ".example.com";
  EXPECT_THAT(Answer(client_context_.get(), contexts, long_name), ::testing::HasSubstr("ALERT"));
}

TEST_F(TlsContextsTest, AListenerWithoutHostnameTakesTheRest) {
  std::vector<TestListener> listeners = kListeners;
  listeners.push_back({"l3", "", {"other"}});
  const auto contexts = tls_.Build(listeners);
  for (const char* name :
       {"", "other.test", "192.0.2.1", "a.example.com.", "example.com", "a..example.com"}) {
    EXPECT_EQ(Answer(client_context_.get(), contexts, name), "3 other.test") << name;
  }
  EXPECT_EQ(Answer(client_context_.get(), contexts, "a.example.com"), "0 a.example.com");
}

// A NUL cannot be sent by the client library: the hello is patched on its way.
TEST_F(TlsContextsTest, ANulInTheNameNeverFindsAnotherTenant) {
  std::vector<TestListener> listeners = kListeners;
  listeners.push_back({"l3", "", {"other"}});
  const auto contexts = tls_.Build(listeners);
  TestClient client(client_context_.get(), "a.example.comX.evil.test");
  client.Handshake();
  std::string hello = client.TakeOutput();
  hello[hello.find("comX") + 3] = '\0';
  TestServer server(contexts);
  server.Receive(hello);
  EXPECT_EQ(server.state, TlsSession::State::kFailed);
  EXPECT_FALSE(server.session.handshake_done());
}

TEST_F(TlsContextsTest, OffersEveryMatchingKeyTypeInOrder) {
  const auto contexts = tls_.Build({{"l", "", {"rsa", "ec"}}});
  TestClient modern(client_context_.get(), "rsa.example.com");
  TestServer server(contexts);
  ASSERT_TRUE(Connect(modern, server));
  EXPECT_EQ(modern.ServedName(), "rsa.example.com") << "the first reference";

  TestClient ec_only(client_context_.get(), "rsa.example.com");
  const uint16_t algorithms[] = {SSL_SIGN_ECDSA_SECP256R1_SHA256};
  SSL_set_verify_algorithm_prefs(ec_only.ssl.get(), algorithms, 1);
  TestServer second(contexts);
  ASSERT_TRUE(Connect(ec_only, second));
  EXPECT_EQ(ec_only.ServedName(), "ec.example.com");
}

TEST_F(TlsContextsTest, UnchangedCertificatesPassToTheNextGeneration) {
  const auto first = tls_.Build(kListeners);
  const auto second = tls_.Build({{"m", "", {"a"}}}, first.get());
  EXPECT_EQ(first->context(), second->context());
  EXPECT_EQ(first->ChooseIdentities(0, "a.example.com")[0],
            second->ChooseIdentities(0, "a.example.com")[0]);
}

TEST_F(TlsContextsTest, ASessionOutlivesItsGeneration) {
  auto contexts = tls_.Build(kListeners);
  TestClient client(client_context_.get(), "a.example.com");
  TestServer server(contexts);
  const std::weak_ptr<const TlsContexts> old = contexts;
  contexts = tls_.Build({{"m", "", {"other"}}}, contexts.get());
  EXPECT_FALSE(old.expired());
  ASSERT_TRUE(Connect(client, server));
  EXPECT_EQ(client.ServedName(), "a.example.com");
  EXPECT_TRUE(old.expired()) << "released at the end of the handshake";
  EXPECT_FALSE(server.session.Write(core::AsBytes("x"), 1));
}

TEST(TlsContextsBuildTest, NamesListenerAndMissingCertificate) {
  const auto snapshot = snapshot::FromText(
      "listeners { id: 'ns/gw/l' addresses: '192.0.2.1' port: 443 protocol: PROTOCOL_HTTPS "
      "certificate_ids: 'ns/c@0' }");
  const TicketKeys tickets = TicketKeys::Random();
  const auto contexts = TlsContexts::Build(*snapshot, certs::CertSet(), nullptr, tickets);
  EXPECT_EQ(contexts.status(), absl::NotFoundError("listener ns/gw/l: no certificate ns/c@0"));
}

}  // namespace
}  // namespace sluice::tls
