#include "dataplane/http/h1_client.h"

#include <gtest/gtest.h>

#include "recorders.h"

namespace sluice::http {
namespace {

using namespace std::string_view_literals;

class H1Client : public testing::Test {
 protected:
  // Opens an exchange and sends a request without a body.
  void Send(H1ClientCodec& to, std::string_view method = "GET", std::string_view upgrade = {}) {
    id = to.Open(response);
    RequestHead head(arena);
    head.method = method;
    head.authority = "a";
    head.target = "/";
    head.upgrade = upgrade;
    to.SendHead(id, head);
    if (upgrade.empty()) to.SendEnd(id, HeaderList(arena));
  }

  core::Limits limits;
  core::ArenaPool arenas;
  core::Arena arena{arenas};
  Journal journal;
  RecordingTransport transport;
  RecordingResponse response{journal};
  H1ClientCodec codec{transport, limits};
  StreamId id = 0;
};

// ---- requests -----------------------------------------------------------------------------------

TEST_F(H1Client, WritesRequestsWithItsOwnFraming) {
  RequestHead head(arena);
  head.method = "POST";
  head.authority = "a:80";
  head.target = "/x?y";
  head.headers.Add("accept", "*/*");
  head.headers.Add(Known::kTransferEncoding, "x");  // not the stream's to say
  head.body = {BodyLength::Kind::kKnown, 5};
  head.expect_continue = true;
  id = codec.Open(response);
  codec.SendHead(id, head);
  codec.SendData(id, AsBytes("hel"));
  codec.SendData(id, AsBytes("lo, and more than was promised"));
  codec.SendEnd(id, HeaderList(arena));
  EXPECT_EQ(transport.Take(),
            "POST /x?y HTTP/1.1\r\nhost: a:80\r\naccept: */*\r\ncontent-length: 5\r\n"
            "expect: 100-continue\r\n\r\nhello");
  (void)codec.OnBytes(AsBytes("HTTP/1.1 204 No Content\r\n\r\n"));
  EXPECT_TRUE(codec.can_open());

  head.method = "PUT";
  head.body = {BodyLength::Kind::kUnknown};
  head.expect_continue = false;
  head.te_trailers = true;
  id = codec.Open(response);
  codec.SendHead(id, head);
  codec.SendData(id, AsBytes("hello hello hello"));
  HeaderList trailers(arena);
  trailers.Add("x-sum", "1");
  codec.SendEnd(id, trailers);
  EXPECT_EQ(
      transport.Take(),
      "PUT /x?y HTTP/1.1\r\nhost: a:80\r\naccept: */*\r\ntransfer-encoding: chunked\r\n"
      "connection: te\r\nte: trailers\r\n\r\n11\r\nhello hello hello\r\n0\r\nx-sum: 1\r\n\r\n");
}

TEST_F(H1Client, GivesALengthWhereTheMethodCallsForOne) {
  Send(codec, "GET");
  EXPECT_EQ(transport.Take(), "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  H1ClientCodec other(transport, limits);
  Send(other, "POST");
  EXPECT_EQ(transport.Take(), "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
}

// ---- responses ----------------------------------------------------------------------------------

struct ResponseRow {
  std::string_view raw;
  std::string_view journal;
  bool reusable = true;
  bool eof = false;  // after `raw`
  std::string_view method = "GET";
};

const ResponseRow kValid[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello",
     "200 body 5\n  x-a: 1\ndata hello\nend\n"},
    {"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", "200 body none\nend\n"},
    {"HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n", "200 body none\nend\n"},
    {"HTTP/1.1 599 What \xe4\r\ncontent-length: 0\r\n\r\n", "599 body none\nend\n"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
     "200 body unknown\ndata hello\nend\n  x-sum: 1\n"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "200 body unknown\nend\n"},
    {"HTTP/1.1 200 OK\r\n\r\nhello", "200 body unknown\ndata hello\nend\n", false, true},
    {"HTTP/1.1 200 OK\r\n\r\n", "200 body unknown\nend\n", false, true},
    {"HTTP/1.0 200 OK\r\n\r\nhello", "200 body unknown\ndata hello\nend\n", false, true},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 body 2\ndata ok\nend\n", false},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
     "200 body 2\ndata ok\nend\n"},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
     "200 body 2\ndata ok\nend\n", false},
    {"HTTP/1.1 204 No Content\r\n\r\n", "204 body none\nend\n"},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "304 body none declared 9\nend\n"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "200 body none declared 9\nend\n", true, false,
     "HEAD"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 body none\nend\n", true, false,
     "HEAD"},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
     "HTTP/1.1 104 New\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     "interim 100\n\ninterim 103\n  link: x\n\ninterim 104\n\n200 body none\nend\n"},
    {"HTTP/1.1 200 OK\r\nConnection: x-gone\r\nX-Gone: 1\r\nKeep-Alive: 2\r\nUpgrade: h2\r\n"
     "Proxy-Connection: x\r\nContent-Length: 0\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n",
     "200 body none\n  set-cookie: a\n  set-cookie: b\nend\n"},
};

TEST_F(H1Client, ReadsResponsesHoweverTheyAreSplit) {
  for (const ResponseRow& row : kValid) {
    for (size_t split = 0; split <= row.raw.size(); ++split) {
      H1ClientCodec fresh(transport, limits);
      Send(fresh, row.method);
      if (split == 0) {
        for (char c : row.raw) EXPECT_FALSE(fresh.OnBytes(AsBytes({&c, 1})));
      } else {
        EXPECT_FALSE(fresh.OnBytes(AsBytes(row.raw.substr(0, split))));
        EXPECT_FALSE(fresh.OnBytes(AsBytes(row.raw.substr(split))));
      }
      if (row.eof) fresh.OnEof();
      EXPECT_EQ(journal.Take(), row.journal) << row.raw << " split at " << split;
      EXPECT_EQ(fresh.reusable(), row.reusable) << row.raw;
      EXPECT_TRUE(fresh.idle());
      EXPECT_EQ(fresh.can_open(), row.reusable) << row.raw;
    }
  }
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

const std::string_view kBad[] = {
    "\r\n",
    " HTTP/1.1 200 OK\r\n\r\n",
    "hello",
    "<html>",
    "HTTP/0.9 200 OK\r\n\r\n",
    "HTTP/1.1 20\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 +200 OK\r\n\r\n",
    "HTTP/1.1 099 OK\r\n\r\n",
    "HTTP/1.1 600 OK\r\n\r\n",
    "HTTP/1.1 999 OK\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/1.1 200 O\0K\r\n\r\n"sv,
    "HTTP/1.1 200 OK\n\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.2 200 OK\r\n\r\n",
    "ICY 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"sv,
    "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
    "HTTP/1.1 200 OK\r\n X: a\r\n\r\n",
    "HTTP/1.1 200 OK\r\n: a\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\rY: b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5,5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    CHUNKED "x\r\n",
    CHUNKED "5\nhello\r\n",
    CHUNKED "5\r\nhello0\r\n\r\n",
    CHUNKED "5\r\nhello\n0\r\n\r\n",
    CHUNKED "ffffffffffffffff1\r\n",
    CHUNKED "-1\r\n",
    CHUNKED "5;\x01\r\n",
    CHUNKED "0\r\nContent-Length: 1\r\n\r\n",
    CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n",
    CHUNKED "0\r\nX: a\r\n b\r\n\r\n",
    "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "HTTP/1.1 101 Switching\r\n\r\n",
    "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello",
};

TEST_F(H1Client, ResetsOnWhatIsAmbiguous) {
  const core::Fault fault = core::MakeFault(core::FaultCode::kUpstreamProtocol);
  for (std::string_view raw : kBad) {
    for (size_t size : {std::string_view::npos, size_t{1}}) {
      H1ClientCodec fresh(transport, limits);
      Send(fresh);
      core::Fault seen;
      for (std::string_view rest = raw; !rest.empty() && !seen;) {
        seen = fresh.OnBytes(AsBytes(rest.substr(0, size)));
        rest.remove_prefix(std::min(size, rest.size()));
      }
      EXPECT_EQ(seen, fault) << raw;
      EXPECT_TRUE(journal.Take().ends_with("reset upstream_protocol\n")) << raw;
      EXPECT_FALSE(fresh.reusable()) << raw;
    }
  }
}

TEST_F(H1Client, HoldsToTheLimits) {
  const auto breaks = [&](const std::string& raw) {
    H1ClientCodec fresh(transport, limits);
    Send(fresh);
    const bool broken = static_cast<bool>(fresh.OnBytes(AsBytes(raw)));
    EXPECT_EQ(journal.Take().ends_with("reset upstream_protocol\n"), broken);
    return broken;
  };
  const auto repeat = [](int n, std::string_view text) {
    std::string all;
    for (int i = 0; i < n; ++i) all += text;
    return all;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
  const std::string interim = "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_FALSE(breaks(repeat(16, interim) + ok + "\r\n"));
  EXPECT_TRUE(breaks(repeat(17, interim)));
  EXPECT_FALSE(breaks(ok + repeat(99, "x: y\r\n") + "\r\n"));
  EXPECT_TRUE(breaks(ok + repeat(100, "x: y\r\n")));
  EXPECT_TRUE(breaks(ok + "x: " + std::string(16 * 1024 + 1, 'v')));
  EXPECT_TRUE(breaks(ok + repeat(5, "x: " + std::string(16 * 1024 - 1, 'v') + "\r\n")));
  EXPECT_TRUE(breaks("HTTP/1.1 200 " + std::string(9000, 'r')));
  EXPECT_TRUE(breaks(CHUNKED "1;" + std::string(4097, 'e')));
}

// ---- connections --------------------------------------------------------------------------------

TEST_F(H1Client, IsNotReusedAfterBytesThatNoRequestAskedFor) {
  Send(codec);
  EXPECT_TRUE(codec.OnBytes(AsBytes("HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 Poison\r\n\r\n")));
  EXPECT_EQ(journal.Take(), "204 body none\nend\n");
  EXPECT_FALSE(codec.can_open());

  // Nor by who opens the next exchange from within the end of the one before.
  bool could_open = true;
  H1ClientCodec eager(transport, limits);
  response.on_end = [&] { could_open = eager.can_open(); };
  Send(eager);
  EXPECT_TRUE(eager.OnBytes(AsBytes("HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 Poison\r\n\r\n")));
  EXPECT_FALSE(could_open);

  H1ClientCodec idle(transport, limits);
  EXPECT_TRUE(idle.OnBytes(AsBytes("x")));
  EXPECT_FALSE(idle.can_open());
}

TEST_F(H1Client, IsNotReusedAfterAResponseBeforeTheRequestsEnd) {
  id = codec.Open(response);
  RequestHead head(arena);
  head.method = "POST";
  head.authority = "a";
  head.target = "/";
  head.body = {BodyLength::Kind::kKnown, 10};
  codec.SendHead(id, head);
  codec.SendData(id, AsBytes("12345"));
  EXPECT_FALSE(codec.OnBytes(AsBytes("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")));
  EXPECT_EQ(journal.Take(), "413 body none\nend\n");
  EXPECT_FALSE(codec.idle());
  EXPECT_FALSE(codec.reusable());
  codec.SendData(id, AsBytes("67890"));
  codec.SendEnd(id, HeaderList(arena));
  EXPECT_TRUE(codec.idle());
  EXPECT_FALSE(codec.can_open());
}

TEST_F(H1Client, TellsWhetherAFailedRequestMayBeSentAgain) {
  Send(codec);
  codec.OnEof();
  EXPECT_EQ(journal.Take(), "reset upstream_reset retry-if-reused\n");

  H1ClientCodec cut(transport, limits);
  Send(cut);
  (void)cut.OnBytes(AsBytes("HTTP/1.1 200 OK\r\nContent-"));
  cut.OnEof();
  EXPECT_EQ(journal.Take(), "reset upstream_truncated\n");

  for (std::string_view part : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
                                CHUNKED "5\r\nhello\r\n", CHUNKED "0\r\nX: y\r\n"}) {
    H1ClientCodec half(transport, limits);
    Send(half);
    (void)half.OnBytes(AsBytes(part));
    half.OnEof();
    EXPECT_TRUE(journal.Take().ends_with("reset upstream_truncated\n")) << part;
  }

  H1ClientCodec lost(transport, limits);
  Send(lost);
  lost.OnConnectionLost(core::MakeFault(core::FaultCode::kUpstreamReset));
  EXPECT_EQ(journal.Take(), "reset upstream_reset retry-if-reused\n");
  EXPECT_FALSE(lost.reusable());
}

TEST_F(H1Client, BecomesATunnelOnlyForTheProtocolAskedFor) {
  Send(codec, "GET", "websocket");
  EXPECT_EQ(transport.Take(),
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  (void)codec.OnBytes(
      AsBytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n"
              "Connection: Upgrade\r\nSec-X: 1\r\n\r\nraw"));
  EXPECT_EQ(journal.Take(), "101 body none upgrade WebSocket\n  sec-x: 1\ndata raw\n");
  codec.SendData(id, AsBytes("up"));
  EXPECT_EQ(transport.Take(), "up");
  (void)codec.OnBytes(AsBytes("HTTP/1.1 200\r\n"));
  codec.OnEof();
  EXPECT_EQ(journal.Take(), "data HTTP/1.1 200\r\n\nend\n");
  EXPECT_FALSE(codec.idle());
  codec.SendEnd(id, HeaderList(arena));
  EXPECT_TRUE(transport.ended);
  EXPECT_TRUE(codec.idle());
  EXPECT_FALSE(codec.reusable());

  H1ClientCodec other(transport, limits);
  Send(other, "GET", "websocket");
  EXPECT_TRUE(other.OnBytes(
      AsBytes("HTTP/1.1 101 Switching\r\nUpgrade: spdy\r\nConnection: upgrade\r\n\r\n")));
}

TEST_F(H1Client, LeavesARefusedUpgradesConnection) {
  Send(codec, "GET", "websocket");
  (void)codec.OnBytes(AsBytes("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"));
  EXPECT_EQ(journal.Take(), "403 body 2\ndata no\nend\n");
  EXPECT_FALSE(codec.reusable());
}

TEST_F(H1Client, StopsWhenCancelledFromWithin) {
  response.on_data = [this] { codec.Cancel(id); };
  Send(codec);
  EXPECT_FALSE(codec.OnBytes(AsBytes(CHUNKED "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")));
  EXPECT_EQ(journal.Take(), "200 body unknown\ndata ab\n");
  EXPECT_TRUE(codec.idle());
  EXPECT_FALSE(codec.can_open());
}

TEST_F(H1Client, PausesAndWakes) {
  id = codec.Open(response);
  RequestHead head(arena);
  head.method = "POST";
  head.authority = "a";
  head.target = "/";
  head.body.kind = BodyLength::Kind::kUnknown;
  codec.SendHead(id, head);
  transport.unsent_bytes = limits.high_watermark_bytes + 1;
  EXPECT_FALSE(codec.SendData(id, AsBytes("x")));
  codec.OnFlushed();
  EXPECT_EQ(journal.Take(), "writable\n");
  codec.PauseResponse(id, true);
  EXPECT_TRUE(transport.paused);
  codec.Cancel(id);
  EXPECT_FALSE(transport.paused);
}

TEST_F(H1Client, OpensTheNextExchangeFromWithinTheEnd) {
  response.on_end = [this] {
    response.on_end = nullptr;
    ASSERT_TRUE(codec.can_open());
    Send(codec);
  };
  Send(codec);
  transport.Take();
  (void)codec.OnBytes(AsBytes("HTTP/1.1 204 No\r\n\r\n"));
  EXPECT_EQ(transport.Take(), "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  EXPECT_FALSE(codec.idle());
}

}  // namespace
}  // namespace sluice::http
