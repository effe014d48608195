#include "dataplane/http/h1_server.h"

#include <gtest/gtest.h>

#include "recorders.h"

namespace sluice::http {
namespace {

class H1Server : public testing::Test {
 protected:
  H1Server() {
    factory.on_stream = [this](StreamId id, RecordingStream& s) { OnStream(id, s); };
  }

  // Answers 200 "ok" at the end of a request, if `answering`.
  void OnStream(StreamId id, RecordingStream& stream) {
    last = &stream;
    if (!answering) return;
    stream.on_end = [this, id, &stream] {
      ResponseHead head(stream.arena());
      head.status = 200;
      head.body = {BodyLength::Kind::kKnown, 2};
      codec.SendHead(id, head);
      codec.SendData(id, AsBytes("ok"));
      codec.SendEnd(id, HeaderList(stream.arena()));
      codec.Finish(id);
    };
  }

  // Feeds `text` in pieces of `size`, offering again what was not taken, as a connection does.
  void Feed(std::string_view text, size_t size = std::string_view::npos) {
    while (!text.empty()) {
      const std::string_view piece = text.substr(0, size);
      std::string_view rest = piece;
      while (!rest.empty() && codec.wants_bytes()) {
        rest.remove_prefix(codec.OnBytes(AsBytes(rest)));
      }
      if (!rest.empty()) return;
      text.remove_prefix(piece.size());
    }
  }

  // Answers the first request whole.
  void Answer(int status, BodyLength body, std::string_view data) {
    ResponseHead head(last->arena());
    head.status = status;
    head.body = body;
    codec.SendHead(1, head);
    codec.SendData(1, AsBytes(data));
    codec.SendEnd(1, HeaderList(last->arena()));
    codec.Finish(1);
  }

  std::string Date() { return "date: " + std::string(date.text()) + "\r\n"; }
  std::string Ok() { return "HTTP/1.1 200 OK\r\n" + Date() + "content-length: 2\r\n\r\nok"; }

  core::EventLoop loop;
  DateCache date{loop};
  core::Limits limits;
  Journal journal;
  RecordingTransport transport;
  RecordingFactory factory{journal};
  H1ServerCodec codec{transport, factory, limits, false, date};
  RecordingStream* last = nullptr;
  bool answering = true;
};

TEST_F(H1Server, ServesARequest) {
  Feed("GET /a?b=c HTTP/1.1\r\nHost: A.example:80\r\nX-One: 1 \r\nAccept:*/*\r\n\r\n");
  EXPECT_EQ(journal.Take(),
            "GET http A.example:80 a.example /a?b=c body none\n  x-one: 1\n  accept: */*\nend\n");
  EXPECT_EQ(transport.Take(), Ok());
  EXPECT_TRUE(codec.idle());
  EXPECT_FALSE(codec.wants_close());
}

// ---- what is valid ------------------------------------------------------------------------------

struct ValidRow {
  std::string_view raw;
  std::string_view journal;
};

const ValidRow kValid[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET http a a / body none\nend\n"},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET http a a / body none\nend\n"},
    {"GET / HTTP/1.0\r\n\r\n", "GET http   / body none http/1.0\nend\n"},
    {"GET / HTTP/1.1\r\nhOsT: A.B.\r\n\r\n", "GET http A.B. a.b / body none\nend\n"},
    {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET http a a / body none\nend\n"},
    {"GET / HTTP/1.1\r\nHost: 127.0.0.1:65535\r\n\r\n",
     "GET http 127.0.0.1:65535 127.0.0.1 / body none\nend\n"},
    {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET http [::1]:80 [::1] / body none\nend\n"},
    {"GET http://B.example/x?y HTTP/1.1\r\nHost: b.example\r\n\r\n",
     "GET http B.example b.example /x?y body none\nend\n"},
    {"GET http://b.example HTTP/1.1\r\nHost: b.example:80\r\n\r\n",
     "GET http b.example b.example / body none\nend\n"},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS http a a * body none\nend\n"},
    {"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS http a a * body none\nend\n"},
    {"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", "BREW http a a /pot body none\nend\n"},
    {"M-SEARCH /x HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH http a a /x body none\nend\n"},
    {"!#$%&'*+-.^_`|~ / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~: 1\r\n\r\n",
     "!#$%&'*+-.^_`|~ http a a / body none\n  !#$%&'*+-.^_`|~: 1\nend\n"},
    {"get / HTTP/1.1\r\nHost: a\r\n\r\n", "get http a a / body none\nend\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
     "POST http a a / body 5\ndata hello\nend\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST http a a / body none\nend\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello",
     "GET http a a / body 5\ndata hello\nend\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     "POST http a a / body unknown\ndata hello\nend\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3;a=b;c=\"d\"\r\nhel\r\n002\r\nlo\r\n0\r\nX-Sum: 1\r\nTrailer: x\r\n\r\n",
     "POST http a a / body unknown\ndata hello\nend\n  x-sum: 1\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
     "POST http a a / body unknown\ndata 0123456789\nend\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Tab:\tb\tc\t\r\nX-High: \xe4\r\n\r\n",
     "GET http a a / body none\n  x-empty: \n  x-tab: b\tc\n  x-high: \xe4\nend\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers, deflate;q=0.5\r\nConnection: TE\r\n\r\n",
     "GET http a a / body none te\nend\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n",
     "GET http a a / body none\n  cookie: a=b\n  cookie: c=d\nend\n"},
    // Of one hop: removed, but for what other checks lean on.
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x-gone, Host, authorization\r\nX-Gone: 1\r\n"
     "Keep-Alive: 5\r\nProxy-Connection: x\r\nConnection: X-Forwarded-For,, close\r\n"
     "X-Forwarded-For: 1\r\nAuthorization: b\r\n\r\n",
     "GET http a a / body none\n  x-forwarded-for: 1\n  authorization: b\nend\n"},
    // Backends that fold '_' into '-' would take these for ours.
    {"GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 1\r\nContent_Length: 3\r\nx_mine: 2\r\n\r\n",
     "GET http a a / body none\n  x_mine: 2\nend\n"},
    // An upgrade that we do not make a tunnel of is no upgrade.
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, http2-settings\r\nUpgrade: h2c\r\n"
     "HTTP2-Settings: AAMAAABk\r\n\r\n",
     "GET http a a / body none\nend\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", "GET http a a / body none\nend\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
     "Content-Length: 1\r\n\r\nx",
     "POST http a a / body 1\ndata x\nend\n"},
    {"GET /a|b^c{d}%20%c3%a9?x=|\\\"%zz HTTP/1.1\r\nHost: a\r\n\r\n",
     "GET http a a /a|b^c{d}%20%C3%A9?x=|\\\"%zz body none\nend\n"},
};

TEST_F(H1Server, AcceptsWhatIsValidHoweverItIsSplit) {
  for (const ValidRow& row : kValid) {
    const std::string twice = std::string(row.raw) + "GET /2 HTTP/1.1\r\nHost: z\r\n\r\n";
    for (size_t split = 0; split <= row.raw.size(); ++split) {
      H1ServerCodec fresh(transport, factory, limits, false, date);
      StreamId served = 0;
      const auto feed = [&](std::string_view text) {
        while (!text.empty() && fresh.wants_bytes()) {
          text.remove_prefix(fresh.OnBytes(AsBytes(text)));
          if (last != nullptr && last->ended) {
            ResponseHead head(last->arena());
            head.status = 204;
            fresh.SendHead(served + 1, head);
            fresh.SendEnd(served + 1, HeaderList(last->arena()));
            fresh.Finish(++served);
            last = nullptr;
          }
        }
      };
      answering = false;
      if (split == 0) {
        for (char c : row.raw) feed({&c, 1});
      } else {
        feed(row.raw.substr(0, split));
        feed(row.raw.substr(split));
      }
      EXPECT_EQ(journal.Take(), row.journal) << row.raw << " split at " << split;
      EXPECT_TRUE(fresh.idle() || fresh.wants_close()) << row.raw;
      EXPECT_EQ(transport.Take().substr(0, 12), "HTTP/1.1 204") << row.raw;
    }
  }
}

// ---- what is not --------------------------------------------------------------------------------

struct RejectRow {
  std::string_view raw;
  int status = 400;
};

#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
using namespace std::string_view_literals;

const RejectRow kReject[] = {
    // Framing
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,5\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5_0\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
     "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n"
     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0c\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n"sv},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
    {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    // Lines
    {"GET / HTTP/1.1\nHost: a\n\n"},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\n\n"},
    {"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"},
    {"GET / HTTP/1.1\rHost: a\r\r"},
    {"GET / HTTP/1.1\rGET / HTTP/1.1\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n"},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"sv},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: b\0\r\n\r\n"sv},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: b\x01\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: b\x7f\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX\xe4: b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n"},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    // Request line
    {" GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /\r\n\r\n"},
    {"GET\r\n\r\n"},
    {"GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
    {"GET / HTTP/1.1x\r\nHost: a\r\n\r\n"},
    {"GET / http/1.1\r\nHost: a\r\n\r\n"},
    {"GET / HTTP/01.1\r\nHost: a\r\n\r\n"},
    {"G@T / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /?a#x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET http://a/ HTTP/1.1\r\n\r\n"},
    {"GET /%2f HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /%5C HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /..;/x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /%c0%ae/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"GET /% HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405},
    {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    // Host
    {"GET / HTTP/1.1\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a:0\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: .\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a..b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: [a]\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"},
    {"GET / HTTP/1.1\r\nHost: a#b\r\n\r\n"},
    {"OPTIONS * HTTP/1.1\r\n\r\n"},
    // Others
    {"GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 417},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n"},
};

TEST_F(H1Server, RejectsWhatIsAmbiguousAndCloses) {
  for (const RejectRow& row : kReject) {
    for (size_t size : {std::string_view::npos, size_t{1}}) {
      H1ServerCodec fresh(transport, factory, limits, false, date);
      std::string_view rest = row.raw;
      while (!rest.empty() && fresh.wants_bytes()) {
        rest.remove_prefix(fresh.OnBytes(AsBytes(rest.substr(0, size))));
      }
      const std::string seen = journal.Take();
      EXPECT_TRUE(seen.starts_with("rejected ")) << row.raw << "\n" << seen;
      EXPECT_EQ(transport.Take().substr(0, 12), "HTTP/1.1 " + std::to_string(row.status))
          << row.raw;
      EXPECT_TRUE(fresh.wants_close()) << row.raw;
    }
  }
}

// The head is good and was delivered; the request is never ended.
const std::string_view kBadBodies[] = {CHUNKED "x\r\n",
                                       CHUNKED "\r\n",
                                       CHUNKED "5\nhello\r\n",
                                       CHUNKED "5 \r\nhello\r\n",
                                       CHUNKED " 5\r\nhello\r\n",
                                       CHUNKED "+5\r\nhello\r\n",
                                       CHUNKED "0x5\r\nhello\r\n",
                                       CHUNKED "5_0\r\nhello\r\n",
                                       CHUNKED "10000000000000000\r\nhello\r\n",
                                       CHUNKED "-1\r\n",
                                       CHUNKED "5;\nhello\r\n",
                                       CHUNKED "5;a\rb\r\nhello\r\n",
                                       CHUNKED "5;a=\x01\r\nhello\r\n",
                                       CHUNKED "5;a=b\n\r\nhello\r\n",
                                       CHUNKED "5\r\nhello0\r\n\r\n",
                                       CHUNKED "5\r\nhello\n0\r\n\r\n",
                                       CHUNKED "5\r\nhelloXX0\r\n\r\n",
                                       CHUNKED "5\rhello\r\n0\r\n\r\n",
                                       CHUNKED "0\r\nX : 1\r\n\r\n",
                                       CHUNKED "0\r\nX: 1\n\r\n",
                                       CHUNKED "0\r\n X: 1\r\n\r\n",
                                       CHUNKED "0\r\nContent-Length: 5\r\n\r\n",
                                       CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n",
                                       CHUNKED "0\r\nHost: b\r\n\r\n",
                                       CHUNKED "0\r\nX: 1\r\n y\r\n\r\n",
                                       CHUNKED "0\n\n",
                                       CHUNKED "0\r\n\n",
                                       CHUNKED "0\r\nX: \x01\r\n\r\n",
                                       CHUNKED "0;\xff\r\n\r\n"};

TEST_F(H1Server, ResetsARequestWhoseBodyBreaksTheProtocol) {
  for (std::string_view raw : kBadBodies) {
    for (size_t size : {std::string_view::npos, size_t{1}}) {
      H1ServerCodec fresh(transport, factory, limits, false, date);
      std::string_view rest = raw;
      answering = false;
      while (!rest.empty() && fresh.wants_bytes()) {
        rest.remove_prefix(fresh.OnBytes(AsBytes(rest.substr(0, size))));
      }
      EXPECT_TRUE(journal.Take().ends_with("reset bad_request\n")) << raw;
      EXPECT_EQ(transport.Take().substr(0, 12), "HTTP/1.1 400") << raw;
      EXPECT_TRUE(fresh.wants_close()) << raw;
    }
  }
}

TEST_F(H1Server, HoldsToTheLimits) {
  const auto answer = [&](const std::string& raw) {
    H1ServerCodec fresh(transport, factory, limits, false, date);
    std::string_view rest = raw;
    while (!rest.empty() && fresh.wants_bytes()) {
      rest.remove_prefix(fresh.OnBytes(AsBytes(rest.substr(0, 1000))));
    }
    journal.Take();
    const std::string sent = transport.Take();
    return sent.empty() ? sent : sent.substr(9, 3);
  };
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  const auto fields = [](int n, size_t size) {
    std::string text;
    for (int i = 0; i < n; ++i) text += "x: " + std::string(size, 'v') + "\r\n";
    return text;
  };
  answering = false;
  EXPECT_EQ(answer("GET /" + std::string(8 * 1024 - 14, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), "");
  EXPECT_EQ(answer("GET /" + std::string(8 * 1024, 'a')), "414");
  EXPECT_EQ(answer(start + fields(99, 1) + "\r\n"), "");
  EXPECT_EQ(answer(start + fields(100, 1)), "431");
  EXPECT_EQ(answer(start + fields(1, 16 * 1024 - 1) + "\r\n"), "");
  EXPECT_EQ(answer(start + "x: " + std::string(16 * 1024 + 1, 'v')), "431");
  EXPECT_EQ(answer(start + fields(5, 16 * 1024 - 1)), "431");
  EXPECT_EQ(answer(start + std::string(17 * 1024, 'n')), "431");
  const std::string chunked = start + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(answer(chunked + "1;" + std::string(4096, 'e') + "\r\nx\r\n"), "");
  EXPECT_EQ(answer(chunked + "1;" + std::string(4097, 'e')), "400");
  EXPECT_EQ(answer(chunked + std::string(8 * 1024, '0') + "1\r\nx\r\n"), "");
  EXPECT_EQ(answer(chunked + std::string(9 * 1024, '0') + "1\r\nx\r\n"), "400");
  EXPECT_EQ(answer(chunked + std::string(9 * 1024, '0')), "400");
  EXPECT_EQ(answer(chunked + "0\r\n" + fields(100, 1)), "");
  EXPECT_EQ(answer(chunked + "0\r\n" + fields(101, 1)), "431");
}

// ---- connections --------------------------------------------------------------------------------

TEST_F(H1Server, ServesPipelinedRequestsOneAfterTheOther) {
  Feed(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy"
      "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(journal.Take(),
            "GET http a a /1 body none\nend\n"
            "POST http a a /2 body 2\ndata xy\nend\n"
            "GET http a a /3 body none\nend\n");
  EXPECT_EQ(transport.Take(), Ok() + Ok() + Ok());
}

TEST_F(H1Server, TakesNoByteOfTheNextRequestBeforeTheFirstIsFinished) {
  answering = false;
  const std::string_view two =
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(codec.OnBytes(AsBytes(two)), two.size() / 2);
  EXPECT_FALSE(codec.wants_bytes());
  EXPECT_FALSE(codec.idle());
  Answer(200, {BodyLength::Kind::kKnown, 0}, "");
  EXPECT_TRUE(codec.wants_bytes());
  EXPECT_TRUE(codec.idle());
  EXPECT_EQ(codec.OnBytes(AsBytes(two.substr(two.size() / 2))), two.size() / 2);
}

struct ResponseRow {
  std::string_view request;
  int status;
  BodyLength body;
  std::string_view sent;  // head behind Date, and the body
  bool closes;
};

const ResponseRow kResponses[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     200,
     {BodyLength::Kind::kKnown, 5},
     "content-length: 5\r\n\r\nhello",
     false},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     200,
     {BodyLength::Kind::kUnknown},
     "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     false},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, {}, "content-length: 0\r\n\r\n", false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
     200,
     {BodyLength::Kind::kKnown, 5},
     "content-length: 5\r\nconnection: close\r\n\r\nhello",
     true},
    {"GET / HTTP/1.0\r\n\r\n",
     200,
     {BodyLength::Kind::kKnown, 5},
     "content-length: 5\r\nconnection: close\r\n\r\nhello",
     true},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     200,
     {BodyLength::Kind::kKnown, 5},
     "content-length: 5\r\nconnection: keep-alive\r\n\r\nhello",
     false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     200,
     {BodyLength::Kind::kUnknown},
     "connection: close\r\n\r\nhello",
     true},
    {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
     200,
     {BodyLength::Kind::kKnown, 5},
     "content-length: 5\r\n\r\n",
     false},
    {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, {BodyLength::Kind::kUnknown}, "\r\n", false},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 204, {}, "\r\n", false},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 304, {}, "\r\n", false},
    // Less or more than was promised never reaches the client as something else.
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     200,
     {BodyLength::Kind::kKnown, 3},
     "content-length: 3\r\n\r\nhel",
     false},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     200,
     {BodyLength::Kind::kKnown, 9},
     "content-length: 9\r\n\r\nhello",
     true},
};

TEST_F(H1Server, FramesResponses) {
  answering = false;
  for (const ResponseRow& row : kResponses) {
    H1ServerCodec fresh(transport, factory, limits, false, date);
    fresh.OnBytes(AsBytes(row.request));
    ResponseHead head(last->arena());
    head.status = row.status;
    head.body = row.body;
    fresh.SendHead(1, head);
    if (head.body.kind != BodyLength::Kind::kNone) fresh.SendData(1, AsBytes("hello"));
    fresh.SendEnd(1, HeaderList(last->arena()));
    fresh.Finish(1);
    const std::string sent = transport.Take();
    const size_t behind_date = sent.find(Date()) + Date().size();
    EXPECT_EQ(sent.substr(behind_date), row.sent) << row.request;
    EXPECT_EQ(fresh.wants_close(), row.closes) << row.request << row.status;
    EXPECT_EQ(fresh.idle(), !row.closes) << row.request << row.status;
  }
}

TEST_F(H1Server, SendsFieldsTrailersAndTheBackendsDate) {
  answering = false;
  Feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  core::Arena& arena = last->arena();
  ResponseHead head(arena);
  head.status = 200;
  head.body.kind = BodyLength::Kind::kUnknown;
  head.headers.Add("x-one", "1");
  head.headers.Add(Known::kDate, "yesterday");
  head.headers.Add(Known::kConnection, "x");  // not the stream's to say
  codec.SendHead(1, head);
  HeaderList trailers(arena);
  trailers.Add("x-sum", "2");
  codec.SendEnd(1, trailers);
  EXPECT_EQ(transport.Take(),
            "HTTP/1.1 200 OK\r\nx-one: 1\r\ndate: yesterday\r\ntransfer-encoding: chunked\r\n\r\n"
            "0\r\nx-sum: 2\r\n\r\n");
  EXPECT_EQ(transport.writes, 2);
}

TEST_F(H1Server, ClosesWhenDrainingOrAtTheRequestLimit) {
  codec.Drain();
  Feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(codec.wants_close());
  EXPECT_NE(transport.Take().find("connection: close\r\n"), std::string::npos);

  limits.requests_per_connection = 2;
  H1ServerCodec fresh(transport, factory, limits, false, date);
  answering = false;
  for (StreamId id : {1, 2}) {
    fresh.OnBytes(AsBytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    ResponseHead head(last->arena());
    head.status = 204;
    fresh.SendHead(id, head);
    fresh.SendEnd(id, HeaderList(last->arena()));
    fresh.Finish(id);
    EXPECT_EQ(fresh.wants_close(), id == 2);
  }
}

TEST_F(H1Server, DropsTheRestOfABodyAfterAnEarlyResponse) {
  answering = false;
  Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  Answer(413, {}, "");
  EXPECT_TRUE(codec.wants_bytes());
  EXPECT_FALSE(codec.idle());
  journal.Take();
  answering = true;
  Feed("67890GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(journal.Take(), "GET http a a /2 body none\nend\n");
}

TEST_F(H1Server, ClosesWhenTooMuchIsLeftOfABody) {
  answering = false;
  Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  Answer(413, {}, "");
  EXPECT_TRUE(codec.wants_close());

  H1ServerCodec fresh(transport, factory, limits, false, date);
  fresh.OnBytes(AsBytes(CHUNKED));
  ResponseHead head(last->arena());
  head.status = 413;
  fresh.SendHead(1, head);
  fresh.SendEnd(1, HeaderList(last->arena()));
  fresh.Finish(1);
  EXPECT_FALSE(fresh.wants_close());
  const std::string chunk = "1000\r\n" + std::string(4096, 'x') + "\r\n";
  for (int i = 0; i < 15; ++i) fresh.OnBytes(AsBytes(chunk));
  EXPECT_FALSE(fresh.wants_close());
  fresh.OnBytes(AsBytes(chunk));
  EXPECT_TRUE(fresh.wants_close());
}

TEST_F(H1Server, SendsContinueOnlyToWhoWaitsForIt) {
  answering = false;
  Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(journal.Take(), "POST http a a / body 2 expect\n");
  HeaderList none(last->arena());
  codec.SendInformational(1, 100, none);
  codec.SendInformational(1, 100, none);
  EXPECT_EQ(transport.Take(), "HTTP/1.1 100 Continue\r\n\r\n");
  HeaderList hints(last->arena());
  hints.Add("link", "</a>");
  codec.SendInformational(1, 103, hints);
  EXPECT_EQ(transport.Take(), "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
  Feed("ok");
  Answer(200, {}, "");
  EXPECT_FALSE(codec.wants_close());
}

TEST_F(H1Server, ClosesWhenAClientStillWaitsForContinue) {
  answering = false;
  Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  Answer(403, {}, "");
  EXPECT_NE(transport.Take().find("connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(codec.wants_close());
}

TEST_F(H1Server, BecomesATunnelWith101) {
  answering = false;
  const std::string_view head_text =
      "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  EXPECT_EQ(codec.OnBytes(AsBytes(std::string(head_text) + "early")), head_text.size());
  EXPECT_EQ(journal.Take(), "GET http a a /chat body none upgrade websocket\n");
  EXPECT_FALSE(codec.wants_bytes());
  ResponseHead head(last->arena());
  head.status = 101;
  head.upgrade = "websocket";
  codec.SendHead(1, head);
  EXPECT_EQ(transport.Take(), "HTTP/1.1 101 Switching Protocols\r\n" + Date() +
                                  "connection: upgrade\r\nupgrade: websocket\r\n\r\n");
  Feed("early");
  codec.SendData(1, AsBytes("GET / raw"));
  codec.OnEof();
  EXPECT_EQ(journal.Take(), "data early\nend\n");
  codec.SendData(1, AsBytes("late"));
  codec.SendEnd(1, HeaderList(last->arena()));
  EXPECT_TRUE(transport.ended);
  codec.Finish(1);
  EXPECT_EQ(transport.Take(), "GET / rawlate");
  EXPECT_TRUE(codec.wants_close());
}

TEST_F(H1Server, ClosesWhenAnUpgradeIsRefused) {
  answering = false;
  Feed("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  Answer(403, {}, "");
  EXPECT_TRUE(codec.wants_close());
  EXPECT_FALSE(codec.wants_bytes());
}

TEST_F(H1Server, PausesAndWakes) {
  answering = false;
  Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  codec.PauseRequest(1, true);
  EXPECT_TRUE(transport.paused);
  ResponseHead head(last->arena());
  head.status = 200;
  head.body.kind = BodyLength::Kind::kUnknown;
  codec.SendHead(1, head);
  EXPECT_TRUE(codec.SendData(1, AsBytes("x")));
  journal.Take();
  codec.OnFlushed();
  EXPECT_EQ(journal.Take(), "");
  transport.unsent_bytes = limits.high_watermark_bytes + 1;
  EXPECT_FALSE(codec.SendData(1, AsBytes("x")));
  codec.OnFlushed();
  EXPECT_EQ(journal.Take(), "writable\n");
  codec.SendEnd(1, HeaderList(last->arena()));
  codec.Finish(1);
  EXPECT_FALSE(transport.paused);
}

TEST_F(H1Server, TellsTheStreamOfALostClient) {
  answering = false;
  Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  codec.OnEof();
  EXPECT_TRUE(journal.Take().ends_with("reset client_gone\n"));
  EXPECT_TRUE(codec.wants_close());

  H1ServerCodec served(transport, factory, limits, false, date);
  served.OnBytes(AsBytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  served.OnEof();  // half-closed: it still reads
  EXPECT_EQ(journal.Take(), "GET http a a / body none\nend\n");
  EXPECT_FALSE(served.wants_close());
  served.OnConnectionLost(core::MakeFault(core::FaultCode::kClientGone));
  EXPECT_EQ(journal.Take(), "reset client_gone\n");
  EXPECT_TRUE(served.wants_close());

  H1ServerCodec unused(transport, factory, limits, false, date);
  unused.OnEof();
  EXPECT_TRUE(unused.wants_close());
  EXPECT_EQ(journal.Take(), "");
}

TEST_F(H1Server, EndsABrokenResponseWithTheConnection) {
  answering = false;
  Feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ResponseHead head(last->arena());
  head.status = 200;
  head.body.kind = BodyLength::Kind::kUnknown;
  codec.SendHead(1, head);
  codec.SendData(1, AsBytes("part"));
  codec.SendReset(1, core::MakeFault(core::FaultCode::kUpstreamTruncated));
  codec.Finish(1);
  EXPECT_TRUE(transport.Take().ends_with("4\r\npart\r\n"));
  EXPECT_TRUE(codec.wants_close());
}

TEST_F(H1Server, AnswersFromWithinTheHead) {
  answering = false;
  factory.on_stream = [this](StreamId id, RecordingStream& stream) {
    stream.on_head = [this, id, &stream] {
      ResponseHead head(stream.arena());
      head.status = 404;
      codec.SendHead(id, head);
      codec.SendEnd(id, HeaderList(stream.arena()));
      codec.Finish(id);
    };
  };
  Feed(
      "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxxGET /2 HTTP/1.1\r\nHost: "
      "a\r\n\r\n");
  EXPECT_EQ(journal.Take(), "POST http a a /1 body 2\nGET http a a /2 body none\n");
  EXPECT_TRUE(codec.idle());
}

TEST_F(H1Server, CountsTheHeadTime) {
  EXPECT_FALSE(codec.reading_head());
  Feed("G");
  EXPECT_TRUE(codec.reading_head());
  Feed("ET / HTTP/1.1\r\nHost: a\r\n");
  EXPECT_TRUE(codec.reading_head());
  Feed("\r\n");
  EXPECT_FALSE(codec.reading_head());
}

}  // namespace
}  // namespace sluice::http
