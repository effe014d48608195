// HTTP/2 from end to end, in the clear and over TLS: streams both ways, resets, trailers, swaps of
// the generation, the end of a connection, which listener a request belongs to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "../../certs/make_certificate.h"
#include "fleet_fixture.h"
#include "h2_client.h"
#include "loopback.h"

namespace sluice::worker {
namespace {

using ::testing::HasSubstr;

// Two HTTPS listeners of one port beside the one in the clear.
constexpr char kSnapshot[] = R"pb(
  listeners {
    id: "ns/gw/a"
    addresses: "127.0.0.1"
    port: 443
    protocol: PROTOCOL_HTTPS
    hostname: "a.example"
    certificate_ids: "$certificate"
  }
  listeners {
    id: "ns/gw/b"
    addresses: "127.0.0.1"
    port: 443
    protocol: PROTOCOL_HTTPS
    hostname: "*.b.example"
    certificate_ids: "$certificate"
  }
  listeners { id: "ns/gw/http" addresses: "127.0.0.1" port: 80 protocol: PROTOCOL_HTTP }
  hosts {
    listener_id: "ns/gw/a"
    hostname: "a.example"
    matches { path: "/" rule_id: "HTTPRoute/ns/app/0" }
  }
  hosts {
    listener_id: "ns/gw/b"
    hostname: "*.b.example"
    matches { path: "/" rule_id: "HTTPRoute/ns/app/0" }
  }
  hosts {
    listener_id: "ns/gw/http"
    matches { path: "/" rule_id: "HTTPRoute/ns/app/0" }
  }
  rules {
    id: "HTTPRoute/ns/app/0"
    route: "ns/app"
    backends { weight: 1 cluster_id: "ns/app:80" }
  }
  clusters { id: "ns/app:80" }
  endpoints {
    cluster_id: "ns/app:80"
    endpoints { address: "127.0.0.1" port: $port }
  }
)pb";

// Sends chunks back as they come, and the trailers.
void EchoChunks(Peer& peer) {
  while (peer.ReadUntil("\r\n\r\n") != "") {
    peer.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (;;) {
      const std::string size = peer.ReadUntil("\r\n");
      if (size.empty()) return;
      if (size == "0\r\n") break;
      peer.Send(size + peer.ReadBytes(std::stoul(size, nullptr, 16) + 2));
    }
    peer.Send("0\r\n");
    for (std::string line; line != "\r\n" && !(line = peer.ReadUntil("\r\n")).empty();) {
      peer.Send(line);
    }
  }
}

void Answer(Peer& peer) {
  while (peer.ReadUntil("\r\n\r\n") != "") {
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
  }
}

class Http2Test : public FleetFixture {
 protected:
  void Start(uint16_t backend_port) {
    const sluice::testing::PemPair pair =
        sluice::testing::MakePair({.names = {"a.example", "*.b.example"}});
    auto certificate = certs::Certificate::Parse({"ns/c", pair.chain, pair.key});
    ASSERT_TRUE(certificate.ok()) << certificate.status();
    auto shared = std::make_shared<const certs::Certificate>(*std::move(certificate));
    text_ = absl::StrReplaceAll(kSnapshot, {{"$certificate", shared->info().id}});
    certificates_ = std::make_shared<certs::CertSet>(
        std::vector<certs::CertSet::CertificatePtr>{std::move(shared)});
    FleetFixture::Start(backend_port, text_);
    tls_port_ = Serve("ns/gw/a");
  }

  std::string text_;
  uint16_t tls_port_ = 0;
};

TEST_F(Http2Test, StreamsBothWaysWithTrailers) {
  Backend backend(EchoChunks);
  Start(backend.port());
  TlsPeer tls(tls_port_, "a.example", "h2");
  ASSERT_TRUE(tls.connected());
  Peer plain = Peer::Connect(port_);
  H2Client over_tls(tls), in_clear(plain);
  for (H2Client* client : {&over_tls, &in_clear}) {
    const int32_t id = client->Open({.method = "POST",
                                     .headers = {{"te", "trailers"}},
                                     .open = true,
                                     .trailers = {{"x-t", "1"}}});
    std::string sent;
    for (int i = 0; i < 50; ++i) {
      const std::string part(static_cast<size_t>(i) * 100 + 1, static_cast<char>('a' + i % 26));
      client->Send(id, part);
      sent += part;
      ASSERT_TRUE(client->RunUntil([&] { return client->answer(id).body.size() >= sent.size(); }));
    }
    client->Send(id, "", true);
    EXPECT_EQ(client->Await(id).text(), "200 " + sent);
    EXPECT_EQ(client->answer(id).trailers.at("x-t"), "1");
  }
}

TEST_F(Http2Test, ServesManyStreamsAtOnce) {
  Backend backend(Answer);
  Start(backend.port());
  TlsPeer tls(tls_port_, "a.example", "h2");
  H2Client client(tls);
  ASSERT_EQ(client.Get("/").text(), "200 good");
  std::vector<int32_t> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(client.Open({.path = absl::StrCat("/", i)}));
  for (const int32_t id : ids) EXPECT_EQ(client.Await(id).text(), "200 good");
}

TEST_F(Http2Test, AResetInAnyPhaseTakesNothingElseWithIt) {
  Backend backend(EchoChunks);
  Start(backend.port());
  Peer peer = Peer::Connect(port_);
  H2Client client(peer);
  const int32_t kept = client.Open({.method = "POST", .body = "a", .open = true});
  const H2Client::Request open = {.method = "POST", .body = "abc", .open = true};
  for (int i = 0; i < 20; ++i) {
    client.Reset(client.Open(open));  // before anything is known of it
    const int32_t headed = client.Open(open);
    client.RunUntil([&] { return client.answer(headed).status != 0; });
    client.Reset(headed);
    const int32_t answered = client.Open(open);
    client.RunUntil([&] { return client.answer(answered).body.size() == 3; });
    client.Reset(answered);
    const int32_t ending = client.Open(open);
    client.Send(ending, "", true);
    client.Reset(ending);
  }
  client.Send(kept, "b", true);
  EXPECT_EQ(client.Await(kept).text(), "200 ab");
  EXPECT_TRUE(Within(3000, [](const WorkerStats& s) { return s.streams.open == 0; }));
  EXPECT_LE(Stats().clusters[0].connections, 2u);  // what was reset is not used again
}

TEST_F(Http2Test, SwapsOfTheGenerationFailNoStream) {
  Backend backend(Answer);
  Start(backend.port());
  std::atomic<bool> stop = false;
  std::atomic<int> good = 0, bad = 0;
  std::thread load([&] {
    TlsPeer tls(tls_port_, "a.example", "h2");
    H2Client client(tls);
    while (!stop) {
      std::vector<int32_t> ids;
      for (int i = 0; i < 10; ++i) ids.push_back(client.Open({}));
      for (const int32_t id : ids) (client.Await(id).text() == "200 good" ? good : bad)++;
    }
  });
  for (int i = 0; i < 100 || good < 100; ++i) Apply(backend.port(), text_);
  stop = true;
  load.join();
  EXPECT_EQ(bad, 0);
}

// A listener serves the names for which it was chosen, each request by itself.
TEST_F(Http2Test, ARequestForAnotherListenerIsMisdirected) {
  Backend backend(Answer);
  Start(backend.port());
  const struct {
    const char *sni, *authority;
    int status;
  } rows[] = {
      {"a.example", "a.example", 200},     {"a.example", "A.Example:443", 200},
      {"a.example", "x.b.example", 421},   {"a.example", "c.example", 404},
      {"x.b.example", "y.b.example", 200}, {"x.b.example", "a.example", 421},
      {"x.b.example", "b.example", 404},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(absl::StrCat(row.sni, " ", row.authority));
    TlsPeer one(tls_port_, row.sni, "h2"), two(tls_port_, row.sni, "http/1.1");
    ASSERT_TRUE(one.connected() && two.connected());
    H2Client client(one);
    EXPECT_EQ(client.Await(client.Open({.authority = row.authority, .scheme = "https"})).status,
              row.status);
    // The connection serves its own name all the same.
    EXPECT_EQ(client.Await(client.Open({.authority = row.sni, .scheme = "https"})).status, 200);
    two.Send(absl::StrCat("GET / HTTP/1.1\r\nHost: ", row.authority, "\r\n\r\n"));
    EXPECT_THAT(two.ReadSome(), ::testing::StartsWith(absl::StrCat("HTTP/1.1 ", row.status, " ")));
  }
  TlsPeer stranger(tls_port_, "c.example", "h2");
  EXPECT_FALSE(stranger.connected());
}

// ---- the end of a connection --------------------------------------------------------------------

TEST_F(Http2Test, ARequestThatCrossesOurGoodbyeIsServed) {
  Backend backend(Answer);
  Start(backend.port());
  Peer peer = Peer::Connect(port_);
  H2Client client(peer);
  ASSERT_EQ(client.Get("/").text(), "200 good");
  fleet_->Drain();
  Stats();  // GOAWAY has been said, and the client has not read it yet
  EXPECT_EQ(client.Get("/").text(), "200 good");
  EXPECT_TRUE(client.goaway());
  EXPECT_FALSE(client.RunUntil([] { return false; }));
  EXPECT_TRUE(Quiesces());
}

TEST_F(Http2Test, AnIdleConnectionSaysGoodbyeFirst) {
  options_.limits.idle_ms = options_.limits.stall_ms = 50;
  Backend backend(Answer);
  Start(backend.port());
  Peer peer = Peer::Connect(port_);
  H2Client client(peer);
  ASSERT_EQ(client.Get("/").text(), "200 good");
  EXPECT_FALSE(client.RunUntil([] { return false; }));
  EXPECT_TRUE(client.goaway());
  EXPECT_TRUE(Quiesces());
}

TEST_F(Http2Test, AClientThatIgnoresOurGoodbyeIsClosed) {
  options_.limits.idle_ms = options_.limits.stall_ms = 50;
  Backend backend(Answer);
  Start(backend.port());
  Peer peer = Peer::Connect(port_);
  peer.Send(absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", std::string("\0\0\0\4\0\0\0\0\0", 9)));
  EXPECT_THAT(peer.ReadAll(), HasSubstr("drain"));
  EXPECT_FALSE(peer.timed_out());
  EXPECT_TRUE(Quiesces());
}

// ---- memory -------------------------------------------------------------------------------------

// Many clients that take nothing: beyond what is given to all of them, who waits is given up.
TEST_F(Http2Test, WhatWaitsForClientsIsBoundedForAllTogether) {
  constexpr size_t kMost = 2 << 20;
  options_.limits.buffered_bytes = kMost;
  const std::string body(500'000, 'x');
  std::atomic<int> asked = 0;
  std::promise<void> all;
  const std::shared_future<void> go = all.get_future().share();
  Backend backend([&](Peer& peer) {
    while (peer.ReadUntil("\r\n\r\n") != "") {
      if (++asked == 90) all.set_value();
      go.wait();  // so that all were let in before a byte has come
      if (!peer.Send(
              absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(), "\r\n\r\n", body)))
        return;
    }
  });
  Start(backend.port());
  {
    Peer peer = Peer::Connect(port_);
    H2Client client(peer, {.window_bytes = 0, .give_windows_back = false});
    std::vector<int32_t> ids;
    for (int i = 0; i < 90; ++i) ids.push_back(client.Open({}));
    size_t resets = 0;
    EXPECT_TRUE(client.RunUntil([&] {
      resets = 0;
      for (const int32_t id : ids) resets += client.answer(id).reset >= 0 ? 1 : 0;
      return resets >= 40;
    })) << resets;
    EXPECT_LE(Stats().buffers_in_use * core::BufferPool::kBufferBytes, kMost + 256 * 1024);
  }
  EXPECT_TRUE(Quiesces());
}

// HTTP/1.0 has nothing but the connection's end to say that a response is over.
TEST_F(Http2Test, AnEndOfTheConnectionTellsWhetherTheResponseWasWhole) {
  for (bool whole : {true, false}) {
    Backend backend([&](Peer& peer) {
      while (peer.ReadUntil("\r\n\r\n") != "") {
        peer.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        if (!whole) return;
        peer.Send("0\r\n\r\n");
      }
    });
    Start(backend.port());
    constexpr char kRequest[] = "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n";
    TlsPeer tls(tls_port_, "a.example", "");
    ASSERT_TRUE(tls.connected());
    tls.Send(kRequest);
    std::string got;
    for (std::string some; !(some = tls.ReadSome()).empty();) got += some;
    EXPECT_THAT(got, ::testing::EndsWith("\r\n\r\nabc"));
    EXPECT_EQ((SSL_get_shutdown(tls.ssl()) & SSL_RECEIVED_SHUTDOWN) != 0, whole);

    Peer clear = Peer::Connect(port_);
    clear.Send(kRequest);
    EXPECT_THAT(clear.ReadUntil("abc"), ::testing::EndsWith("\r\n\r\nabc"));
    pollfd over = {.fd = clear.fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&over, 1, 5000), 1);
    char byte;
    EXPECT_EQ(recv(clear.fd(), &byte, 1, 0), whole ? 0 : -1);
    fleet_.reset();
  }
}

}  // namespace
}  // namespace sluice::worker
