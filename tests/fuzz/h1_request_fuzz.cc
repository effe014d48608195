// What a stranger can send to an HTTP/1 port. The first byte chooses the size of the pieces that
// the rest comes in. Besides not crashing: however it is split, the same is delivered; after an
// error nothing more is; and each request delivered reaches a backend as that one request.
#include <cstddef>
#include <cstdint>

#include "http_round_trip.h"

namespace {

using namespace sluice;
using namespace sluice::http;

class Factory final : public StreamFactory {
 public:
  explicit Factory(const core::Limits& limits) : limits_(limits) {}

  RequestReceiver& NewStream(StreamId id) override {
    CHECK(!rejected_) << "a request after one that was rejected";
    streams.push_back(std::make_unique<Forwarder>(id, journal, limits_));
    return *streams.back();
  }
  void OnRejected(core::Fault fault) override {
    rejected_ = true;
    journal.Add("rejected " + std::string(core::FlagName(fault.code)));
  }

  Journal journal;
  std::vector<std::unique_ptr<Forwarder>> streams;

 private:
  const core::Limits& limits_;
  bool rejected_ = false;
};

void Answer(H1ServerCodec& codec, Forwarder& stream) {
  ResponseHead head(stream.arena());
  head.status = 200;
  codec.SendHead(stream.id(), head);
  codec.SendEnd(stream.id(), HeaderList(stream.arena()));
  codec.Finish(stream.id());
}

// A connection that is served: what was delivered, and whether each request reached the backend as
// it was.
class Connection {
 public:
  Connection(const core::Limits& limits, bool forwards)
      : factory_(limits),
        forwards_(forwards),
        codec_(transport_, factory_, limits, false, FuzzDate()) {}

  void Feed(Bytes bytes) {
    while (!bytes.empty() && codec_.wants_bytes()) {
      bytes = bytes.subspan(codec_.OnBytes(bytes));
      Settle();
    }
  }

  std::string End() {
    codec_.OnEof();
    return all_ + factory_.journal.Take();
  }

 private:
  // Answers a request that has ended.
  void Settle() {
    if (factory_.streams.empty()) return;
    Forwarder& stream = *factory_.streams.back();
    if (!stream.ended || stream.reset) return;
    stream.ended = false;
    const std::string seen = factory_.journal.Take();
    all_ += seen;
    if (stream.forwarded && forwards_) {
      const std::string echoed = ReadAsBackend(stream.to_backend.output, BackendLimits());
      CHECK_EQ(WithoutHop(echoed), WithoutHop(seen));
    }
    Answer(codec_, stream);
  }

  Factory factory_;
  const bool forwards_;
  RecordingTransport transport_;
  H1ServerCodec codec_;
  std::string all_;
};

std::string Serve(Bytes input, size_t piece, bool forwards, const core::Limits& limits) {
  Connection connection(limits, forwards);
  while (!input.empty()) {
    const Bytes offered = input.first(std::min(piece, input.size()));
    input = input.subspan(offered.size());
    connection.Feed(offered);
  }
  return connection.End();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const size_t piece = size_t{data[0]} + 1;
  const Bytes input(data + 1, size - 1);
  core::Limits limits;
  limits.header_field_bytes = 512;  // in reach of a short input
  limits.request_line_bytes = 256;
  limits.chunk_extension_bytes = 64;
  const std::string whole = Serve(input, input.size() + 1, true, limits);
  const std::string split = Serve(input, piece, false, limits);
  CHECK_EQ(WithoutReasons(whole), WithoutReasons(split));
  return 0;
}
