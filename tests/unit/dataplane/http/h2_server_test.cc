#include "dataplane/http/h2_server.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace sluice::http
