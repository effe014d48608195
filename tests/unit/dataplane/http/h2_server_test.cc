#include "dataplane/http/h2_server.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "h2_frames.h"
#include "recorders.h"

namespace sluice::http {
namespace {

using namespace std::string_literals;

// A codec, its surroundings, and a client that only knows frames.
struct Connection {
  Connection() {
    factory.on_stream = [this](StreamId id, RecordingStream& stream) {
      if (!answering) return;
      stream.on_end = [this, id, &stream] { Answer(id, stream); };
    };
    Feed(std::string(kPreface) + SettingsFrame());
    Frames();
    Feed(Frame(NGHTTP2_SETTINGS, kAck, 0, ""));
  }

  void Answer(StreamId id, RecordingStream& stream) {
    ResponseHead head(stream.arena());
    head.status = 200;
    head.body = {BodyLength::Kind::kKnown, 2};
    codec.SendHead(id, head);
    codec.SendData(id, AsBytes("ok"));
    codec.SendEnd(id, HeaderList(stream.arena()));
    codec.Finish(id);
  }

  void Feed(std::string_view bytes, size_t piece = std::string_view::npos) {
    while (!bytes.empty() && codec.wants_bytes()) {
      codec.OnBytes(AsBytes(bytes.substr(0, piece)));
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  }

  // The turn's end, and what the client has got by then.
  std::string Frames() {
    loop.RunOnce(0);
    return reader.Read(transport.Take());
  }
  std::string Journaled() { return journal.Take(); }
  RecordingStream& stream(StreamId id) { return *factory.streams.at(id); }

  core::EventLoop loop;
  core::BufferPool buffers;
  DateCache date{loop};
  core::Limits limits;
  Journal journal;
  RecordingTransport transport;
  RecordingFactory factory{journal};
  bool answering = true;
  FrameReader reader;
  H2ServerCodec codec{transport, factory, limits, false, {loop, buffers, date}};
};

TEST(H2Server, ServesRequestsSideBySide) {
  Connection c;
  c.Feed(HeadersFrame(1, Request("GET", "/1", "A.example:80") + Fields{{"x-one", "1"}}) +
         HeadersFrame(3, Request("POST", "/2?q"), kEndHeaders) + DataFrame(3, "he") +
         DataFrame(3, "llo", kEndStream));
  EXPECT_EQ(c.Journaled(),
            "GET http A.example:80 a.example /1 body none\n  x-one: 1\nend\n"
            "POST http a a /2?q body unknown\ndata hello\nend\n");
  EXPECT_EQ(c.Frames(),
            "1 headers :status=200 content-length=2\n3 headers :status=200 content-length=2\n"
            "1 data ok end\n3 data ok end\n");
  EXPECT_TRUE(c.codec.idle());
  EXPECT_FALSE(c.codec.wants_close());
}

// ---- what HTTP/1 would read otherwise -----------------------------------------------------------

const Fields kPost = Request("POST");

struct DowngradeRow {
  std::string_view what;
  std::string frames;  // behind the preface; the request is stream 1
};

std::string Get(const Fields& fields) { return HeadersFrame(1, fields); }
std::string Post(const Fields& more, std::string_view body) {
  return HeadersFrame(1, kPost + more, kEndHeaders) + DataFrame(1, body, kEndStream);
}
std::string Trailers(const Fields& trailers, int flags = kEndStream | kEndHeaders) {
  return HeadersFrame(1, kPost, kEndHeaders) + DataFrame(1, "x") + HeadersFrame(1, trailers, flags);
}

const DowngradeRow kDowngrade[] = {
    {"CR in a name", Get(Request() + Fields{{"a\rb", "c"}})},
    {"LF in a name", Get(Request() + Fields{{"a\nb", "c"}})},
    {"NUL in a name", Get(Request() + Fields{{"a\0b"s, "c"}})},
    {"CRLF in a name", Get(Request() + Fields{{"a: b\r\nc", "d"}})},
    {"colon in a name", Get(Request() + Fields{{"a:b", "c"}})},
    {"colon at a name's end", Get(Request() + Fields{{"transfer-encoding:", "chunked"}})},
    {"space in a name", Get(Request() + Fields{{"a b", "c"}})},
    {"space at a name's end", Get(Request() + Fields{{"transfer-encoding ", "chunked"}})},
    {"upper case in a name", Get(Request() + Fields{{"Abc", "d"}})},
    {"empty name", Get(Request() + Fields{{"", "c"}})},
    {"name beyond ASCII", Get(Request() + Fields{{"a\xe4", "c"}})},
    {"CR in a value", Get(Request() + Fields{{"a", "b\rc"}})},
    {"LF in a value", Get(Request() + Fields{{"a", "b\nc"}})},
    {"CRLF in a value", Get(Request() + Fields{{"a", "b\r\ntransfer-encoding: chunked"}})},
    {"NUL in a value", Get(Request() + Fields{{"a", "b\0c"s}})},
    {"control in a value", Get(Request() + Fields{{"a", "b\x01"}})},
    {"DEL in a value", Get(Request() + Fields{{"a", "b\x7f"}})},
    {"space before a value", Get(Request() + Fields{{"a", " b"}})},
    {"space behind a value", Get(Request() + Fields{{"a", "b "}})},
    {"tab behind a value", Get(Request() + Fields{{"a", "b\t"}})},
    {"transfer-encoding", Post({{"transfer-encoding", "chunked"}}, "0\r\n\r\n")},
    {"connection", Get(Request() + Fields{{"connection", "close"}})},
    {"keep-alive", Get(Request() + Fields{{"keep-alive", "1"}})},
    {"upgrade", Get(Request() + Fields{{"upgrade", "websocket"}})},
    {"proxy-connection", Get(Request() + Fields{{"proxy-connection", "x"}})},
    {"te but trailers", Get(Request() + Fields{{"te", "gzip"}})},
    {"length too short", Post({{"content-length", "1"}}, "hello")},
    {"length too long", Post({{"content-length", "9"}}, "hello")},
    {"length 0 with a body", Post({{"content-length", "0"}}, "hello")},
    {"length without a body", Get(Request() + Fields{{"content-length", "5"}})},
    {"length twice", Post({{"content-length", "5"}, {"content-length", "5"}}, "hello")},
    {"length list", Post({{"content-length", "5,5"}}, "hello")},
    {"length with a sign", Post({{"content-length", "+5"}}, "hello")},
    {"length in hex", Post({{"content-length", "0x5"}}, "hello")},
    {"length of 2^64 + 5", Post({{"content-length", "18446744073709551621"}}, "hello")},
    {"length with a space", Post({{"content-length", " 5"}}, "hello")},
    {"empty length", Post({{"content-length", ""}}, "hello")},
    {"empty path", Get(Request("GET", ""))},
    {"path without a slash", Get(Request("GET", "a"))},
    {"path with a space", Get(Request("GET", "/a b"))},
    {"path with CRLF", Get(Request("GET", "/ HTTP/1.1\r\nhost: b\r\n\r\n"))},
    {"path with NUL", Get(Request("GET", "/\0"s))},
    {"path with a fragment", Get(Request("GET", "/a#b"))},
    {"absolute path", Get(Request("GET", "http://b/"))},
    {"asterisk with GET", Get(Request("GET", "*"))},
    {"path twice", Get(Request() + Fields{{":path", "/b"}})},
    {"no path", Get(Request("GET", "-"))},
    {"encoded slash", Get(Request("GET", "/a%2fb"))},
    {"backslash", Get(Request("GET", "/a\\b"))},
    {"path beyond ASCII", Get(Request("GET", "/\xe4"))},
    {"method with a space", Get(Request("GET /b HTTP/1.1"))},
    {"method with CRLF", Get(Request("GET\r\n"))},
    {"empty method", Get(Request(""))},
    {"no method", Get(Request("-"))},
    {"method twice", Get(Request() + Fields{{":method", "POST"}})},
    {"CONNECT", Get({{":method", "CONNECT"}, {":authority", "a:80"}})},
    {"TRACE", Get(Request("TRACE"))},
    {"scheme that is none", Get(Request("GET", "/", "a", "http://b/?"))},
    {"unknown scheme", Get(Request("GET", "/", "a", "ftp"))},
    {"no scheme", Get(Request("GET", "/", "a", "-"))},
    {"empty scheme", Get(Request("GET", "/", "a", ""))},
    {"authority with userinfo", Get(Request("GET", "/", "u@a"))},
    {"authority with a path", Get(Request("GET", "/", "a/b"))},
    {"authority with a space", Get(Request("GET", "/", "a b"))},
    {"authority with CRLF", Get(Request("GET", "/", "a\r\nx: y"))},
    {"authority twice", Get(Request() + Fields{{":authority", "a"}})},
    {"authority list", Get(Request("GET", "/", "a,b"))},
    {"authority with a bad port", Get(Request("GET", "/", "a:b"))},
    {"empty authority and no host", Get(Request("GET", "/", ""))},
    {"neither authority nor host", Get(Request("GET", "/", "-"))},
    {"host beside another authority", Get(Request() + Fields{{"host", "b"}})},
    {"host twice", Get(Request("GET", "/", "-") + Fields{{"host", "a"}, {"host", "a"}})},
    {"host with a path", Get(Request("GET", "/", "-") + Fields{{"host", "a/b"}})},
    {"host with userinfo", Get(Request("GET", "/", "-") + Fields{{"host", "u@a"}})},
    {"empty host", Get(Request("GET", "/", "-") + Fields{{"host", ""}})},
    {"pseudo field behind others", Get(Fields{{"a", "b"}} + Request())},
    {"unknown pseudo field", Get(Request() + Fields{{":x", "y"}})},
    {"status", Get(Request() + Fields{{":status", "200"}})},
    {"protocol without extended CONNECT", Get(Request() + Fields{{":protocol", "websocket"}})},
    {"expectation", Get(Request() + Fields{{"expect", "200-ok"}})},
    {"pseudo field in trailers", Trailers({{":path", "/b"}})},
    {"transfer-encoding in trailers", Trailers({{"transfer-encoding", "chunked"}})},
    {"CRLF in trailers", Trailers({{"a", "b\r\nc: d"}})},
    {"content-length in trailers", Trailers({{"content-length", "5"}})},
    {"host in trailers", Trailers({{"host", "b"}})},
    {"trailers without an end", Trailers({{"a", "b"}}, kEndHeaders)},
};

TEST(H2Server, RefusesWhatHttp1WouldReadOtherwise) {
  for (const DowngradeRow& row : kDowngrade) {
    for (size_t piece : {std::string_view::npos, size_t{1}}) {
      Connection c;
      c.answering = false;
      c.Feed(row.frames, piece);
      const std::string frames = c.Frames();
      const std::string journal = c.Journaled();
      EXPECT_TRUE(frames.find("1 reset PROTOCOL_ERROR") != std::string::npos ||
                  frames.find("1 headers :status=4") != std::string::npos ||
                  frames.find("PROTOCOL_ERROR") != std::string::npos)
          << row.what << "\n"
          << frames;
      EXPECT_EQ(journal.find("end\n"), std::string::npos) << row.what << "\n" << journal;
      EXPECT_NE(journal.find("reset "), std::string::npos) << row.what << "\n" << journal;
      EXPECT_EQ(c.stream(1).reset, true) << row.what;
    }
  }
}

struct ValidRow {
  std::string frames;
  std::string_view journal;
};

const ValidRow kValid[] = {
    {Get(Request("OPTIONS", "*")), "OPTIONS http a a * body none\nend\n"},
    {Get(Request("GET", "/", "-") + Fields{{"host", "A:1"}}), "GET http A:1 a / body none\nend\n"},
    {Get(Request() + Fields{{"host", "a:80"}}), "GET http a a / body none\nend\n"},
    {Get(Request("GET", "/%61/../b", "a", "HTTPS")), "GET http a a /b body none\nend\n"},
    {Get(Request() + Fields{{"te", "trailers"}, {"x_forwarded_for", "1"}}),
     "GET http a a / body none te\nend\n"},
    {Get(Request() + Fields{{"cookie", "a=b"}, {"x", "y"}, {"cookie", "c=d"}, {"cookie", "e"}}),
     "GET http a a / body none\n  cookie: a=b; c=d; e\n  x: y\nend\n"},
    {Post({{"content-length", "5"}}, "hello"), "POST http a a / body 5\ndata hello\nend\n"},
    {Post({{"expect", "100-continue"}}, "x"), "POST http a a / body unknown expect\ndata x\nend\n"},
    {Post({}, ""), "POST http a a / body unknown\nend\n"},
    {Trailers({{"x-sum", "1"}, {"trailer", "x"}}),
     "POST http a a / body unknown\ndata x\nend\n  x-sum: 1\n"},
    {HeadersFrame(1, Request(), kEndStream) +
         Frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, Hpack({{"a", "b"}})),
     "GET http a a / body none\n  a: b\nend\n"},
    {Frame(NGHTTP2_HEADERS, kEndStream | kEndHeaders | kPadded | kPriority, 1,
           "\x02"s + Number(0, 4) + "\x10" + Hpack(Request()) + "\0\0"s),
     "GET http a a / body none\nend\n"},
    {HeadersFrame(1, kPost, kEndHeaders) + Frame(NGHTTP2_DATA, kPadded | kEndStream, 1,
                                                 "\x03"
                                                 "abc\0\0\0"s),
     "POST http a a / body unknown\ndata abc\nend\n"},
};

TEST(H2Server, AcceptsWhatIsValidHoweverItIsSplit) {
  for (const ValidRow& row : kValid) {
    for (size_t piece : {std::string_view::npos, size_t{1}, size_t{7}}) {
      Connection c;
      c.Feed(row.frames, piece);
      EXPECT_EQ(c.Journaled(), row.journal);
      EXPECT_EQ(c.Frames(), "1 headers :status=200 content-length=2\n1 data ok end\n")
          << row.journal;
    }
  }
}

TEST(H2Server, HoldsToTheLimits) {
  const auto repeat = [](size_t n, size_t value_bytes) {
    return Fields(n, {"x", std::string(value_bytes, 'v')});
  };
  const auto answer = [](const Fields& fields) {
    Connection c;
    const std::string block = Hpack(Request() + fields);
    c.Feed(Frame(NGHTTP2_HEADERS, kEndStream, 1, ""));
    for (size_t at = 0; at < block.size(); at += 16384) {
      const bool last = at + 16384 >= block.size();
      c.Feed(Frame(NGHTTP2_CONTINUATION, last ? kEndHeaders : 0, 1, block.substr(at, 16384)));
    }
    const std::string frames = c.Frames();
    return frames.substr(0, frames.find('\n'));
  };
  const std::string ok = "1 headers :status=200 content-length=2";
  const std::string refused = "1 headers :status=431 content-length=0 end";
  const std::string closed = "goaway 0 ENHANCE_YOUR_CALM";
  EXPECT_EQ(answer(repeat(96, 1)), ok);
  EXPECT_EQ(answer(repeat(97, 1)), refused);
  EXPECT_EQ(answer(Fields(98, {"cookie", "a"})), refused);
  EXPECT_EQ(answer(repeat(996, 1)), refused);
  EXPECT_EQ(answer(repeat(998, 1)).substr(0, 6), "goaway");
  EXPECT_EQ(answer(repeat(1, 16 * 1024 - 1)), ok);
  EXPECT_EQ(answer(repeat(1, 16 * 1024)), refused);
  EXPECT_EQ(answer(repeat(3, 16 * 1024 - 1)), ok);
  EXPECT_EQ(answer(repeat(4, 16 * 1024 - 1)), refused);
}

// ---- responses ----------------------------------------------------------------------------------

TEST(H2Server, FramesResponses) {
  Connection c;
  c.answering = false;
  const auto respond = [&](StreamId id, std::string_view method, int status, BodyLength body,
                           const Fields& trailers) {
    c.Feed(HeadersFrame(id, Request(std::string(method))));
    ResponseHead head(c.stream(id).arena());
    head.status = status;
    head.body = body;
    head.headers.Add("x-a", "b");
    head.headers.Add(Known::kConnection, "close");  // HTTP/1's
    if (method == "HEAD") head.declared_length = 9;
    c.codec.SendHead(id, head);
    c.codec.SendData(id, AsBytes("hel"));
    c.codec.SendData(id, AsBytes("lo"));
    HeaderList list(c.stream(id).arena());
    for (const auto& [name, value] : trailers) list.Add(name, value);
    c.codec.SendEnd(id, list);
    c.codec.Finish(id);
    return c.Frames();
  };
  using Kind = BodyLength::Kind;
  EXPECT_EQ(respond(1, "GET", 200, {Kind::kKnown, 5}, {}),
            "1 headers :status=200 x-a=b content-length=5\n1 data hello end\n");
  EXPECT_EQ(respond(3, "GET", 200, {Kind::kUnknown}, {}),
            "3 headers :status=200 x-a=b\n3 data hello end\n");
  EXPECT_EQ(respond(5, "GET", 200, {Kind::kUnknown}, {{"grpc-status", "0"}}),
            "5 headers :status=200 x-a=b\n5 data hello\n5 headers grpc-status=0 end\n");
  EXPECT_EQ(respond(7, "GET", 200, {}, {}), "7 headers :status=200 x-a=b end\n");
  EXPECT_EQ(respond(9, "HEAD", 200, {}, {}), "9 headers :status=200 x-a=b content-length=9 end\n");
  EXPECT_EQ(respond(11, "GET", 304, {}, {}), "11 headers :status=304 x-a=b end\n");
  EXPECT_TRUE(c.codec.idle());
}

TEST(H2Server, SendsInterimHeads) {
  Connection c;
  c.answering = false;
  c.Feed(HeadersFrame(1, Request()));
  HeaderList hints(c.stream(1).arena());
  hints.Add("link", "</a>");
  c.codec.SendInformational(1, 103, hints);
  c.Answer(1, c.stream(1));
  EXPECT_EQ(c.Frames(),
            "1 headers :status=103 link=</a>\n1 headers :status=200 content-length=2\n"
            "1 data ok end\n");
}

TEST(H2Server, EndsARequestThatIsOfNoMoreUse) {
  Connection c;
  c.answering = false;
  c.Feed(HeadersFrame(1, kPost, kEndHeaders));
  c.Answer(1, c.stream(1));
  EXPECT_EQ(c.Frames(),
            "1 headers :status=200 content-length=2\n1 data ok end\n1 reset NO_ERROR\n");
  EXPECT_TRUE(c.codec.idle());
  c.Feed(DataFrame(1, "late", kEndStream));  // under way: no error
  EXPECT_EQ(c.Frames(), "");
  EXPECT_FALSE(c.codec.wants_close());
}

TEST(H2Server, AnswersFromWithinTheHead) {
  Connection c;
  c.answering = false;
  c.factory.on_stream = [&](StreamId id, RecordingStream& stream) {
    stream.on_head = [&c, id, &stream] { c.Answer(id, stream); };
  };
  c.Feed(HeadersFrame(1, Request()) + HeadersFrame(3, kPost, kEndHeaders) + DataFrame(3, "x"));
  EXPECT_EQ(c.Frames(),
            "1 headers :status=200 content-length=2\n3 headers :status=200 content-length=2\n"
            "1 data ok end\n3 data ok end\n3 reset NO_ERROR\n");
}

TEST(H2Server, ResetsAResponseThatCannotBeCompleted) {
  Connection c;
  c.answering = false;
  c.Feed(HeadersFrame(1, Request()));
  ResponseHead head(c.stream(1).arena());
  head.status = 200;
  head.body.kind = BodyLength::Kind::kUnknown;
  c.codec.SendHead(1, head);
  c.codec.SendData(1, AsBytes("part"));
  c.Frames();
  c.codec.SendReset(1, core::MakeFault(core::FaultCode::kUpstreamTruncated));
  c.codec.Finish(1);
  EXPECT_EQ(c.Frames(), "1 reset INTERNAL_ERROR\n");
  EXPECT_TRUE(c.codec.idle());
  EXPECT_EQ(c.Journaled(), "GET http a a / body none\nend\n");
}

// ---- back-pressure ------------------------------------------------------------------------------

TEST(H2Server, QueuesWithinABoundWhatTheWindowDoesNotTake) {
  Connection c;
  c.answering = false;
  c.Feed(SettingsFrame({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10}}) + HeadersFrame(1, Request()));
  ResponseHead head(c.stream(1).arena());
  head.status = 200;
  head.body.kind = BodyLength::Kind::kUnknown;
  c.codec.SendHead(1, head);
  EXPECT_TRUE(c.codec.SendData(1, AsBytes(std::string(20'000, 'a'))));
  EXPECT_FALSE(c.codec.SendData(1, AsBytes(std::string(20'000, 'b'))));
  EXPECT_EQ(c.Frames(), "1 headers :status=200\n1 data aaaaaaaaaa\n");
  c.Journaled();
  c.Feed(WindowUpdate(1, 100));
  EXPECT_EQ(c.Journaled(), "");
  c.Feed(WindowUpdate(1, 39'000));
  EXPECT_EQ(c.Journaled(), "writable\n");
  HeaderList trailers(c.stream(1).arena());
  trailers.Add("x", "y");
  c.codec.SendEnd(1, trailers);
  c.codec.Finish(1);
  c.Frames();
  c.Feed(WindowUpdate(1, 39'000));
  EXPECT_EQ(c.Frames(), "1 data " + std::string(40'000 - 39'110, 'b') + "\n1 headers x=y end\n");
  EXPECT_EQ(c.buffers.used(), 0u);
}

TEST(H2Server, StopsWritingWhileTheSocketDoesNotTakeIt) {
  Connection c;
  c.answering = false;
  c.Feed(HeadersFrame(1, Request()));
  ResponseHead head(c.stream(1).arena());
  head.status = 200;
  head.body.kind = BodyLength::Kind::kUnknown;
  c.codec.SendHead(1, head);
  c.Frames();
  c.transport.unsent_bytes = c.limits.high_watermark_bytes + 1;
  EXPECT_FALSE(c.codec.SendData(1, AsBytes(std::string(10'000, 'a'))));
  EXPECT_EQ(c.Frames(), "");
  c.Journaled();
  c.transport.unsent_bytes = 0;
  c.codec.OnFlushed();
  EXPECT_EQ(c.Journaled(), "writable\n");
  EXPECT_EQ(c.Frames(), "1 data " + std::string(10'000, 'a') + "\n");
}

TEST(H2Server, GivesTheWindowBackOnlyToWhoReads) {
  Connection c;
  c.answering = false;
  c.Feed(HeadersFrame(1, kPost, kEndHeaders));
  c.codec.PauseRequest(1, true);
  for (int i = 0; i < 15; ++i) c.Feed(DataFrame(1, std::string(16'384, 'x')));
  c.Frames();
  c.reader.window_updates = 0;
  EXPECT_EQ(c.stream(1).bytes, 15u * 16'384);
  c.codec.PauseRequest(1, false);
  c.Frames();
  EXPECT_EQ(c.reader.window_updates, 15u * 16'384);  // the stream's; the connection's is larger
}

TEST(H2Server, GivesTheConnectionsWindowBackWhenAPausedStreamEnds) {
  Connection c;
  c.answering = false;
  for (StreamId id = 1; id < 20; id += 2) {
    c.Feed(HeadersFrame(id, kPost, kEndHeaders));
    c.codec.PauseRequest(id, true);
    for (int i = 0; i < 15; ++i) c.Feed(DataFrame(id, std::string(16'384, 'x')));
    c.Feed(RstStream(id));
  }
  EXPECT_FALSE(c.codec.wants_close());  // more than the connection's window in all
  EXPECT_EQ(c.Frames(), "");
  EXPECT_GT(c.reader.window_updates, 1'000'000u);
}

// ---- abuse --------------------------------------------------------------------------------------

constexpr std::string_view kCalm = "ENHANCE_YOUR_CALM";

// Feeds `round` until the codec ends the connection; how many rounds it took, or -1.
int RoundsUntilCalm(Connection& c, int most, const std::function<std::string(int)>& round) {
  for (int i = 0; i < most; ++i) {
    c.Feed(round(i));
    const std::string frames = c.Frames();
    c.Journaled();
    if (frames.find(kCalm) != std::string::npos) {
      EXPECT_TRUE(c.codec.wants_close());
      return i;
    }
    if (c.codec.wants_close()) return i;
  }
  return -1;
}

StreamId Odd(int i) { return static_cast<StreamId>(2 * i + 1); }

TEST(H2Server, EndsFloods) {
  const std::string window_overflow = WindowUpdate(0, 0);
  struct Row {
    std::string_view what;
    int bound;
    std::function<std::string(int)> round;
  };
  const Row rows[] = {
      {"rapid reset", 1000,
       [](int i) { return HeadersFrame(Odd(i), kPost, kEndHeaders) + RstStream(Odd(i)); }},
      {"resets that we are made to send: empty window update", 1000,
       [](int i) { return HeadersFrame(Odd(i), kPost, kEndHeaders) + WindowUpdate(Odd(i), 0); }},
      {"the same by window overflow", 1000,
       [](int i) {
         return HeadersFrame(Odd(i), kPost, kEndHeaders) + WindowUpdate(Odd(i), 0x7fffffff);
       }},
      {"the same by a wrong length", 1000,
       [](int i) {
         return HeadersFrame(Odd(i), kPost + Fields{{"content-length", "0"}}, kEndHeaders) +
                DataFrame(Odd(i), "x");
       }},
      {"the same by a bad field", 1000,
       [](int i) { return HeadersFrame(Odd(i), Request() + Fields{{"A", "b"}}); }},
      {"empty DATA", 200,
       [](int i) {
         return (i == 0 ? HeadersFrame(1, kPost, kEndHeaders) : std::string()) + DataFrame(1, "");
       }},
      {"DATA of a byte", 11'000,
       [](int i) {
         return (i == 0 ? HeadersFrame(1, kPost, kEndHeaders) : std::string()) + DataFrame(1, "x");
       }},
      {"DATA that is padding", 11'000,
       [](int i) {
         return (i == 0 ? HeadersFrame(1, kPost, kEndHeaders) : std::string()) +
                Frame(NGHTTP2_DATA, kPadded, 1, "\x08x" + std::string(8, 0));
       }},
      {"PING", 11'000, [](int) { return Frame(NGHTTP2_PING, 0, 0, "12345678"); }},
      {"SETTINGS", 11'000, [](int) { return SettingsFrame(); }},
      {"PRIORITY", 11'000,
       [](int) { return Frame(NGHTTP2_PRIORITY, 0, 1, Number(3, 4) + "\x01"); }},
      {"unknown frames", 11'000, [](int) { return Frame(0x77, 0, 0, "x"); }},
      {"empty CONTINUATION", 20,
       [](int i) {
         return i == 0 ? HeadersFrame(1, Request(), 0) : Frame(NGHTTP2_CONTINUATION, 0, 1, "");
       }},
  };
  for (const Row& row : rows) {
    Connection c;
    const int rounds = RoundsUntilCalm(c, 30'000, row.round);
    EXPECT_GE(rounds, 0) << row.what;
    EXPECT_LE(rounds, row.bound) << row.what;
    EXPECT_TRUE(c.codec.idle() || c.codec.wants_close()) << row.what;
  }
}

TEST(H2Server, EndsAFloodOfAcknowledgementsThatNobodyReads) {
  Connection c;
  c.transport.unsent_bytes = c.limits.high_watermark_bytes + 1;
  int pings = 0;
  while (!c.codec.wants_close() && pings < 5'000) {
    c.Feed(Frame(NGHTTP2_PING, 0, 0, "12345678"));
    ++pings;
  }
  EXPECT_LE(pings, 1'100);
  EXPECT_LT(c.transport.output.size(), 100u);
}

TEST(H2Server, TellsEveryStreamOfALostConnection) {
  Connection c;
  c.answering = false;
  c.Feed(HeadersFrame(1, Request()) + HeadersFrame(3, kPost, kEndHeaders));
  c.Journaled();
  c.codec.OnConnectionLost(core::MakeFault(core::FaultCode::kClientGone));
  EXPECT_EQ(c.Journaled(), "reset client_gone\nreset client_gone\n");
  EXPECT_TRUE(c.codec.wants_close());
  c.Answer(1, c.stream(1));  // too late, and harmless
}

TEST(H2Server, TellsAStreamThatItsClientResetIt) {
  Connection c;
  c.answering = false;
  c.Feed(HeadersFrame(1, Request()) + RstStream(1));
  EXPECT_EQ(c.Journaled(), "GET http a a / body none\nend\nreset client_gone\n");
  EXPECT_TRUE(c.codec.idle());
}

TEST(H2Server, DrainsInTwoSteps) {
  Connection c;
  c.answering = false;
  c.Feed(HeadersFrame(1, Request()));
  c.codec.Drain();
  EXPECT_EQ(c.Frames(), "goaway 2147483647 NO_ERROR\nping\n");
  c.Feed(HeadersFrame(3, Request()));  // under way
  c.Feed(Frame(NGHTTP2_PING, kAck, 0, "drain\0\0\0"s));
  EXPECT_EQ(c.Frames(), "goaway 3 NO_ERROR\n");
  c.Answer(1, c.stream(1));
  EXPECT_FALSE(c.codec.wants_close());
  c.Answer(3, c.stream(3));
  c.Frames();
  EXPECT_TRUE(c.codec.wants_close());
}

TEST(H2Server, RefusesABadPreface) {
  RecordingTransport transport;
  core::EventLoop loop;
  core::BufferPool buffers;
  DateCache date(loop);
  core::Limits limits;
  Journal journal;
  RecordingFactory factory(journal);
  H2ServerCodec codec(transport, factory, limits, false, {loop, buffers, date});
  codec.OnBytes(AsBytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_TRUE(codec.wants_close());
}

// ---- what libnghttp2 lets pass ------------------------------------------------------------------

struct GuardRow {
  std::string_view what;
  std::string frames;
  std::string_view goaway;  // empty: the connection goes on
};

std::string Priority(uint32_t id, uint32_t dependency) {
  return Frame(NGHTTP2_PRIORITY, 0, id, Number(dependency, 4) + "\x10");
}

const GuardRow kGuarded[] = {
    {"DATA on a half-closed stream", Get(Request()) + DataFrame(1, "x"), "STREAM_CLOSED"},
    {"HEADERS on a half-closed stream", Get(Request()) + Get(Request()), "STREAM_CLOSED"},
    {"DATA behind the end", Post({}, "x") + DataFrame(1, "y"), "STREAM_CLOSED"},
    {"DATA behind trailers", Trailers({{"a", "b"}}) + DataFrame(1, "y"), "STREAM_CLOSED"},
    {"DATA behind RST_STREAM",
     HeadersFrame(1, kPost, kEndHeaders) + RstStream(1) + DataFrame(1, "x"), "STREAM_CLOSED"},
    {"HEADERS behind RST_STREAM",
     HeadersFrame(1, kPost, kEndHeaders) + RstStream(1) + HeadersFrame(1, kPost), "STREAM_CLOSED"},
    {"an id that goes back", HeadersFrame(5, Request()) + HeadersFrame(3, Request()),
     "PROTOCOL_ERROR"},
    {"DATA on an id that was passed over", HeadersFrame(5, Request()) + DataFrame(3, "x"),
     "STREAM_CLOSED"},
    {"a stream that depends on itself",
     Frame(NGHTTP2_HEADERS, kEndStream | kEndHeaders | kPriority, 1,
           Number(1, 4) + "\x10" + Hpack(Request())),
     "PROTOCOL_ERROR"},
    {"the same, padded",
     Frame(NGHTTP2_HEADERS, kEndStream | kEndHeaders | kPriority | kPadded, 1,
           "\0"s + Number(1, 4) + "\x10" + Hpack(Request())),
     "PROTOCOL_ERROR"},
    {"PRIORITY on itself", Priority(3, 3), "PROTOCOL_ERROR"},
    {"PRIORITY on stream 0", Priority(0, 1), "PROTOCOL_ERROR"},
    {"PRIORITY of a wrong size", Frame(NGHTTP2_PRIORITY, 0, 3, "1234"), "FRAME_SIZE_ERROR"},
    {"even id", HeadersFrame(2, Request()), "PROTOCOL_ERROR"},
    {"DATA on an idle stream", DataFrame(1, "x"), "PROTOCOL_ERROR"},
    {"RST_STREAM on an idle stream", RstStream(1), "PROTOCOL_ERROR"},
    {"WINDOW_UPDATE on an idle stream", WindowUpdate(1, 1), "PROTOCOL_ERROR"},
    {"PING of a wrong size", Frame(NGHTTP2_PING, 0, 0, "1234"), "FRAME_SIZE_ERROR"},
    {"frame that is too large", Frame(NGHTTP2_DATA, 0, 1, std::string(16'385, 'x')),
     "FRAME_SIZE_ERROR"},
    {"CONTINUATION out of place", Frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, ""),
     "PROTOCOL_ERROR"},
    {"PUSH_PROMISE", Frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 1, Number(2, 4)), "PROTOCOL_ERROR"},
    {"broken HPACK",
     Frame(NGHTTP2_HEADERS, kEndStream | kEndHeaders, 1, "\xff\xff\xff\xff\xff\xff"),
     "COMPRESSION_ERROR"},
    {"RST_STREAM twice", HeadersFrame(1, kPost, kEndHeaders) + RstStream(1) + RstStream(1), ""},
    {"PRIORITY on a closed stream", Get(Request()) + RstStream(1) + Priority(1, 3), ""},
    {"WINDOW_UPDATE behind the end", Get(Request()) + WindowUpdate(1, 10), ""},
    {"ids that skip",
     HeadersFrame(1, Request()) + HeadersFrame(9'001, Request()) + HeadersFrame(9'003, Request()),
     ""},
    {"trailers beside a newer stream",
     HeadersFrame(1, kPost, kEndHeaders) + HeadersFrame(3, Request()) +
         HeadersFrame(1, {{"a", "b"}}),
     ""},
};

TEST(H2Server, EndsConnectionsThatBreakTheStreamStates) {
  for (const GuardRow& row : kGuarded) {
    for (size_t piece : {std::string_view::npos, size_t{1}, size_t{10}}) {
      Connection c;
      c.answering = false;
      c.Feed(row.frames, piece);
      const std::string frames = c.Frames();
      const size_t at = frames.find("goaway");
      const std::string line =
          at == std::string::npos ? std::string() : frames.substr(at, frames.find('\n', at) - at);
      EXPECT_EQ(line.substr(line.rfind(' ') + 1), row.goaway) << row.what << "\n" << frames;
      EXPECT_EQ(c.codec.wants_close(), !row.goaway.empty()) << row.what;
    }
  }
}

TEST(H2Server, ResetsAStreamWhoseWindowOverflows) {
  Connection c;
  c.answering = false;
  c.Feed(HeadersFrame(1, kPost, kEndHeaders) + WindowUpdate(1, 0x7fff0000) +
         HeadersFrame(3, Request()));
  EXPECT_EQ(c.Frames(), "");  // as large as it may be
  c.Feed(WindowUpdate(1, 0x40000000) + WindowUpdate(3, 0x40000000));
  EXPECT_EQ(c.Frames(), "1 reset FLOW_CONTROL_ERROR\n");
  EXPECT_FALSE(c.codec.wants_close());
}

TEST(H2Server, ToleratesWhatWasUnderWayWhenItResetAStream) {
  Connection c;
  c.answering = false;
  c.Feed(HeadersFrame(1, kPost, kEndHeaders));
  c.codec.SendReset(1, core::MakeFault(core::FaultCode::kUpstreamReset));
  c.codec.Finish(1);
  EXPECT_EQ(c.Frames(), "1 reset INTERNAL_ERROR\n");
  c.Feed(DataFrame(1, "late") + HeadersFrame(1, {{"a", "b"}}) + HeadersFrame(3, Request()));
  EXPECT_EQ(c.Frames(), "");
  EXPECT_TRUE(c.Journaled().ends_with("GET http a a / body none\nend\n"));
}

}  // namespace
}  // namespace sluice::http
