// HTTP/2 towards backends from end to end: connections shared by many exchanges, what a backend
// refuses, its end in the middle, bulk both ways, and gRPC on top of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "fleet_fixture.h"
#include "h2_backend.h"
#include "h2_client.h"
#include "loopback.h"

namespace sluice::worker {
namespace {

using ::testing::HasSubstr;

constexpr char kSnapshot[] = R"pb(
  listeners { id: "ns/gw/http" addresses: "127.0.0.1" port: 80 protocol: PROTOCOL_HTTP }
  hosts {
    listener_id: "ns/gw/http"
    hostname: "a.example"
    matches { path: "/" rule_id: "HTTPRoute/ns/app/0" }
  }
  hosts {
    listener_id: "ns/gw/http"
    hostname: "rpc.example"
    matches { path: "/ns.Service" grpc: true rule_id: "GRPCRoute/ns/rpc/0" }
    matches { path: "/ns.Nowhere" grpc: true rule_id: "GRPCRoute/ns/rpc/1" }
    matches { path: "/ns.Nobody" grpc: true rule_id: "GRPCRoute/ns/rpc/2" }
    matches { path: "/ns.Slow" grpc: true rule_id: "GRPCRoute/ns/rpc/3" }
  }
  rules {
    id: "GRPCRoute/ns/rpc/0"
    route: "ns/rpc"
    grpc: true
    backends { weight: 1 cluster_id: "ns/app:80" }
  }
  rules {
    id: "GRPCRoute/ns/rpc/1"
    route: "ns/rpc"
    grpc: true
    backends { weight: 1 cluster_id: "ns/empty:80" }
  }
  rules {
    id: "GRPCRoute/ns/rpc/2"
    route: "ns/rpc"
    grpc: true
    backends { weight: 1 }
  }
  rules {
    id: "GRPCRoute/ns/rpc/3"
    route: "ns/rpc"
    grpc: true
    request_timeout_ms: 50
    backends { weight: 1 cluster_id: "ns/app:80" }
  }
  rules {
    id: "HTTPRoute/ns/app/0"
    route: "ns/app"
    backends { weight: 1 cluster_id: "ns/app:80" }
  }
  clusters { id: "ns/app:80" protocol: PROTOCOL_H2C }
  clusters { id: "ns/empty:80" protocol: PROTOCOL_H2C }
  endpoints {
    cluster_id: "ns/app:80"
    endpoints { address: "127.0.0.1" port: $port }
  }
)pb";

// Says what it saw of a request.
void Echo(H2Serving& connection, H2Serving::Request& request) {
  connection.Answer(
      request.id, absl::StrCat(request.headers[":method"], " ", request.path(), " ", request.body));
}

class H2UpstreamTest : public FleetFixture {
 protected:
  void Start(const H2Backend& backend) { FleetFixture::Start(backend.port(), kSnapshot); }
  // The pool's counters.
  WorkerStats::Cluster Cluster() {
    for (const WorkerStats::Cluster& cluster : Stats().clusters) {
      if (cluster.id == "ns/app:80") return cluster;
    }
    return {};
  }
};

// `count` requests at once on one connection of a client; how many came to which end.
std::map<std::string, int> Burst(H2Client& client, int count, const H2Client::Request& request) {
  std::vector<int32_t> ids;
  for (int i = 0; i < count; ++i) ids.push_back(client.Open(request));
  std::map<std::string, int> ends;
  for (int32_t id : ids) ++ends[client.Await(id).text()];
  return ends;
}

TEST_F(H2UpstreamTest, ClientsOfBothVersionsReachTheBackend) {
  H2Backend backend(Echo);
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  EXPECT_EQ(client.Get("/two").text(), "200 GET /two ");
  EXPECT_EQ(client.Await(client.Open({.method = "POST", .path = "/two", .body = "body"})).text(),
            "200 POST /two body");
  Peer one = Peer::Connect(port_);
  one.Send("GET /one HTTP/1.1\r\nHost: a.example\r\n\r\n");
  EXPECT_THAT(one.ReadUntil("0\r\n\r\n"), HasSubstr("GET /one"));
  one.Send(
      "POST /one HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n0\r\n\r\n");
  EXPECT_THAT(one.ReadUntil("0\r\n\r\n"), HasSubstr("POST /one abc"));
  EXPECT_EQ(backend.connections(), 1);
}

TEST_F(H2UpstreamTest, HundredStreamsShareAConnection) {
  std::vector<int32_t> held;
  H2Backend backend([&](H2Serving& connection, H2Serving::Request& request) {
    held.push_back(request.id);
    if (held.size() < 100) return;
    for (int32_t id : held) connection.Answer(id, "all");
  });
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  EXPECT_EQ(Burst(client, 100, {.method = "POST", .body = "x"}),
            (std::map<std::string, int>{{"200 all", 100}}));
  EXPECT_EQ(backend.connections(), 1);
  EXPECT_EQ(Cluster().counters.reuses, 99u);
}

TEST_F(H2UpstreamTest, ABackendThatTakesOneStreamGetsMoreConnections) {
  std::atomic<size_t> most = 0;
  H2Backend backend({.serve =
                         [&](H2Serving& connection, H2Serving::Request& request) {
                           most = std::max(most.load(), connection.open());
                           Echo(connection, request);
                         },
                     .max_streams = 1});
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(Burst(client, 20, {.method = "POST", .path = "/p", .body = "x"}),
              (std::map<std::string, int>{{"200 POST /p x", 20}}));
  }
  EXPECT_EQ(most, 1u);
  EXPECT_LE(backend.connections(), 20);
}

TEST_F(H2UpstreamTest, ABackendThatTakesNoStreamIsLeftAlone) {
  H2Backend backend({.serve = Echo, .max_streams = 0});
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  EXPECT_EQ(client.Get("/").text(), "502 upstream_reset\n");
  EXPECT_LE(backend.connections(), 3);
  EXPECT_TRUE(Within(3000, [&](const WorkerStats&) { return Cluster().connections == 0; }));
}

// Each connection says goodbye at its 30th request and serves none behind that.
TEST_F(H2UpstreamTest, GoAwayLosesNoRequest) {
  H2Backend backend([](H2Serving& connection, H2Serving::Request& request) {
    const int32_t last = 30 * 2 - 1;
    if (request.id == last) connection.GoAway(last);
    if (request.id <= last) Echo(connection, request);
  });
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(Burst(client, 20, {.method = "POST", .path = "/p", .body = "x"}),
              (std::map<std::string, int>{{"200 POST /p x", 20}}));
  }
  EXPECT_GE(backend.connections(), 400 / 30);
  EXPECT_TRUE(Within(3000, [&](const WorkerStats&) { return Cluster().connections <= 1; }));
}

TEST_F(H2UpstreamTest, RefusedStreamsAreRepeatedWithTheirBody) {
  std::atomic<int> refused = 0;
  H2Backend backend([&](H2Serving& connection, H2Serving::Request& request) {
    if (refused < 10 && refused++ % 2 == 0) {
      return connection.Reset(request.id, NGHTTP2_REFUSED_STREAM);
    }
    connection.Answer(request.id, absl::StrCat(request.body, request.trailers["t"]));
  });
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(client
                  .Await(client.Open({.method = "POST",
                                      .path = "/",
                                      .body = std::string(10'000, 'x'),
                                      .trailers = {{"t", "!"}}}))
                  .text(),
              "200 " + std::string(10'000, 'x') + "!");
  }
  EXPECT_EQ(Stats().streams.retries, 5u);
}

TEST_F(H2UpstreamTest, ARefusedBodyThatIsNotKeptIsNotRepeated) {
  H2Backend backend({.serve =
                         [](H2Serving& connection, H2Serving::Request& request) {
                           if (request.bytes < 100'000) return;
                           connection.Reset(request.id, NGHTTP2_REFUSED_STREAM);
                         },
                     .at_head = true});
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  EXPECT_EQ(
      client.Await(client.Open({.method = "POST", .path = "/", .body = std::string(200'000, 'x')}))
          .text(),
      "502 upstream_reset\n");
}

TEST_F(H2UpstreamTest, ABackendThatDiesResetsWhatItHadBegun) {
  H2Backend backend([](H2Serving& connection, H2Serving::Request& request) {
    if (request.path() == "/begin") {
      connection.Begin(request.id, "200", {});
      connection.Send(request.id, "some", false);
    } else if (request.path() == "/die") {
      connection.Close();
    } else {
      Echo(connection, request);
    }
  });
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  const int32_t begun = client.Open({.path = "/begin"});
  ASSERT_TRUE(client.RunUntil([&] { return client.answer(begun).body == "some"; }));
  const int32_t post = client.Open({.method = "POST", .path = "/die", .body = "x"});
  EXPECT_EQ(client.Await(begun).text(), "200 some RST 2");
  EXPECT_EQ(client.Await(post).text(), "502 upstream_reset\n");
  EXPECT_EQ(client.Get("/").text(), "200 GET / ");
  EXPECT_TRUE(Within(3000, [&](const WorkerStats&) { return Cluster().connections == 1; }));
}

TEST_F(H2UpstreamTest, AClientThatGoesCancelsItsStreamAlone) {
  std::atomic<int> open = 0;
  H2Backend backend({.serve = [&](H2Serving& connection, H2Serving::Request& request) {
    if (request.path() == "/count") {
      connection.Answer(request.id, absl::StrCat(connection.open()));
    }
    ++open;
  }});
  Start(backend);
  Peer staying = Peer::Connect(port_);
  H2Client client(staying);
  {
    Peer leaving = Peer::Connect(port_);
    H2Client other(leaving);
    other.Open({.path = "/hang"});
    ASSERT_TRUE(Within(3000, [&](const WorkerStats&) { return open == 1; }));
  }
  ASSERT_TRUE(Within(3000, [](const WorkerStats& stats) { return stats.streams.open == 0; }));
  EXPECT_EQ(client.Get("/count").text(), "200 1");
  EXPECT_EQ(backend.connections(), 1);
}

constexpr size_t kBulk = 100'000'000;

TEST_F(H2UpstreamTest, BulkUploadIsBoundedByTheBackend) {
  H2Backend backend({.serve =
                         [](H2Serving& connection, H2Serving::Request& request) {
                           if (!request.ended) return;
                           connection.Answer(request.id, absl::StrCat(request.bytes));
                         },
                     .keep_body = false});
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  const int32_t id = client.Open({.method = "POST", .path = "/", .open = true});
  const std::string piece(1'000'000, 'x');
  size_t most = 0;
  for (size_t sent = 0; sent < kBulk; sent += piece.size()) {
    client.Send(id, piece, sent + piece.size() == kBulk);
    ASSERT_TRUE(client.RunUntil([&] { return client.pending(id) == 0; }));
    most = std::max(most, Stats().buffers_in_use);
  }
  EXPECT_EQ(client.Await(id).text(), absl::StrCat("200 ", kBulk));
  EXPECT_LE(most * core::BufferPool::kBufferBytes, 2u << 20);
}

TEST_F(H2UpstreamTest, BulkDownloadIsBoundedByTheClient) {
  H2Backend backend([](H2Serving& connection, H2Serving::Request& request) {
    connection.Answer(request.id, std::string(request.path() == "/bulk" ? kBulk : 3, 'x'));
  });
  Start(backend);
  Peer slow = Peer::Connect(port_);
  H2Client client(slow, {.window_bytes = 1 << 20, .give_windows_back = false});
  const int32_t id = client.Open({.path = "/bulk"});
  ASSERT_TRUE(client.RunUntil([&] { return client.answer(id).body.size() == 1 << 20; }));
  // It takes no more: what the backend may still send is a window's worth, and others go on.
  EXPECT_TRUE(Within(3000, [](const WorkerStats& stats) { return stats.buffers_in_use > 0; }));
  Peer fast = Peer::Connect(port_);
  H2Client other(fast);
  EXPECT_EQ(other.Get("/").text(), "200 xxx");
  size_t most = 0;
  size_t got = client.answer(id).body.size();
  while (got < kBulk) {
    most = std::max(most, Stats().buffers_in_use);
    client.GiveWindow(0, 1 << 20);
    client.GiveWindow(id, 1 << 20);
    got = std::min(kBulk, got + (1 << 20));
    ASSERT_TRUE(client.RunUntil([&] { return client.answer(id).body.size() == got; }));
  }
  EXPECT_TRUE(client.Await(id).ended);
  EXPECT_LE(most * core::BufferPool::kBufferBytes, 1u << 20);
  EXPECT_EQ(backend.connections(), 1);
}

TEST_F(H2UpstreamTest, ABackendThatTakesNothingOfABodyTimesOut) {
  options_.limits.stall_ms = 100;
  H2Backend backend({.serve =
                         [](H2Serving& connection, H2Serving::Request& request) {
                           if (request.path() == "/first") Echo(connection, request);
                         },
                     .window_bytes = 0});
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  // Its window is known once it has answered.
  EXPECT_EQ(client.Get("/first").text(), "200 GET /first ");
  const int32_t id = client.Open({.method = "POST", .body = std::string(1000, 'x')});
  EXPECT_EQ(client.Await(id).text(), "504 upstream_timeout\n");
}

TEST_F(H2UpstreamTest, AnEndpointThatLeavesFinishesWhatIsOpen) {
  H2Backend backend({.serve =
                         [&](H2Serving& connection, H2Serving::Request& request) {
                           if (request.path() == "/hold" && !request.ended) {
                             connection.Begin(request.id, "200", {});
                           } else if (request.ended) {
                             connection.Send(request.id, "held", true);
                           }
                         },
                     .at_head = true});
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  const int32_t held = client.Open({.method = "POST", .path = "/hold", .open = true});
  ASSERT_TRUE(client.RunUntil([&] { return client.answer(held).status == 200; }));
  H2Backend next(Echo);
  Apply(next.port(), kSnapshot);
  EXPECT_EQ(client.Get("/new").text(), "200 GET /new ");
  client.Send(held, "x", true);
  EXPECT_EQ(client.Await(held).text(), "200 held");
  EXPECT_TRUE(Within(3000, [&](const WorkerStats&) { return Cluster().connections == 1; }));
}

TEST_F(H2UpstreamTest, ABackendOfHttp1IsRefused) {
  Backend backend([](Peer& peer) {
    peer.ReadSome();
    peer.Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    peer.ReadAll();
  });
  FleetFixture::Start(backend.port(), kSnapshot);
  EXPECT_THAT(Get("/"), HasSubstr("502"));
}

// ---- gRPC ---------------------------------------------------------------------------------------

H2Client::Request Call(const std::string& path, std::string body = "ping", bool open = false) {
  return {.method = "POST",
          .path = path,
          .authority = "rpc.example",
          .headers = {{"content-type", "application/grpc+proto"},
                      {"te", "trailers"},
                      {"grpc-timeout", "1S"}},
          .body = std::move(body),
          .open = open};
}

std::string Told(const H2Client::Answer& answer) {
  const auto field = [&](const std::string& name) {
    auto found = answer.headers.find(name);
    return found == answer.headers.end() ? std::string("-") : found->second;
  };
  return absl::StrCat(answer.text(), field("content-type"), " ", field("grpc-status"), " ",
                      field("grpc-message"));
}

TEST_F(H2UpstreamTest, CallsKeepTheirHeadersAndTrailers) {
  H2Backend backend([](H2Serving& connection, H2Serving::Request& request) {
    connection.Answer(request.id,
                      absl::StrCat(request.headers["te"], " ", request.headers["grpc-timeout"], " ",
                                   request.headers["content-type"], " ", request.body),
                      {{"content-type", "application/grpc"}},
                      {{"grpc-status", "0"}, {"grpc-message", "fine"}});
  });
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  const H2Client::Answer& answer = client.Await(client.Open(Call("/ns.Service/Call")));
  EXPECT_EQ(answer.text(), "200 trailers 1S application/grpc+proto ping");
  EXPECT_EQ(answer.trailers,
            (std::map<std::string, std::string>{{"grpc-status", "0"}, {"grpc-message", "fine"}}));
}

TEST_F(H2UpstreamTest, TrailersOnlyStayAHeadAlone) {
  H2Backend backend([](H2Serving& connection, H2Serving::Request& request) {
    connection.AnswerWithHead(request.id, "200",
                              {{"content-type", "application/grpc"}, {"grpc-status", "5"}});
  });
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  const H2Client::Answer& answer = client.Await(client.Open(Call("/ns.Service/Call")));
  EXPECT_EQ(Told(answer), "200 application/grpc 5 -");
  EXPECT_TRUE(answer.trailers.empty());
}

TEST_F(H2UpstreamTest, BothSidesOfACallStream) {
  H2Backend backend({.serve =
                         [](H2Serving& connection, H2Serving::Request& request) {
                           if (request.bytes == 0) return connection.Begin(request.id, "200", {});
                           connection.Send(request.id, std::exchange(request.body, {}),
                                           request.ended, {{"grpc-status", "0"}});
                         },
                     .at_head = true});
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  const int32_t id = client.Open(Call("/ns.Service/Chat", "", true));
  ASSERT_TRUE(client.RunUntil([&] { return client.answer(id).status == 200; }));
  std::string sent;
  for (const char* message : {"one", "two", "three"}) {
    sent += message;
    client.Send(id, message);
    ASSERT_TRUE(client.RunUntil([&] { return client.answer(id).body == sent; })) << message;
  }
  client.Send(id, "end", true);
  EXPECT_EQ(client.Await(id).text(), "200 onetwothreeend");
  EXPECT_EQ(client.answer(id).trailers.at("grpc-status"), "0");
}

// Neither side says anything for longer than a client that owes a body may be silent.
TEST_F(H2UpstreamTest, ASilentCallLivesOn) {
  options_.limits.stall_ms = 100;
  H2Backend backend({.serve =
                         [](H2Serving& connection, H2Serving::Request& request) {
                           if (request.bytes == 0) return connection.Begin(request.id, "200", {});
                           connection.Send(request.id, "late", request.ended);
                         },
                     .at_head = true});
  Start(backend);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  const int32_t plain = client.Open({.method = "POST", .path = "/", .open = true});
  const int32_t call = client.Open(Call("/ns.Service/Watch", "", true));
  // The plain request's deadline passes; the call was opened later and is older than that.
  EXPECT_EQ(client.Await(plain).reset, NGHTTP2_INTERNAL_ERROR);
  client.Send(call, "x", true);
  EXPECT_EQ(client.Await(call).text(), "200 late");
}

TEST_F(H2UpstreamTest, CallsAreToldOfOurFaultsInTheirWay) {
  H2Backend backend([](H2Serving& connection, H2Serving::Request& request) {
    if (request.path() == "/ns.Service/Reset") connection.Reset(request.id, NGHTTP2_CANCEL);
    if (request.path() == "/ns.Service/Break") {
      connection.AnswerWithHead(request.id, "200", {{"content-length", "3"}});
    }
  });
  Start(backend);
  struct Row {
    const char* path;
    const char* told;
  };
  const Row rows[] = {
      {"/other.Service/Call", "200 application/grpc 12 no_route"},
      {"/ns.Nowhere/Call", "200 application/grpc 14 no_endpoint"},
      {"/ns.Nobody/Call", "200 application/grpc 13 unresolved_backend"},
      {"/ns.Slow/Call", "200 application/grpc 4 upstream_timeout"},
      {"/ns.Service/Reset", "200 application/grpc 14 upstream_reset"},
      {"/ns.Service/Break", "200 application/grpc 13 upstream_protocol"},
  };
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  for (const Row& row : rows) {
    EXPECT_EQ(Told(client.Await(client.Open(Call(row.path)))), row.told) << row.path;
  }
  // A request that is no call gets a plain answer.
  EXPECT_EQ(client.Await(client.Open({.path = "/other", .authority = "rpc.example"})).text(),
            "404 no_route\n");
}

TEST_F(H2UpstreamTest, CallsToADeadBackendAreUnavailable) {
  uint16_t port;
  {
    core::Fd gone = Listen();
    port = PortOf(gone);
  }
  FleetFixture::Start(port, kSnapshot);
  Peer channel = Peer::Connect(port_);
  H2Client client(channel);
  EXPECT_EQ(Told(client.Await(client.Open(Call("/ns.Service/Call")))),
            "200 application/grpc 14 connect_failure");
}

}  // namespace
}  // namespace sluice::worker
