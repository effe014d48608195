#include "dataplane/http/h2_client.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>

#include "h2_frames.h"
#include "recorders.h"

namespace sluice::http {
namespace {

using namespace std::string_literals;

// A codec, its surroundings, and a backend that only knows frames. Streams are on the wire as 1, 3,
// 5 in the order of their requests.
struct Connection {
  explicit Connection(uint32_t known_capacity = 0, core::Limits with = {})
      : limits(with), codec(transport, limits, {loop, buffers}, known_capacity) {}
  // The backend's first word.
  Connection& Settled(const std::vector<std::pair<int, uint32_t>>& settings = {}) {
    Feed(SettingsFrame(settings) + Frame(NGHTTP2_SETTINGS, kAck, 0, ""));
    Frames();
    return *this;
  }

  struct Exchange {
    Journal journal;
    RecordingResponse receiver{journal};
    core::ArenaPool pool;
    core::Arena arena{pool};
    StreamId id = 0;
  };

  Exchange& Send(const std::function<void(RequestHead&)>& change = [](RequestHead&) {}) {
    Exchange& exchange = *exchanges.emplace_back(std::make_unique<Exchange>());
    RequestHead head(exchange.arena);
    head.method = "GET";
    head.authority = "a.example";
    head.target = "/x";
    change(head);
    exchange.id = codec.Open(exchange.receiver);
    codec.SendHead(exchange.id, head);
    if (head.body.kind == BodyLength::Kind::kNone) End(exchange);
    return exchange;
  }
  Exchange& Post(std::string_view body) {
    Exchange& exchange = Upload();
    codec.SendData(exchange.id, AsBytes(body));
    End(exchange);
    return exchange;
  }
  // A request whose body is still to come.
  Exchange& Upload() {
    return Send([](RequestHead& head) {
      head.method = "POST";
      head.body.kind = BodyLength::Kind::kUnknown;
    });
  }
  void End(Exchange& exchange) { codec.SendEnd(exchange.id, HeaderList(exchange.arena)); }

  void Feed(std::string_view bytes, size_t piece = std::string_view::npos) {
    while (!bytes.empty()) {
      fault = codec.OnBytes(AsBytes(bytes.substr(0, piece)));
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  }
  // The turn's end, and what the backend has got by then.
  std::string Frames() {
    loop.RunOnce(0);
    std::string bytes = transport.Take();
    if (!std::exchange(greeted, true)) bytes.erase(0, kPreface.size());
    return reader.Read(bytes);
  }

  core::EventLoop loop;
  core::BufferPool buffers;
  core::Limits limits;
  RecordingTransport transport;
  H2ClientCodec codec;
  std::vector<std::unique_ptr<Exchange>> exchanges;
  FrameReader reader;
  core::Fault fault;
  bool greeted = false;
};

std::string Ok(uint32_t id, std::string_view body = "ok") {
  return HeadersFrame(id, {{":status", "200"}}, kEndHeaders) + DataFrame(id, body, kEndStream);
}
std::string GoAway(uint32_t last, uint32_t code = NGHTTP2_NO_ERROR) {
  return Frame(NGHTTP2_GOAWAY, 0, 0, Number(last, 4) + Number(code, 4));
}

TEST(H2Client, ExchangesSideBySide) {
  Connection c;
  c.Settled();
  Connection::Exchange& get = c.Send([](RequestHead& head) {
    head.headers.Add("x-one", "1");
    head.headers.Add("connection", "close");
    head.scheme = "https";
    head.te_trailers = true;
  });
  Connection::Exchange& post = c.Post("hello");
  EXPECT_EQ(c.Frames(),
            "1 headers :method=GET :scheme=http :authority=a.example :path=/x x-one=1 te=trailers "
            "end\n"
            "3 headers :method=POST :scheme=http :authority=a.example :path=/x\n"
            "3 data hello end\n");
  EXPECT_FALSE(c.codec.idle());
  c.Feed(HeadersFrame(3, {{":status", "201"}, {"b", "c"}, {"content-length", "4"}}, kEndHeaders) +
         Ok(1) + DataFrame(3, "to") + DataFrame(3, "ol", kEndStream));
  EXPECT_EQ(get.journal.Take(), "200 body unknown\ndata ok\nend\n");
  EXPECT_EQ(post.journal.Take(), "201 body 4\n  b: c\ndata tool\nend\n");
  EXPECT_TRUE(c.codec.idle() && c.codec.reusable() && c.codec.can_open());
  EXPECT_EQ(c.Frames(), "");
}

TEST(H2Client, FramesRequestsItself) {
  struct Row {
    std::string_view what;
    std::function<void(RequestHead&)> change;
    std::string fields;
    bool ends;
  };
  const Row rows[] = {
      {"HEAD", [](RequestHead& h) { h.method = "HEAD"; },
       ":method=HEAD :scheme=http :authority=a.example :path=/x", true},
      {"POST without a body", [](RequestHead& h) { h.method = "POST"; },
       ":method=POST :scheme=http :authority=a.example :path=/x content-length=0", true},
      {"a length",
       [](RequestHead& h) {
         h.method = "PUT";
         h.body = {BodyLength::Kind::kKnown, 5};
       },
       ":method=PUT :scheme=http :authority=a.example :path=/x content-length=5", false},
      {"expectation",
       [](RequestHead& h) {
         h.method = "PUT";
         h.body.kind = BodyLength::Kind::kUnknown;
         h.expect_continue = true;
       },
       ":method=PUT :scheme=http :authority=a.example :path=/x expect=100-continue", false},
      {"an upgrade is left out", [](RequestHead& h) { h.upgrade = "websocket"; },
       ":method=GET :scheme=http :authority=a.example :path=/x", true},
      {"no authority", [](RequestHead& h) { h.authority = ""; },
       ":method=GET :scheme=http :path=/x", true},
      {"asterisk",
       [](RequestHead& h) {
         h.method = "OPTIONS";
         h.target = "*";
       },
       ":method=OPTIONS :scheme=http :authority=a.example :path=*", true},
  };
  for (const Row& row : rows) {
    Connection c;
    c.Settled();
    c.Send(row.change);
    EXPECT_EQ(c.Frames(), "1 headers " + row.fields + (row.ends ? " end\n" : "\n")) << row.what;
  }
}

TEST(H2Client, TrailersGoBothWays) {
  Connection c;
  c.Settled();
  Connection::Exchange& call = c.Upload();
  c.codec.SendData(call.id, AsBytes("ping"));
  HeaderList trailers(call.arena);
  trailers.Add("checksum", "1");
  c.codec.SendEnd(call.id, trailers);
  EXPECT_EQ(c.Frames(),
            "1 headers :method=POST :scheme=http :authority=a.example :path=/x\n"
            "1 data ping\n1 headers checksum=1 end\n");
  c.Feed(HeadersFrame(1, {{":status", "200"}}, kEndHeaders) + DataFrame(1, "pong") +
         HeadersFrame(1, {{"grpc-status", "0"}, {"grpc-message", "a%20b"}}));
  EXPECT_EQ(call.journal.Take(),
            "200 body unknown\ndata pong\nend\n  grpc-status: 0\n  grpc-message: a%20b\n");
}

TEST(H2Client, ResponseMayComeBeforeTheRequestEnds) {
  Connection c;
  c.Settled();
  Connection::Exchange& call = c.Upload();
  c.codec.SendData(call.id, AsBytes("1"));
  c.Feed(HeadersFrame(1, {{":status", "200"}}, kEndHeaders) + DataFrame(1, "one"));
  c.codec.SendData(call.id, AsBytes("2"));
  c.Feed(DataFrame(1, "two"));
  c.End(call);
  c.Feed(HeadersFrame(1, {{"grpc-status", "0"}}));
  EXPECT_EQ(call.journal.Take(), "200 body unknown\ndata onetwo\nend\n  grpc-status: 0\n");
  EXPECT_EQ(c.Frames(),
            "1 headers :method=POST :scheme=http :authority=a.example :path=/x\n"
            "1 data 1\n1 data 2\n1 data  end\n");
}

// ---- responses, right and wrong -----------------------------------------------------------------

struct ResponseRow {
  std::string_view what;
  std::string frames;  // on stream 1, the answer to a GET
  std::string journal;
  std::string_view method = "GET";
};

std::string Head(const Fields& fields, int flags = kEndHeaders) {
  return HeadersFrame(1, fields, flags);
}
const Fields kOk = {{":status", "200"}};
constexpr int kWhole = kEndHeaders | kEndStream;
const std::string kRefused = "reset upstream_protocol\n";

const ResponseRow kResponses[] = {
    {"no body", Head(kOk, kWhole), "200 body none\nend\n"},
    {"an empty body", Head(kOk) + DataFrame(1, "", kEndStream), "200 body unknown\nend\n"},
    {"trailers only", Head(kOk + Fields{{"grpc-status", "5"}}, kWhole),
     "200 body none\n  grpc-status: 5\nend\n"},
    {"HEAD", Head(kOk + Fields{{"content-length", "5"}}, kWhole), "200 body none declared 5\nend\n",
     "HEAD"},
    {"304", Head({{":status", "304"}, {"content-length", "5"}}, kWhole),
     "304 body none declared 5\nend\n"},
    {"204", Head({{":status", "204"}}, kWhole), "204 body none\nend\n"},
    {"padding", Head(kOk) + Frame(NGHTTP2_DATA, kPadded | kEndStream, 1, "\2ok\0\0"s),
     "200 body unknown\ndata ok\nend\n"},
    {"interim", Head({{":status", "103"}, {"link", "<a>"}}) + Head(kOk, kWhole),
     "interim 103\n  link: <a>\n\n200 body none\nend\n"},
    {"a field that spells ours", Head(kOk + Fields{{"content_length", "3"}}, kWhole),
     "200 body none\nend\n"},
    {"trailers that frame are dropped", Head(kOk) + Head({{"date", "x"}, {"a", "b"}}, kWhole),
     "200 body unknown\nend\n  a: b\n"},
    {"body beyond its length", Head(kOk + Fields{{"content-length", "0"}}) + DataFrame(1, "x"),
     "200 body 0\n" + kRefused},
    {"body short of its length",
     Head(kOk + Fields{{"content-length", "3"}}) + DataFrame(1, "xy", kEndStream),
     "200 body 3\ndata xy\n" + kRefused},
    {"no body but a length", Head(kOk + Fields{{"content-length", "3"}}, kWhole), kRefused},
    {"two lengths", Head(kOk + Fields{{"content-length", "3"}, {"content-length", "3"}}), kRefused},
    {"a signed length", Head(kOk + Fields{{"content-length", "+3"}}), kRefused},
    {"body to HEAD", Head(kOk) + DataFrame(1, "x", kEndStream), "200 body none\n" + kRefused,
     "HEAD"},
    {"body with 204", Head({{":status", "204"}}) + DataFrame(1, "x", kEndStream),
     "204 body none\n" + kRefused},
    {"101", Head({{":status", "101"}}), kRefused},
    {"no status", Head({{"a", "b"}}), kRefused},
    {"a status of two digits", Head({{":status", "20"}}), kRefused},
    {"a status beyond all", Head({{":status", "600"}}), kRefused},
    {"a status with a sign", Head({{":status", "+20"}}), kRefused},
    {"two statuses", Head({{":status", "200"}, {":status", "200"}}), kRefused},
    {"a status behind a field", Head({{"a", "b"}, {":status", "200"}}), kRefused},
    {"a request's pseudo field", Head(kOk + Fields{{":path", "/"}}), kRefused},
    {"an interim one that ends", Head({{":status", "103"}}, kWhole), kRefused},
    {"a body without a head", DataFrame(1, "x"), "goaway\n"},
    {"CR in a value", Head(kOk + Fields{{"a", "b\rc"}}), kRefused},
    {"LF in a value", Head(kOk + Fields{{"a", "b\r\nset-cookie: c"}}), kRefused},
    {"NUL in a value", Head(kOk + Fields{{"a", "b\0c"s}}), kRefused},
    {"a space at a value's end", Head(kOk + Fields{{"a", "b "}}), kRefused},
    {"upper case in a name", Head(kOk + Fields{{"A", "b"}}), kRefused},
    {"a colon in a name", Head(kOk + Fields{{"a:b", "c"}}), kRefused},
    {"CRLF in a name", Head(kOk + Fields{{"a\r\nb", "c"}}), kRefused},
    {"an empty name", Head(kOk + Fields{{"", "c"}}), kRefused},
    {"connection", Head(kOk + Fields{{"connection", "close"}}), kRefused},
    {"transfer-encoding", Head(kOk + Fields{{"transfer-encoding", "chunked"}}), kRefused},
    {"upgrade", Head(kOk + Fields{{"upgrade", "h3"}}), kRefused},
    {"keep-alive", Head(kOk + Fields{{"keep-alive", "1"}}), kRefused},
    {"trailers with a status", Head(kOk) + Head(kOk, kWhole), "200 body unknown\n" + kRefused},
    {"trailers with a length", Head(kOk) + Head({{"content-length", "0"}}, kWhole),
     "200 body unknown\n" + kRefused},
    {"trailers that do not end", Head(kOk) + Head({{"a", "b"}}), "200 body unknown\n" + kRefused},
    {"trailers with CRLF", Head(kOk) + Head({{"a", "b\r\nc: d"}}, kWhole),
     "200 body unknown\n" + kRefused},
    {"reset", RstStream(1, NGHTTP2_INTERNAL_ERROR), "reset upstream_reset\n"},
    {"refused", RstStream(1, NGHTTP2_REFUSED_STREAM), "reset upstream_reset retry\n"},
    {"reset in the body", Head(kOk) + DataFrame(1, "x") + RstStream(1),
     "200 body unknown\ndata x\nreset upstream_reset\n"},
};

TEST(H2Client, ReadsResponsesStrictly) {
  for (size_t piece : {std::string_view::npos, size_t{1}}) {
    for (const ResponseRow& row : kResponses) {
      Connection c;
      c.Settled();
      Connection::Exchange& exchange = c.Send([&](RequestHead& head) { head.method = row.method; });
      Connection::Exchange& other = c.Send();
      c.Frames();
      c.Feed(row.frames, piece);
      if (row.journal == "goaway\n") {
        EXPECT_EQ(c.fault, core::MakeFault(core::FaultCode::kUpstreamProtocol)) << row.what;
        EXPECT_EQ(exchange.journal.Take(), "reset upstream_protocol retry-if-reused\n");
        continue;
      }
      EXPECT_EQ(exchange.journal.Take(), row.journal) << row.what;
      // What is wrong with one exchange does not concern the others.
      EXPECT_FALSE(c.fault) << row.what;
      c.Feed(Ok(3), piece);
      EXPECT_EQ(other.journal.Take(), "200 body unknown\ndata ok\nend\n") << row.what;
      EXPECT_TRUE(c.codec.idle()) << row.what;
      c.Frames();
    }
  }
}

TEST(H2Client, BoundsWhatAHeadMayHold) {
  struct Row {
    std::string_view what;
    Fields fields;
    bool connection_lives;
  };
  const Row rows[] = {{"100 fields", Fields(100, {"a", "b"}), true},
                      {"a field of 16 kB", {{"a", std::string(16 * 1024, 'b')}}, true},
                      {"a block of 70 kB", Fields(70, {"a", std::string(1024, 'b')}), true},
                      {"1001 fields", Fields(1001, {"a", "b"}), false}};
  for (const Row& row : rows) {
    Connection c;
    c.Settled();
    Connection::Exchange& exchange = c.Send();
    const std::string block = Hpack(kOk + row.fields);
    std::string frames = Frame(NGHTTP2_HEADERS, 0, 1, block.substr(0, 16'000));
    for (size_t at = 16'000; at < block.size(); at += 16'000) {
      frames += Frame(NGHTTP2_CONTINUATION, 0, 1, block.substr(at, 16'000));
    }
    c.Feed(frames + Frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, ""));
    EXPECT_EQ(exchange.journal.Take().substr(0, 23), "reset upstream_protocol") << row.what;
    EXPECT_EQ(c.codec.reusable(), row.connection_lives) << row.what;
  }
}

TEST(H2Client, TooManyInterimResponsesAreRefused) {
  Connection c;
  c.Settled();
  Connection::Exchange& exchange = c.Send();
  for (int i = 0; i <= c.limits.informational_responses; ++i) c.Feed(Head({{":status", "102"}}));
  const std::string journal = exchange.journal.Take();
  EXPECT_EQ(journal.substr(journal.size() - kRefused.size()), kRefused);
}

// ---- backends that break or wear out the connection ---------------------------------------------

struct BreakRow {
  std::string_view what;
  std::string frames;
  int times = 1;
};

const BreakRow kBreaks[] = {
    {"no HTTP/2", "HTTP/1.1 400 Bad Request\r\n\r\n"},
    {"a frame larger than allowed", Number(16'385, 3) + "\0\0\0\0\0\1"s},
    {"a push", Frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 1, Number(2, 4) + Hpack(Request()))},
    {"a stream of its own", HeadersFrame(2, kOk)},
    {"an answer nobody asked for", HeadersFrame(101, kOk)},
    {"data on no stream", DataFrame(101, "x")},
    {"data behind the end", Ok(1) + DataFrame(1, "x")},
    {"a head behind the end", Ok(1) + HeadersFrame(1, kOk)},
    {"a reset of no stream", RstStream(101)},
    {"resets of one stream", RstStream(1), 10},
    {"a window beyond all", WindowUpdate(0, 0x7fffffff)},
    {"an empty window update", WindowUpdate(0, 0)},
    {"a head broken off by another frame", Frame(NGHTTP2_HEADERS, 0, 1, Hpack(kOk)) + Ok(3)},
    {"endless continuations",
     Frame(NGHTTP2_HEADERS, 0, 1, Hpack(kOk)) + Frame(NGHTTP2_CONTINUATION, 0, 1, "") +
         Frame(NGHTTP2_CONTINUATION, 0, 1, "") + Frame(NGHTTP2_CONTINUATION, 0, 1, "") +
         Frame(NGHTTP2_CONTINUATION, 0, 1, "") + Frame(NGHTTP2_CONTINUATION, 0, 1, "") +
         Frame(NGHTTP2_CONTINUATION, 0, 1, "") + Frame(NGHTTP2_CONTINUATION, 0, 1, "") +
         Frame(NGHTTP2_CONTINUATION, 0, 1, "") + Frame(NGHTTP2_CONTINUATION, 0, 1, "")},
    {"HPACK beyond its table", Frame(NGHTTP2_HEADERS, kEndHeaders, 1, "\xff\xff\xff\x0f")},
    {"a GOAWAY that takes more", GoAway(3) + GoAway(5)},
    {"a GOAWAY of our own kind", GoAway(2)},
    {"a flood of PING", Frame(NGHTTP2_PING, 0, 0, std::string(8, 'x')), 12'000},
    {"a flood of SETTINGS", SettingsFrame(), 12'000},
    {"a flood of PRIORITY", Frame(NGHTTP2_PRIORITY, 0, 1, Number(0, 4) + "\0"s), 12'000},
    {"a flood of unknown frames", Frame(77, 0, 0, ""), 12'000},
    {"a flood of empty data", DataFrame(1, ""), 200},
    {"a flood of small data", DataFrame(1, "x"), 12'000},
    {"a flood of padding", Frame(NGHTTP2_DATA, kPadded, 1, "\2x\0\0"s), 12'000},
};

TEST(H2Client, EndsAConnectionThatBreaks) {
  for (const BreakRow& row : kBreaks) {
    Connection c;
    c.Settled();
    Connection::Exchange& first = c.Send();
    Connection::Exchange& second = c.Send();
    c.Frames();
    if (row.what.find("data") != std::string_view::npos ||
        row.what.find("padding") != std::string_view::npos) {
      c.Feed(Head(kOk));
    }
    for (int i = 0; i < row.times && !c.fault; ++i) c.Feed(row.frames);
    EXPECT_EQ(c.fault, core::MakeFault(core::FaultCode::kUpstreamProtocol)) << row.what;
    EXPECT_TRUE(c.codec.idle() && !c.codec.can_open() && !c.codec.reusable()) << row.what;
    EXPECT_EQ(second.journal.Take(), "reset upstream_protocol retry-if-reused\n") << row.what;
    EXPECT_NE(first.journal.Take(), "") << row.what;
  }
}

TEST(H2Client, PingsMayFollowOurFrames) {
  Connection c;
  c.Settled();
  Connection::Exchange& call = c.Upload();
  for (int i = 0; i < 12'000; ++i) {
    c.codec.SendData(call.id, AsBytes("message"));
    c.Feed(Frame(NGHTTP2_PING, 0, 0, std::string(8, 'x')) + WindowUpdate(0, 7) +
           WindowUpdate(1, 7));
    c.Frames();
  }
  EXPECT_FALSE(c.fault);
  EXPECT_EQ(call.journal.Take(), "");
}

TEST(H2Client, AWindowOfOneStreamThatOverflowsEndsTheStream) {
  Connection c;
  c.Settled();
  Connection::Exchange& first = c.Send();
  Connection::Exchange& second = c.Send();
  c.Frames();
  c.Feed(WindowUpdate(1, 0x7fffffff));
  EXPECT_EQ(c.Frames(), "1 reset FLOW_CONTROL_ERROR\n");
  EXPECT_EQ(first.journal.Take(), "reset upstream_protocol\n");
  c.Feed(Ok(3));
  EXPECT_EQ(second.journal.Take(), "200 body unknown\ndata ok\nend\n");
}

TEST(H2Client, AnswersPings) {
  Connection c;
  c.Settled();
  c.Feed(Frame(NGHTTP2_PING, 0, 0, "12345678"));
  EXPECT_EQ(c.Frames(), "pong\n");
}

// ---- how many at a time -------------------------------------------------------------------------

TEST(H2Client, FirstRequestLeavesAtOnceOthersWaitForSettings) {
  Connection c;
  c.Send();
  Connection::Exchange& second = c.Post("body");
  EXPECT_EQ(c.Frames(), "1 headers :method=GET :scheme=http :authority=a.example :path=/x end\n");
  EXPECT_TRUE(c.codec.can_open());
  c.Settled();
  c.Feed(Ok(3));
  EXPECT_EQ(second.journal.Take(), "200 body unknown\ndata ok\nend\n");
}

TEST(H2Client, GivesBackWhatTheBackendHasNoRoomFor) {
  Connection c;
  Connection::Exchange& first = c.Send();
  Connection::Exchange& second = c.Post("body");
  Connection::Exchange& third = c.Send();
  c.Frames();
  c.Feed(SettingsFrame({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1}}));
  EXPECT_EQ(second.journal.Take(), "reset upstream_reset retry\n");
  EXPECT_EQ(third.journal.Take(), "reset upstream_reset retry\n");
  EXPECT_EQ(c.codec.capacity(), 1u);
  EXPECT_FALSE(c.codec.can_open());
  c.Feed(Ok(1));
  EXPECT_EQ(first.journal.Take(), "200 body unknown\ndata ok\nend\n");
  c.Frames();
  EXPECT_TRUE(c.codec.can_open());
}

TEST(H2Client, HeedsTheBackendsLimit) {
  Connection c(2);
  EXPECT_EQ(c.codec.capacity(), 2u);
  c.Send();
  EXPECT_TRUE(c.codec.can_open());
  c.Send();
  EXPECT_FALSE(c.codec.can_open());
  EXPECT_EQ(c.Frames(),
            "1 headers :method=GET :scheme=http :authority=a.example :path=/x end\n"
            "3 headers :method=GET :scheme=http :authority=a.example :path=/x end\n");
  c.Settled({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1'000'000}});
  EXPECT_EQ(c.codec.capacity(), c.limits.h2_streams);
}

TEST(H2Client, GoAwayLetsEarlierStreamsFinish) {
  Connection c;
  c.Settled();
  Connection::Exchange& first = c.Send();
  Connection::Exchange& second = c.Post("body");
  c.Frames();
  c.Feed(GoAway(0x7fffffff));  // the notice before the word
  EXPECT_FALSE(c.codec.can_open() || c.codec.idle());
  c.Feed(GoAway(1));
  EXPECT_EQ(second.journal.Take(), "reset upstream_reset retry\n");
  c.Feed(Ok(1));
  EXPECT_EQ(first.journal.Take(), "200 body unknown\ndata ok\nend\n");
  EXPECT_FALSE(c.fault);
  EXPECT_TRUE(c.codec.idle() && !c.codec.reusable());
}

// ---- the end of a connection --------------------------------------------------------------------

TEST(H2Client, LostConnectionsSayWhatMayBeRepeated) {
  struct Row {
    std::string_view what;
    std::function<void(Connection&)> lose;
    std::string unanswered, answered, unsent;
  };
  const Row rows[] = {
      {"closed", [](Connection& c) { c.codec.OnEof(); }, "reset upstream_reset retry-if-reused\n",
       "200 body unknown\nreset upstream_truncated\n", "reset upstream_reset retry\n"},
      {"not connected",
       [](Connection& c) {
         c.codec.OnConnectionLost(
             core::MakeFault(core::FaultCode::kConnectFailure, core::Retry::kYes));
       },
       "reset connect_failure retry\n", "200 body unknown\nreset connect_failure retry\n",
       "reset connect_failure retry\n"}};
  for (const Row& row : rows) {
    Connection c;
    c.Settled({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}});
    Connection::Exchange& unanswered = c.Send();
    Connection::Exchange& answered = c.Send();
    Connection::Exchange& unsent = c.Send();
    c.Frames();
    c.Feed(HeadersFrame(3, kOk, kEndHeaders));
    row.lose(c);
    EXPECT_EQ(unanswered.journal.Take(), row.unanswered) << row.what;
    EXPECT_EQ(answered.journal.Take(), row.answered) << row.what;
    EXPECT_EQ(unsent.journal.Take(), row.unsent) << row.what;
    EXPECT_TRUE(c.codec.idle()) << row.what;
  }
}

TEST(H2Client, CancelResetsTheStreamAlone) {
  Connection c;
  c.Settled();
  Connection::Exchange& first = c.Send();
  Connection::Exchange& second = c.Send();
  c.Frames();
  c.codec.Cancel(first.id);
  EXPECT_EQ(c.Frames(), "1 reset CANCEL\n");
  c.Feed(Ok(1) + Ok(3));  // the first was under way
  EXPECT_EQ(first.journal.Take(), "");
  EXPECT_EQ(second.journal.Take(), "200 body unknown\ndata ok\nend\n");
  EXPECT_TRUE(c.codec.idle());
}

TEST(H2Client, CancelFromWithinTheAnswer) {
  Connection c;
  c.Settled();
  Connection::Exchange& exchange = c.Send();
  exchange.receiver.on_head = [&] { c.codec.Cancel(exchange.id); };
  c.Feed(Ok(1));
  EXPECT_EQ(exchange.journal.Take(), "200 body unknown\n");
  EXPECT_TRUE(c.codec.idle() && c.codec.reusable());
}

TEST(H2Client, AnswerBeforeTheWholeRequestEndsIt) {
  Connection c;
  c.Settled();
  Connection::Exchange& exchange = c.Upload();
  c.codec.SendData(exchange.id, AsBytes(std::string(100'000, 'x')));
  c.Frames();
  c.Feed(Ok(1, "enough"));
  EXPECT_EQ(exchange.journal.Take(), "200 body unknown\ndata enough\nend\n");
  EXPECT_EQ(c.Frames(), "1 reset CANCEL\n");
  EXPECT_TRUE(c.codec.idle() && c.codec.reusable());
  EXPECT_EQ(c.buffers.used(), 0u);
}

TEST(H2Client, AnAnswerFreesAStreamWhoseWindowIsShut) {
  Connection c;
  c.Settled(
      {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}, {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1}});
  Connection::Exchange& exchange = c.Upload();
  c.End(exchange);
  c.Frames();
  EXPECT_FALSE(c.codec.can_open());
  c.Feed(Ok(1, "enough"));
  EXPECT_EQ(exchange.journal.Take(), "200 body unknown\ndata enough\nend\n");
  c.Frames();
  EXPECT_TRUE(c.codec.can_open());
}

// ---- back-pressure ------------------------------------------------------------------------------

TEST(H2Client, RequestBodyWaitsForTheWindow) {
  Connection c;
  c.Settled({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10}});
  Connection::Exchange& exchange = c.Upload();
  EXPECT_FALSE(c.codec.SendData(exchange.id, AsBytes(std::string(50'000, 'x'))));
  EXPECT_EQ(c.Frames(),
            "1 headers :method=POST :scheme=http :authority=a.example :path=/x\n"
            "1 data xxxxxxxxxx\n");
  c.Feed(WindowUpdate(1, 10));
  EXPECT_EQ(c.Frames(), "1 data xxxxxxxxxx\n");
  EXPECT_EQ(exchange.journal.Take(), "");
  c.Feed(WindowUpdate(1, 49'000));
  EXPECT_EQ(exchange.journal.Take(), "writable\n");
}

TEST(H2Client, APausedResponseHoldsItsOwnWindowOnly) {
  Connection c;
  c.Settled();
  Connection::Exchange& slow = c.Send();
  Connection::Exchange& fast = c.Send();
  c.Frames();
  slow.receiver.on_head = [&] { c.codec.PauseResponse(slow.id, true); };
  c.Feed(HeadersFrame(1, kOk, kEndHeaders) + HeadersFrame(3, kOk, kEndHeaders));
  const std::string piece(16'000, 'x');
  for (size_t sent = 0; sent + piece.size() <= c.limits.h2_stream_window_bytes;
       sent += piece.size()) {
    c.Feed(DataFrame(1, piece));
  }
  c.Frames();
  const size_t connection_only = std::exchange(c.reader.window_updates, 0);
  EXPECT_LE(connection_only, c.limits.h2_connection_window_bytes);
  for (int i = 0; i < 200; ++i) {
    c.Feed(DataFrame(3, piece));
    c.Frames();
  }
  EXPECT_FALSE(c.fault);
  c.Feed(DataFrame(3, "", kEndStream));
  EXPECT_NE(fast.journal.Take().find("\nend\n"), std::string::npos);
  c.reader.window_updates = 0;
  c.codec.PauseResponse(slow.id, false);
  c.Frames();
  EXPECT_GE(c.reader.window_updates, c.limits.h2_stream_window_bytes / 2);
}

TEST(H2Client, MoreThanTheWindowIsTheBackendsFault) {
  Connection c;
  c.Settled();
  Connection::Exchange& slow = c.Send();
  slow.receiver.on_head = [&] { c.codec.PauseResponse(slow.id, true); };
  c.Frames();
  c.Feed(HeadersFrame(1, kOk, kEndHeaders));
  const std::string piece(16'000, 'x');
  for (int i = 0; i < 40 && !c.fault; ++i) c.Feed(DataFrame(1, piece));
  EXPECT_NE(slow.journal.Take().find("reset upstream_protocol"), std::string::npos);
}

TEST(H2Client, StopsWritingWhenTheTransportIsFull) {
  Connection c;
  c.Settled({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20}});
  Connection::Exchange& exchange = c.Upload();
  c.Feed(WindowUpdate(0, 1 << 20));
  c.Frames();
  c.transport.unsent_bytes = c.limits.high_watermark_bytes + 1;
  EXPECT_FALSE(c.codec.SendData(exchange.id, AsBytes(std::string(10'000, 'x'))));
  EXPECT_EQ(c.Frames(), "");
  c.transport.unsent_bytes = 0;
  c.codec.OnFlushed();
  EXPECT_EQ(c.Frames(), "1 data " + std::string(10'000, 'x') + "\n");
  EXPECT_EQ(exchange.journal.Take(), "writable\n");
}

}  // namespace
}  // namespace sluice::http
