// What a stranger can send to an HTTP/2 port, behind the preface. The first byte chooses the size
// of the pieces, and whether requests are answered, left open or paused. Besides not crashing:
// each request that is delivered whole reaches an HTTP/1 backend as that one request, and nothing
// stays allocated or open for a connection that is over.
#include <cstddef>
#include <cstdint>

#include "dataplane/http/h2_server.h"
#include "http_round_trip.h"

namespace {

using namespace sluice;
using namespace sluice::http;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class Factory final : public StreamFactory {
 public:
  explicit Factory(const core::Limits& limits) : limits_(limits) {}

  RequestReceiver& NewStream(StreamId id) override {
    journals.push_back(std::make_unique<Journal>());
    streams.push_back(std::make_unique<Forwarder>(id, *journals.back(), limits_));
    return *streams.back();
  }
  void OnRejected(core::Fault) override {}

  std::vector<std::unique_ptr<Journal>> journals;
  std::vector<std::unique_ptr<Forwarder>> streams;

 private:
  const core::Limits& limits_;
};

void Answer(H2ServerCodec& codec, Forwarder& stream) {
  static const std::vector<uint8_t> body(40'000, 'x');
  ResponseHead head(stream.arena());
  head.status = 200;
  head.body.kind = BodyLength::Kind::kUnknown;
  HeaderList trailers(stream.arena());
  trailers.Add("x-sum", "1");
  codec.SendHead(stream.id(), head);
  codec.SendData(stream.id(), body);
  codec.SendEnd(stream.id(), trailers);
  codec.Finish(stream.id());
}

void CheckForwarded(Factory& factory, size_t i, const core::Limits& limits) {
  Forwarder& stream = *factory.streams[i];
  if (!stream.ended || stream.reset || !stream.forwarded) return;
  const std::string echoed = ReadAsBackend(stream.to_backend.output, limits);
  CHECK_EQ(WithoutHop(echoed), WithoutHop(factory.journals[i]->text()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const bool answers = (data[0] & 1) != 0;
  const bool pauses = (data[0] & 2) != 0;
  const size_t piece = size_t{data[0]} / 4 == 0 ? size : size_t{data[0]} / 4;
  Bytes input(data + 1, size - 1);
  const core::Limits limits;
  const core::Limits backend_limits = BackendLimits();
  core::BufferPool buffers;
  {
    RecordingTransport transport;
    Factory factory(limits);
    H2ServerCodec codec(transport, factory, limits, true, {FuzzLoop(), buffers, FuzzDate()});
    codec.OnBytes(AsBytes(kPreface));
    size_t checked = 0;
    while (!input.empty() && !codec.wants_close()) {
      const Bytes offered = input.first(std::min(piece, input.size()));
      input = input.subspan(offered.size());
      codec.OnBytes(offered);
      for (; checked < factory.streams.size() && factory.streams[checked]->ended; ++checked) {
        CheckForwarded(factory, checked, backend_limits);
        if (answers) Answer(codec, *factory.streams[checked]);
        if (pauses) codec.PauseRequest(factory.streams[checked]->id(), true);
      }
      FuzzLoop().RunOnce(0);
    }
    codec.OnConnectionLost(core::MakeFault(core::FaultCode::kClientGone));
    CHECK(codec.wants_close());
  }
  CHECK_EQ(buffers.used(), 0u);
  return 0;
}
