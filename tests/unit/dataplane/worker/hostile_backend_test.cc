// Backends that break the protocol: what the client gets of it in HTTP/1 and HTTP/2, and that the
// next request finds a clean connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "fleet_fixture.h"
#include "h2_client.h"
#include "loopback.h"

namespace sluice::worker {
namespace {

constexpr char kSnapshot[] = R"pb(
  listeners { id: "ns/gw/http" addresses: "127.0.0.1" port: 80 protocol: PROTOCOL_HTTP }
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

enum class Then { kServe, kClose, kAbort };

struct Row {
  std::string_view name;
  std::string response;
  Then then;
  std::string_view h1, h2;  // what the client gets of it
  bool kept;                // the connection serves the next request too
  std::string_view method = "GET";
};

constexpr std::string_view kBad = "502 upstream_protocol\n";
constexpr std::string_view kCut = "502 upstream_truncated\n";
constexpr std::string_view kLost = "502 upstream_reset\n";

std::string Ok(std::string_view fields, std::string_view body = "") {
  return absl::StrCat("HTTP/1.1 200 OK\r\n", fields, "\r\n", body);
}
std::string Times(int n, std::string_view text) {
  std::string all;
  while (n-- > 0) all += text;
  return all;
}

const std::vector<Row>& Rows() {
  static const std::vector<Row> rows = {
      {"a good response", Ok("Content-Length: 3\r\n", "abc"), Then::kServe, "200 abc", "200 abc",
       true},
      {"good chunks", Ok("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"), Then::kServe,
       "200 3\r\nabc\r\n0\r\n\r\n", "200 abc", true},
      {"until the end", Ok("", "abc"), Then::kClose, "200 3\r\nabc\r\n0\r\n\r\n", "200 abc", false},
      {"until a reset", Ok("", "abc"), Then::kAbort, "200 3\r\nabc\r\n", "200 RST 2", false},
      {"nothing", "", Then::kClose, kLost, kLost, false},
      {"nothing but a reset", "", Then::kAbort, kLost, kLost, false},
      {"half a status line", "HTTP/1.1 20", Then::kClose, kCut, kCut, false},
      {"half a head", "HTTP/1.1 200 OK\r\nContent-Le", Then::kClose, kCut, kCut, false},
      {"a body cut", Ok("Content-Length: 5\r\n", "abc"), Then::kClose, "200 abc", "200 RST 2",
       false},
      {"a body reset", Ok("Content-Length: 5\r\n", "abc"), Then::kAbort, "200 abc", "200 RST 2",
       false},
      {"chunks cut", Ok("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"), Then::kClose,
       "200 3\r\nabc\r\n", "200 RST 2", false},
      {"the last chunk cut", Ok("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n"),
       Then::kClose, "200 3\r\nabc\r\n", "200 RST 2", false},
      {"bytes behind the body", Ok("Content-Length: 3\r\n", "abcX"), Then::kServe, "200 abc",
       "200 abc", false},
      {"a second response",
       Ok("Content-Length: 3\r\n", "abc") + Ok("Content-Length: 4\r\n", "evil"), Then::kServe,
       "200 abc", "200 abc", false},
      {"bytes behind the chunks",
       Ok("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
       Then::kServe, "200 3\r\nabc\r\n0\r\n\r\n", "200 abc", false},
      {"a body with 204", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc", Then::kServe,
       "204 ", "204 ", false},
      {"a body with 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc", Then::kServe,
       "304 ", "304 ", false},
      {"a body to HEAD", Ok("Content-Length: 3\r\n", "abc"), Then::kServe, "200 ", "200 ", false,
       "HEAD"},
      {"no body to HEAD", Ok("Content-Length: 3\r\n"), Then::kServe, "200 ", "200 ", true, "HEAD"},
      {"length and chunks", Ok("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "abc"),
       Then::kServe, kBad, kBad, false},
      {"two lengths", Ok("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), Then::kServe, kBad,
       kBad, false},
      {"a list of lengths", Ok("Content-Length: 3, 3\r\n", "abc"), Then::kServe, kBad, kBad, false},
      {"a signed length", Ok("Content-Length: +3\r\n", "abc"), Then::kServe, kBad, kBad, false},
      {"a length beyond numbers", Ok("Content-Length: 18446744073709551619\r\n", "abc"),
       Then::kServe, kBad, kBad, false},
      {"a coding that is not chunked", Ok("Transfer-Encoding: gzip\r\n", "abc"), Then::kServe, kBad,
       kBad, false},
      {"chunked twice", Ok("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), Then::kServe,
       kBad, kBad, false},
      {"a size that is no number", Ok("Transfer-Encoding: chunked\r\n", "xyz\r\nabc"), Then::kServe,
       "200 ", "200 RST 2", false},
      {"a chunk that is longer", Ok("Transfer-Encoding: chunked\r\n", "3\r\nabcdef\r\n0\r\n\r\n"),
       Then::kServe, "200 3\r\nabc\r\n", "200 RST 2", false},
      {"trailers that frame",
       Ok("Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 3\r\n\r\n"), Then::kServe, "200 ",
       "200 RST 2", false},
      {"a NUL in a value", Ok(std::string("X: a\0b\r\n", 8) + "Content-Length: 0\r\n"),
       Then::kServe, kBad, kBad, false},
      {"a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", Then::kServe, kBad, kBad, false},
      {"a bare CR", Ok("X: a\rSet-Cookie: b\r\nContent-Length: 0\r\n"), Then::kServe, kBad, kBad,
       false},
      {"a folded line", Ok("X: a\r\n b\r\nContent-Length: 0\r\n"), Then::kServe, kBad, kBad, false},
      {"a space before the colon", Ok("Content-Length : 0\r\n"), Then::kServe, kBad, kBad, false},
      {"no colon", Ok("Content-Length\r\n"), Then::kServe, kBad, kBad, false},
      {"a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", Then::kServe, kBad,
       kBad, false},
      {"a status with a sign", "HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n", Then::kServe, kBad,
       kBad, false},
      {"a status beyond 599", "HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n", Then::kServe, kBad,
       kBad, false},
      {"HTTP/0.9", "<html>hello</html>\r\n", Then::kServe, kBad, kBad, false},
      {"HTTP/2", "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", Then::kServe, kBad, kBad, false},
      {"HTTP/2 frames", std::string("\0\0\0\x04\0\0\0\0\0", 9), Then::kServe, kBad, kBad, false},
      {"101 that nobody asked for",
       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nevil",
       Then::kServe, kBad, kBad, false},
      {"one 1xx too many",
       Times(17, "HTTP/1.1 102 Processing\r\n\r\n") + Ok("Content-Length: 0\r\n"), Then::kServe,
       kBad, kBad, false},
      {"a 1xx with a body",
       "HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\nabc" + Ok("Content-Length: 0\r\n"),
       Then::kServe, kBad, kBad, false},
      {"a hundred and one fields", Ok(Times(101, "X: y\r\n") + "Content-Length: 0\r\n"),
       Then::kServe, kBad, kBad, false},
      {"a field of 17 KiB", Ok("X: " + std::string(17 * 1024, 'y') + "\r\nContent-Length: 0\r\n"),
       Then::kServe, kBad, kBad, false},
      {"a head without an end", Ok(std::string(1 << 20, 'y')), Then::kServe, kBad, kBad, false},
      {"a status line without an end", "HTTP/1.1 200 " + std::string(1 << 20, 'y'), Then::kServe,
       kBad, kBad, false},
      {"it says that it closes, and does not",
       Ok("Connection: close\r\nContent-Length: 3\r\n", "abc"), Then::kServe, "200 abc", "200 abc",
       false},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", Then::kServe, "200 abc",
       "200 abc", false},
  };
  return rows;
}

class HostileBackendTest : public FleetFixture {
 protected:
  // Answers "/<n>" with row n, and all else well.
  static void Serve(Peer& peer) {
    for (;;) {
      const std::string request = peer.ReadMessage();
      if (request.empty()) return;
      const std::vector<std::string_view> words = absl::StrSplit(request, absl::MaxSplits(' ', 2));
      size_t row;
      if (!absl::SimpleAtoi(words[1].substr(1), &row)) {
        peer.Send(Ok("Content-Length: 4\r\n", "good"));
        continue;
      }
      peer.Send(Rows()[row].response);
      switch (Rows()[row].then) {
        case Then::kServe:
          break;
        case Then::kClose:
          return;
        case Then::kAbort:
          poll(nullptr, 0, 5);  // let what was sent be read first: a reset overtakes it
          return peer.Abort();
      }
    }
  }

  std::string AskInHttp1(std::string_view method, std::string_view path) {
    Peer client = Peer::Connect(port_);
    client.Send(
        absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    std::string all = client.ReadAll();
    std::string_view got = all;
    while (got.starts_with("HTTP/1.1 1")) got.remove_prefix(got.find("\r\n\r\n") + 4);
    const size_t end = got.find("\r\n\r\n");
    if (!got.starts_with("HTTP/1.1 ") || end == got.npos) return all;
    return absl::StrCat(got.substr(9, 3), " ", got.substr(end + 4),
                        client.timed_out() ? " ..." : "");
  }
  std::string AskInHttp2(std::string_view method, std::string_view path) {
    Peer peer = Peer::Connect(port_);
    H2Client client(peer);
    const H2Client::Answer& answer =
        client.Await(client.Open({.method = std::string(method), .path = std::string(path)}));
    // A reset may overtake what was sent of the body.
    return answer.reset >= 0 ? absl::StrCat(answer.status, " RST ", answer.reset) : answer.text();
  }
};

TEST_F(HostileBackendTest, NeverReachesBeyondItsOwnResponse) {
  Backend backend(Serve);
  Start(backend.port(), kSnapshot);
  ASSERT_EQ(AskInHttp1("GET", "/good"), "200 good");
  for (size_t i = 0; i < Rows().size(); ++i) {
    const Row& row = Rows()[i];
    for (const bool h2 : {false, true}) {
      SCOPED_TRACE(absl::StrCat(row.name, h2 ? " in HTTP/2" : " in HTTP/1"));
      const auto ask = [&](std::string_view method, std::string_view path) {
        return h2 ? AskInHttp2(method, path) : AskInHttp1(method, path);
      };
      EXPECT_EQ(ask(row.method, absl::StrCat("/", i)), h2 ? row.h2 : row.h1);
      const int before = backend.connections();
      EXPECT_EQ(ask("GET", "/good"), "200 good");
      EXPECT_EQ(backend.connections() == before, row.kept);
    }
  }
  EXPECT_TRUE(Quiesces());
}

// A server that is full says so before it has read a byte, and closes. All of that may be there
// before the connection is known to stand.
TEST_F(HostileBackendTest, AnAnswerThatCameWithTheHandshakeIsHeard) {
  Backend backend([](Peer& peer) {
    peer.Send("HTTP/1.1 503 Full\r\nContent-Length: 4\r\n\r\nfull");
    peer.HalfClose();
    peer.ReadAll();
  });
  Start(backend.port(), kSnapshot);
  Peer peer = Peer::Connect(port_);
  H2Client client(peer);
  std::vector<int32_t> ids;
  for (int i = 0; i < 90; ++i) ids.push_back(client.Open({.path = "/good"}));
  for (const int32_t id : ids) ASSERT_EQ(client.Await(id).text(), "503 full");
}

// Bytes on a connection that waits for its next request: it is not used again.
TEST_F(HostileBackendTest, BytesThatComeLaterEndAnIdleConnection) {
  std::promise<void> go;
  std::atomic<bool> first = true;
  Backend backend([&](Peer& peer) {
    while (!peer.ReadMessage().empty()) {
      peer.Send(Ok("Content-Length: 4\r\n", "good"));
      if (!first.exchange(false)) continue;
      go.get_future().wait();
      peer.Send(Ok("Content-Length: 4\r\n", "evil"));
    }
  });
  Start(backend.port(), kSnapshot);
  EXPECT_EQ(AskInHttp1("GET", "/x"), "200 good");
  EXPECT_EQ(Stats().clusters[0].connections, 1u);
  go.set_value();
  EXPECT_TRUE(Within(3000, [](const WorkerStats& s) { return s.clusters[0].connections == 0; }));
  EXPECT_EQ(AskInHttp1("GET", "/x"), "200 good");
}

// An answer before the request is whole: the rest of the request must not be read as another.
TEST_F(HostileBackendTest, AnEarlyAnswerEndsTheConnection) {
  std::mutex mutex;
  std::string seen;
  Backend backend([&](Peer& peer) {
    const std::string head = peer.ReadUntil("\r\n\r\n");
    peer.Send(Ok("Content-Length: 5\r\n", "early"));
    const std::string rest = peer.ReadAll();
    if (!head.starts_with("POST")) return;
    std::lock_guard lock(mutex);
    seen += absl::StrCat("after the answer: ", rest);
  });
  Start(backend.port(), kSnapshot);
  {
    Peer client = Peer::Connect(port_);
    constexpr std::string_view kBody = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    client.Send(
        absl::StrCat("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: ", kBody.size(), "\r\n\r\n"));
    EXPECT_THAT(client.ReadMessage(), testing::EndsWith("early"));
    client.Send(kBody);
    client.Send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(client.ReadMessage(), testing::EndsWith("early"));
  }
  EXPECT_TRUE(Quiesces());
  EXPECT_EQ(Stats().streams.requests, 2u);
  // That of the second request is kept, that of the first is not.
  EXPECT_TRUE(Within(3000, [](const WorkerStats& s) { return s.clusters[0].connections == 1; }));
  for (int i = 0; i < 200; ++i, poll(nullptr, 0, 5)) {
    std::lock_guard lock(mutex);
    if (!seen.empty()) break;
  }
  std::lock_guard lock(mutex);
  EXPECT_EQ(seen, "after the answer: ");
}

}  // namespace
}  // namespace sluice::worker
