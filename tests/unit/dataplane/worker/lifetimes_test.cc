// What ends when something else ends: each side is cut at each byte, each wait has its deadline,
// and nothing is left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "fleet_fixture.h"
#include "h2_client.h"
#include "loopback.h"

namespace sluice::worker {
namespace {

using testing::AnyOf;
using testing::EndsWith;
using testing::StartsWith;

constexpr char kSnapshot[] = R"pb(
  listeners { id: "ns/gw/http" addresses: "127.0.0.1" port: 80 protocol: PROTOCOL_HTTP }
  hosts {
    listener_id: "ns/gw/http"
    hostname: "a.example"
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

constexpr std::string_view kRequest =
    "POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n";
constexpr std::string_view kGet = "GET /good HTTP/1.1\r\nHost: a.example\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n";
constexpr std::string_view kGood = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

void Cut(Peer& peer, bool abort) { abort ? peer.Abort() : peer.Close(); }

class LifetimesTest : public FleetFixture {
 protected:
  void Start(uint16_t backend_port) { FleetFixture::Start(backend_port, kSnapshot); }
  void ExpectWorks() {
    Peer client = Peer::Connect(port_);
    client.Send(kGet);
    EXPECT_THAT(client.ReadMessage(), EndsWith("good"));
  }
};

// A request whole, chunks or not, then kGood; other requests as `serve` has it.
void ServeGood(Peer& peer) {
  for (;;) {
    const std::string head = peer.ReadUntil("\r\n\r\n");
    if (head.empty()) return;
    if (head.starts_with("POST")) peer.ReadUntil("0\r\nx-t: 1\r\n\r\n");
    if (!peer.Send(kGood)) return;
  }
}

TEST_F(LifetimesTest, ClientIsCutAtEachByteOfItsRequest) {
  Backend backend(ServeGood);
  Start(backend.port());
  for (const bool abort : {false, true}) {
    for (size_t n = 0; n < kRequest.size(); ++n) {
      Peer client = Peer::Connect(port_);
      client.Send(kRequest.substr(0, n));
      if (n % 7 == 0) Stats();  // let the worker see it before the end comes
      Cut(client, abort);
    }
  }
  ExpectWorks();
  EXPECT_TRUE(Quiesces());
}

TEST_F(LifetimesTest, BackendIsCutAtEachByteOfItsResponse) {
  std::atomic<size_t> bytes = 0;
  std::atomic<bool> abort = false;
  Backend backend([&](Peer& peer) {
    for (;;) {
      const std::string head = peer.ReadUntil("\r\n\r\n");
      if (head.empty()) return;
      if (head.starts_with("GET /good")) {
        peer.Send(kGood);
        continue;
      }
      peer.Send(kResponse.substr(0, bytes));
      return Cut(peer, abort);
    }
  });
  Start(backend.port());
  for (const bool with_abort : {false, true}) {
    abort = with_abort;
    for (size_t n = 0; n < kResponse.size(); ++n) {
      bytes = n;
      SCOPED_TRACE(absl::StrCat(n, with_abort ? " bytes, then a reset" : " bytes"));
      Peer one = Peer::Connect(port_), two = Peer::Connect(port_);
      one.Send("GET /a HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
      const std::string got = one.ReadAll();
      EXPECT_FALSE(one.timed_out());
      EXPECT_THAT(got, testing::Not(EndsWith("0\r\nx-t: 1\r\n\r\n")));
      H2Client client(two);
      const H2Client::Answer& answer = client.Get("/a");
      EXPECT_THAT(answer.text(), AnyOf(StartsWith("502 upstream_"), EndsWith("RST 2")));
    }
  }
  ExpectWorks();
  EXPECT_TRUE(Quiesces());
}

TEST_F(LifetimesTest, ClientIsCutAtEachByteOfTheResponse) {
  Backend backend([](Peer& peer) {
    while (!peer.ReadUntil("\r\n\r\n").empty()) {
      // In pieces, so that the cut falls between them.
      for (size_t at = 0; at < kResponse.size(); at += 20) {
        if (!peer.Send(kResponse.substr(at, 20))) return;
      }
    }
  });
  Start(backend.port());
  for (const bool abort : {false, true}) {
    for (size_t n = 1; n < 90; n += 3) {
      Peer one = Peer::Connect(port_), two = Peer::Connect(port_);
      one.Send(kGet);
      one.ReadBytes(n);
      Cut(one, abort);
      H2Client client(two);
      const int32_t id = client.Open({.path = "/a"});
      if (n % 2 == 0) client.RunUntil([&] { return client.answer(id).status != 0; });
      Cut(two, abort);
    }
  }
  EXPECT_TRUE(Quiesces());
}

// Nobody accepts, and the backlog is full: connections to it stay in the making.
class Unreachable {
 public:
  Unreachable() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto any = core::Address::Parse("127.0.0.1", 0);
    bind(fd_.get(), any->get(), any->size());
    listen(fd_.get(), 0);
    const auto to = *core::Address::OfLocal(fd_.get());
    for (int i = 0; i < 4; ++i) {
      core::Fd& fd =
          fill_.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)connect(fd.get(), to.get(), to.size());
    }
  }
  uint16_t port() const { return PortOf(fd_); }

 private:
  core::Fd fd_;
  std::list<core::Fd> fill_;
};

TEST_F(LifetimesTest, EachSideMayGoWhileAnUpstreamConnects) {
  options_.limits.connect_ms = 200;
  Unreachable nowhere;
  Backend backend(ServeGood);
  Start(nowhere.port());
  const auto connecting = [](const WorkerStats& s) { return s.streams.open == 1; };

  {  // the client goes
    Peer client = Peer::Connect(port_);
    client.Send(kGet);
    ASSERT_TRUE(Within(3000, connecting));
    client.Abort();
    EXPECT_TRUE(Quiesces());
  }
  {  // its stream is reset
    Peer peer = Peer::Connect(port_);
    H2Client client(peer);
    const int32_t id = client.Open({.path = "/a", .body = "abc", .open = true});
    ASSERT_TRUE(Within(3000, connecting));
    client.Reset(id);
    EXPECT_TRUE(Within(3000, [](const WorkerStats& s) { return s.streams.open == 0; }));
  }
  {  // the endpoint is removed: the retry goes to where the generation began
    Peer client = Peer::Connect(port_);
    client.Send(kGet);
    ASSERT_TRUE(Within(3000, connecting));
    Apply(backend.port(), kSnapshot);
    EXPECT_THAT(client.ReadMessage(), EndsWith("good"));
  }
  Apply(nowhere.port(), kSnapshot);
  {  // nothing comes of it
    Peer client = Peer::Connect(port_);
    client.Send(kGet);
    EXPECT_THAT(client.ReadMessage(), StartsWith("HTTP/1.1 504"));
  }
  {  // all are cut
    Peer client = Peer::Connect(port_);
    client.Send(kGet);
    ASSERT_TRUE(Within(3000, connecting));
    fleet_.reset();
  }
}

TEST_F(LifetimesTest, ABusyEndpointThatIsRemovedEndsItsResponse) {
  std::promise<void> arrived, go;
  Backend old([&](Peer& peer) {
    peer.ReadUntil("\r\n\r\n");
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ng");
    arrived.set_value();
    go.get_future().wait();
    peer.Send("ood");
    peer.ReadAll();
  });
  Backend fresh(ServeGood);
  Start(old.port());
  Peer client = Peer::Connect(port_);
  client.Send(kGet);
  arrived.get_future().wait();
  Apply(fresh.port(), kSnapshot);
  ExpectWorks();
  go.set_value();
  EXPECT_THAT(client.ReadMessage(), EndsWith("good"));
  client.Close();
  EXPECT_TRUE(Quiesces());
  Apply(fresh.port(), kSnapshot);
  EXPECT_EQ(Stats().clusters[0].connections, 1u);  // none to the old one
}

// ---- deadlines ----------------------------------------------------------------------------------

struct Wait {
  std::string_view name;
  std::string_view sent;
  std::string_view answer;  // begins so; empty: none
};

TEST_F(LifetimesTest, EachWaitForTheClientEnds) {
  options_.limits.header_ms = options_.limits.stall_ms = options_.limits.idle_ms =
      options_.limits.handshake_ms = 100;
  Backend backend([](Peer& peer) { peer.ReadAll(); });
  Start(backend.port());
  const Wait waits[] = {
      {"nothing", "", ""},
      {"an empty line", "\r\n", ""},
      {"half an empty line", "\r", ""},
      {"a method", "GET", ""},
      {"half a head", "GET / HTTP/1.1\r\nHost: a.exam", ""},
      {"half a preface", "PRI * HTTP/2.0\r\n\r\n", ""},
      {"half a body", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\nabc",
       "HTTP/1.1 408"},
      {"half a chunk",
       "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
       "HTTP/1.1 408"},
      {"half a body that nobody waits for",
       "POST / HTTP/1.1\r\nHost: no.example\r\nContent-Length: 9\r\n\r\nabc", "HTTP/1.1 404"},
      {"half a chunk that nobody waits for",
       "POST / HTTP/1.1\r\nHost: no.example\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
       "HTTP/1.1 404"},
      {"a next request that does not come", "GET / HTTP/1.1\r\nHost: no.example\r\n\r\n",
       "HTTP/1.1 404"},
  };
  for (const Wait& wait : waits) {
    SCOPED_TRACE(wait.name);
    Peer client = Peer::Connect(port_);
    client.Send(wait.sent);
    EXPECT_THAT(client.ReadAll(), StartsWith(wait.answer));
    EXPECT_FALSE(client.timed_out());
    client.Close();
    EXPECT_TRUE(Quiesces());
  }
}

// One byte now and then is not enough.
TEST_F(LifetimesTest, ABodyThatDribblesEnds) {
  options_.limits.stall_ms = 200;
  Backend backend([](Peer& peer) { peer.ReadAll(); });
  Start(backend.port());
  Peer client = Peer::Connect(port_);
  client.Send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 900\r\n\r\n");
  pollfd ready = {.fd = client.fd(), .events = POLLIN, .revents = 0};
  int sent = 0;
  for (; sent < 100 && poll(&ready, 1, 20) == 0; ++sent) client.Send("x");
  EXPECT_LT(sent, 100);
  EXPECT_THAT(client.ReadMessage(), StartsWith("HTTP/1.1 408"));
}

// A client that keeps its window shut holds nothing for ever, whether the response has ended or
// not.
TEST_F(LifetimesTest, AnHttp2ClientThatTakesNothingIsReset) {
  options_.limits.stall_ms = 100;
  for (const size_t size : {size_t{1000}, size_t{30'000}, size_t{300'000}}) {
    Backend backend([size](Peer& peer) {
      for (std::string head; !(head = peer.ReadUntil("\r\n\r\n")).empty();) {
        if (head.starts_with("GET /wait")) continue;
        peer.Send(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", size, "\r\n\r\n",
                               std::string(size, 'x')));
      }
    });
    Start(backend.port());
    Peer peer = Peer::Connect(port_);
    H2Client client(peer, {.window_bytes = 0, .give_windows_back = false});
    client.Open({.path = "/wait"});  // keeps the connection
    std::vector<int32_t> ids;
    for (int i = 0; i < 20; ++i) ids.push_back(client.Open({.path = "/a"}));
    for (const int32_t id : ids) {
      EXPECT_GE(client.Await(id).reset, 0) << size << ": " << client.answer(id).text();
    }
    EXPECT_TRUE(Within(
        3000, [](const WorkerStats& s) { return s.streams.open == 1 && s.buffers_in_use == 0; }));
    peer.Close();
    EXPECT_TRUE(Quiesces());
    fleet_.reset();
  }
}

// The opposite: who takes what there is, however slowly, gets all of it.
TEST_F(LifetimesTest, ASlowReaderGetsAllOfItsResponse) {
  options_.limits.stall_ms = 250;
  constexpr size_t kBytes = 500'000;
  Backend backend([](Peer& peer) {
    while (!peer.ReadUntil("\r\n\r\n").empty()) {
      peer.Send(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", kBytes, "\r\n\r\n",
                             std::string(kBytes, 'x')));
    }
  });
  Start(backend.port());
  const auto to = *core::Address::Parse("127.0.0.1", port_);
  std::vector<Peer> clients;
  for (const std::string_view more : {"", "Connection: close\r\n"}) {
    Peer& client = clients.emplace_back(core::Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    client.SetReceiveBuffer(32 * 1024);
    ASSERT_EQ(connect(client.fd(), to.get(), to.size()), 0);
    client.Send(absl::StrCat("GET /a HTTP/1.1\r\nHost: a.example\r\n", more, "\r\n"));
  }
  // 16 kB in 50 ms: what we hold for a client alone takes longer than it may stand still.
  std::vector<size_t> got(clients.size());
  std::vector<char> bytes(16 * 1024);
  while (std::ranges::any_of(got, [](size_t n) { return n < kBytes; })) {
    for (size_t i = 0; i < clients.size(); ++i) {
      if (got[i] >= kBytes) continue;
      const ssize_t n = recv(clients[i].fd(), bytes.data(), bytes.size(), 0);
      ASSERT_GT(n, 0) << "client " << i << " was cut after " << got[i];
      got[i] += static_cast<size_t>(n);
    }
    poll(nullptr, 0, 50);
  }
}

// Requests without end, whose answers nobody reads.
TEST_F(LifetimesTest, PipelinedRequestsWaitUntilTheirAnswersAreTaken) {
  options_.limits.stall_ms = 1000;
  const std::string response =
      absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n", std::string(50'000, 'x'));
  Backend backend([&](Peer& peer) {
    while (!peer.ReadUntil("\r\n\r\n").empty() && peer.Send(response)) {
    }
  });
  Start(backend.port());
  for (const std::string_view host : {"a.example", "no.example"}) {
    Peer client = Peer::Connect(port_);
    std::string many;
    for (int i = 0; i < 1000; ++i)
      absl::StrAppend(&many, "GET / HTTP/1.1\r\nHost: ", host, "\r\n\r\n");
    std::atomic<bool> over = false;
    std::thread sender([&] {
      while (client.Send(many)) {
      }
      over = true;  // given up by the other side
    });
    size_t most = 0;
    EXPECT_TRUE(Within(20'000, [&](const WorkerStats& s) {
      most = std::max(most, s.buffers_in_use);
      return over || most > 64;
    }));
    shutdown(client.fd(), SHUT_RDWR);
    sender.join();
    EXPECT_LE(most, 64u) << host;
    client.Close();
    EXPECT_TRUE(Quiesces());
  }
}

// ---- tunnels ------------------------------------------------------------------------------------

TEST_F(LifetimesTest, BytesBeforeTheUpgradeIsGrantedWaitForIt) {
  std::promise<void> go;
  Backend backend([&](Peer& peer) {
    peer.ReadUntil("\r\n\r\n");
    go.get_future().wait();
    peer.Send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
    for (std::string part; !(part = peer.ReadSome()).empty();) peer.Send(part);
  });
  Start(backend.port());
  Peer client = Peer::Connect(port_);
  client.Send(
      "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly");
  Stats();
  go.set_value();
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 101"));
  EXPECT_EQ(client.ReadBytes(5), "early");
  client.Send("later");
  EXPECT_EQ(client.ReadBytes(5), "later");
}

TEST_F(LifetimesTest, BytesBeforeAnUpgradeThatIsRefusedAreNoRequest) {
  std::mutex mutex;
  std::string seen;
  Backend backend([&](Peer& peer) {
    for (;;) {
      const std::string head = peer.ReadUntil("\r\n\r\n");
      if (head.empty()) return;
      {
        std::lock_guard lock(mutex);
        seen += head.substr(0, head.find(' ', 4)) + ";";
      }
      peer.Send(kGood);
    }
  });
  Start(backend.port());
  Peer client = Peer::Connect(port_);
  client.Send(
      absl::StrCat("GET /up HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: x",
                   "\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"));
  EXPECT_THAT(client.ReadAll(), EndsWith("good"));
  EXPECT_FALSE(client.timed_out());
  ExpectWorks();
  std::lock_guard lock(mutex);
  EXPECT_EQ(seen, "GET /up;GET /good;");
}

TEST_F(LifetimesTest, AnIdleTunnelEnds) {
  options_.limits.tunnel_idle_ms = 100;
  Backend backend([](Peer& peer) {
    peer.ReadUntil("\r\n\r\n");
    peer.Send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
    peer.ReadAll();
  });
  Start(backend.port());
  Peer client = Peer::Connect(port_);
  client.Send("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 101"));
  EXPECT_TRUE(client.AtEnd());
  client.Close();
  EXPECT_TRUE(Quiesces());
}

// ---- a client that is gone ----------------------------------------------------------------------

// With a request in hand whose bytes wait: nothing is read from the socket then.
TEST_F(LifetimesTest, AClientThatResetIsNoticedThoughItsNextRequestWaits) {
  Backend backend([](Peer& peer) { peer.ReadAll(); });
  Start(backend.port());
  Peer client = Peer::Connect(port_);
  client.Send(absl::StrCat(kGet, kGet));
  ASSERT_TRUE(Within(3000, [](const WorkerStats& s) { return s.streams.open == 1; }));
  client.Abort();
  EXPECT_TRUE(Quiesces());
}

}  // namespace
}  // namespace sluice::worker
