// The request path from end to end on loopback: client, workers, backend.
#include "dataplane/worker/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>

#include "fleet_fixture.h"
#include "loopback.h"

namespace sluice::worker {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// One HTTP listener; hosts and rules are added by the tests.
constexpr char kSnapshot[] = R"pb(
  listeners { id: "ns/gw/http" addresses: "127.0.0.1" port: 80 protocol: PROTOCOL_HTTP }
  hosts {
    listener_id: "ns/gw/http"
    matches { path: "/moved" rule_id: "HTTPRoute/ns/moved/0" }
    matches { path: "/none" rule_id: "HTTPRoute/ns/none/0" }
    matches { path: "/slow" rule_id: "HTTPRoute/ns/slow/0" }
    matches { path: "/app" rule_id: "HTTPRoute/ns/app/0" }
  }
  rules {
    id: "HTTPRoute/ns/app/0"
    route: "ns/app"
    filters {
      request_headers {
        set { name: "x-added" value: "yes" }
        remove: "x-removed"
      }
    }
    filters { response_headers { set { name: "x-answer" value: "42" } } }
    backends { weight: 1 cluster_id: "ns/app:80" }
  }
  rules {
    id: "HTTPRoute/ns/moved/0"
    route: "ns/moved"
    filters { redirect { scheme: "https" status: 301 } }
  }
  rules {
    id: "HTTPRoute/ns/none/0"
    route: "ns/none"
    backends { weight: 1 cluster_id: "ns/empty:80" }
  }
  rules {
    id: "HTTPRoute/ns/slow/0"
    route: "ns/slow"
    request_timeout_ms: 100
    backends { weight: 1 cluster_id: "ns/app:80" }
  }
  clusters { id: "ns/app:80" }
  clusters { id: "ns/empty:80" }
  endpoints {
    cluster_id: "ns/app:80"
    endpoints { address: "127.0.0.1" port: $port }
  }
)pb";

class FleetTest : public FleetFixture {
 protected:
  void Start(uint16_t backend_port) { FleetFixture::Start(backend_port, kSnapshot); }
  void Apply(uint16_t backend_port) { FleetFixture::Apply(backend_port, kSnapshot); }
};

TEST_F(FleetTest, ForwardsARequestWithItsFiltersAndOurOwnForwardingFields) {
  Backend backend(Backend::Echo);
  Start(backend.port());
  const std::string got =
      Get("/app/x?y=1", "X-Removed: 1\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n");
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(got, HasSubstr("x-answer: 42\r\n"));
  EXPECT_THAT(got, HasSubstr("GET /app/x?y=1 HTTP/1.1\r\n"));
  EXPECT_THAT(got, HasSubstr("host: a.example\r\n"));
  EXPECT_THAT(got, HasSubstr("x-added: yes\r\n"));
  EXPECT_THAT(got, HasSubstr("x-forwarded-for: 127.0.0.1\r\n"));
  EXPECT_THAT(got, HasSubstr("x-forwarded-proto: http\r\n"));
  EXPECT_THAT(got, Not(HasSubstr("6.6.6.6")));
  EXPECT_THAT(got, Not(HasSubstr("x-removed")));
}

TEST_F(FleetTest, AnswersWhatNoBackendCan) {
  Backend backend(Backend::Echo);
  Start(backend.port());
  EXPECT_THAT(Get("/"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Get("/none"), StartsWith("HTTP/1.1 503"));
  const std::string moved = Get("/moved/a?b");
  EXPECT_THAT(moved, StartsWith("HTTP/1.1 301"));
  EXPECT_THAT(moved, HasSubstr("location: https://a.example/moved/a?b\r\n"));
}

TEST_F(FleetTest, KeepsBothConnectionsForManyRequests) {
  Backend backend(Backend::Echo);
  Start(backend.port());
  Peer client = Peer::Connect(port_);
  for (int i = 0; i < 100; ++i) {
    client.Send(absl::StrCat("GET /app/", i, " HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_THAT(client.ReadMessage(), HasSubstr(absl::StrCat("GET /app/", i, " ")));
  }
  EXPECT_EQ(backend.connections(), 1);
}

TEST_F(FleetTest, NeverWaitsForAnAcknowledgementBeforeItAnswers) {
  // A head and a body in writes of their own, in two turns: with Nagle's algorithm the second
  // waits for the client's delayed acknowledgement, 40 ms.
  Backend backend([](Peer& peer) {
    while (!peer.ReadMessage().empty()) {
      peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
      poll(nullptr, 0, 1);
      if (!peer.Send("ok")) return;
    }
  });
  Start(backend.port());
  Peer client = Peer::Connect(port_);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 30; ++i) {
    client.Send("GET /app HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_THAT(client.ReadMessage(), EndsWith("ok"));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(600));
}

TEST_F(FleetTest, AnswersPipelinedRequestsInOrder) {
  Backend backend(Backend::Echo);
  Start(backend.port());
  Peer client = Peer::Connect(port_);
  std::string all;
  for (int i = 0; i < 50; ++i) {
    absl::StrAppend(&all, "POST /app/", i, " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  }
  client.Send(all);
  for (int i = 0; i < 50; ++i) {
    ASSERT_THAT(client.ReadMessage(), HasSubstr(absl::StrCat("POST /app/", i, " ")));
  }
}

TEST_F(FleetTest, StreamsALargeBodyBothWaysInBoundedMemory) {
  constexpr size_t kBytes = 64 << 20;
  Backend backend([](Peer& peer) {
    peer.ReadUntil("\r\n\r\n");
    peer.Send(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", kBytes, "\r\n\r\n"));
    size_t left = kBytes;
    while (left > 0) {
      const std::string part = peer.ReadBytes(std::min<size_t>(left, 256 * 1024));
      if (part.empty() || !peer.Send(part)) return;
      left -= part.size();
    }
  });
  Start(backend.port());
  Peer client = Peer::Connect(port_);
  client.Send(
      absl::StrCat("POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: ", kBytes, "\r\n\r\n"));
  std::thread sender([&] {
    const std::string part(1 << 20, 'x');
    for (size_t i = 0; i < kBytes / part.size(); ++i) client.Send(part);
  });
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  size_t got = 0, most_buffers = 0;
  while (got < kBytes) {
    const std::string part = client.ReadBytes(std::min<size_t>(kBytes - got, 4 << 20));
    ASSERT_FALSE(part.empty());
    got += part.size();
    most_buffers = std::max(most_buffers, Stats().buffers_in_use);
  }
  sender.join();
  EXPECT_LE(most_buffers, 64u);  // 1 MB, whatever the body's size
}

TEST_F(FleetTest, SlowReaderPausesTheBackend) {
  std::atomic<size_t> sent = 0;
  constexpr size_t kBytes = 256 << 20;
  Backend backend([&](Peer& peer) {
    peer.ReadUntil("\r\n\r\n");
    peer.Send(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", kBytes, "\r\n\r\n"));
    const std::string part(1 << 20, 'x');
    while (sent < kBytes && peer.Send(part)) sent += part.size();
  });
  Start(backend.port());
  Peer client = Peer::Connect(port_);
  client.Send("GET /app HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  // The backend comes to a stand once the sockets and our marks are full.
  size_t before = 1;
  for (int i = 0; i < 50 && before != sent; ++i) {
    before = sent;
    Stats();
    std::this_thread::yield();
    poll(nullptr, 0, 50);
  }
  EXPECT_LT(sent, kBytes / 2);
  EXPECT_LE(Stats().buffers_in_use, 32u);
  client.Close();
}

TEST_F(FleetTest, RetriesOnceTheIdleConnectionTurnsOutDead) {
  // Serves one request on each connection and then closes it without a word.
  Backend backend([](Peer& peer) {
    const std::string request = peer.ReadMessage();
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    // The FIN comes when the second request does.
    peer.Fill();
  });
  Start(backend.port());
  for (int i = 0; i < 20; ++i) EXPECT_THAT(Get("/app"), EndsWith("ok"));
  EXPECT_GT(Stats().streams.retries, 0u);
}

TEST_F(FleetTest, EndsARequestAtItsTimeout) {
  Backend backend([](Peer& peer) { peer.ReadAll(); });
  Start(backend.port());
  EXPECT_THAT(Get("/slow"), StartsWith("HTTP/1.1 504"));
}

TEST_F(FleetTest, BadGatewayWhenTheBackendSpeaksNonsense) {
  Backend backend([](Peer& peer) {
    peer.ReadMessage();
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx");
  });
  Start(backend.port());
  EXPECT_THAT(Get("/app"), StartsWith("HTTP/1.1 502"));
}

TEST_F(FleetTest, ServiceUnavailableWhenNothingListens) {
  uint16_t dead;
  {
    core::Fd fd = Listen();
    dead = PortOf(fd);
  }
  Start(dead);
  EXPECT_THAT(Get("/app"), StartsWith("HTTP/1.1 503"));
}

TEST_F(FleetTest, SwapsGenerationsUnderLoadWithoutAFailedRequest) {
  Backend backend(Backend::Echo);
  Start(backend.port());
  std::atomic<bool> stop = false;
  std::atomic<int> good = 0, bad = 0;
  std::thread load([&] {
    Peer client = Peer::Connect(port_);
    while (!stop) {
      client.Send("GET /app HTTP/1.1\r\nHost: a\r\n\r\n");
      (absl::StartsWith(client.ReadMessage(), "HTTP/1.1 200") ? good : bad)++;
    }
  });
  for (int i = 0; i < 200; ++i) Apply(backend.port());
  while (good < 100) std::this_thread::yield();
  stop = true;
  load.join();
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(backend.connections(), 1);  // the pool outlived them all
}

TEST_F(FleetTest, TunnelsAWebSocket) {
  Backend backend([](Peer& peer) {
    const std::string request = peer.ReadUntil("\r\n\r\n");
    EXPECT_THAT(absl::AsciiStrToLower(request), HasSubstr("upgrade: websocket\r\n"));
    peer.Send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    for (std::string part; !(part = peer.ReadBytes(4)).empty();) peer.Send(part + part);
  });
  Start(backend.port());
  Peer client = Peer::Connect(port_);
  client.Send("GET /app HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 101"));
  client.Send("ping");
  EXPECT_EQ(client.ReadBytes(8), "pingping");
  client.HalfClose();
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(FleetTest, DrainLetsARequestEndAndThenCloses) {
  std::promise<void> arrived, go;
  Backend backend([&](Peer& peer) {
    peer.ReadMessage();
    arrived.set_value();
    go.get_future().wait();
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  Start(backend.port());
  Peer idle = Peer::Connect(port_);
  Peer client = Peer::Connect(port_);
  client.Send("GET /app HTTP/1.1\r\nHost: a\r\n\r\n");
  arrived.get_future().wait();
  fleet_->Drain();
  go.set_value();
  const std::string got = client.ReadMessage();
  EXPECT_THAT(got, EndsWith("ok"));
  EXPECT_THAT(absl::AsciiStrToLower(got), HasSubstr("connection: close"));
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(FleetTest, DrainAnswersWhoHasJustConnected) {
  Backend backend(Backend::Echo);
  Start(backend.port());
  Peer served = Peer::Connect(port_), fresh = Peer::Connect(port_);
  served.Send("GET /app HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(served.ReadMessage(), StartsWith("HTTP/1.1 200"));
  for (int i = 0; i < 1000 && Stats().connections.accepted < 2; ++i) {
  }
  fleet_->Drain();
  EXPECT_TRUE(served.AtEnd());
  fresh.Send("GET /app HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string got = fresh.ReadMessage();
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(absl::AsciiStrToLower(got), HasSubstr("connection: close"));
  EXPECT_TRUE(fresh.AtEnd());
}

TEST_F(FleetTest, ConnectionsOverTheLimitWait) {
  options_.limits.connections = 2;
  Backend backend(Backend::Echo);
  Start(backend.port());
  Peer first = Peer::Connect(port_), second = Peer::Connect(port_);
  for (Peer* peer : {&first, &second}) {
    peer->Send("GET /app HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(peer->ReadMessage(), StartsWith("HTTP/1.1 200"));
  }
  Peer third = Peer::Connect(port_);
  third.Send("GET /app HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(Stats().connections.accepted, 2u);
  first.Close();
  EXPECT_THAT(third.ReadMessage(), StartsWith("HTTP/1.1 200"));
}

TEST_F(FleetTest, CountsByRouteAndByListener) {
  Backend backend(Backend::Echo);
  Start(backend.port());
  Get("/app");
  Get("/app");
  Get("/nowhere");
  const WorkerStats stats = Stats();
  ASSERT_EQ(stats.listeners.size(), 1u);
  EXPECT_EQ(stats.listeners[0].name, "ns/gw/http");
  EXPECT_EQ(stats.listeners[0].by_class[2], 2u);
  EXPECT_EQ(stats.listeners[0].by_class[4], 1u);  // no route, but the listener's all the same
  for (const stream::RequestCounters& route : stats.routes) {
    EXPECT_EQ(route.by_class[2], route.name == "ns/app" ? 2u : 0u) << route.name;
    EXPECT_EQ(route.by_class[4], 0u) << route.name;
  }
}

TEST_F(FleetTest, LogsEachRequestOnce) {
  Backend backend(Backend::Echo);
  Start(backend.port());
  Get("/app/logged");
  Get("/nowhere");
  fleet_.reset();  // hands over what is gathered
  std::vector<std::string> lines;
  std::string_view batch = log_;
  for (stream::AccessRecord record; stream::AccessLog::Decode(batch, record);) {
    lines.push_back(absl::StrCat(record.method, " ", record.target, " ", record.status, " ",
                                 record.route, " ", core::FlagName(record.fault)));
  }
  EXPECT_THAT(lines,
              testing::ElementsAre("GET /app/logged 200 ns/app -", "GET /nowhere 404  no_route"));
}

}  // namespace
}  // namespace sluice::worker
