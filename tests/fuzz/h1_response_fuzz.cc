// What a backend can send. The first byte chooses the request's method and whether it asked for an
// upgrade, the second the size of the pieces that the rest comes in. Besides not crashing: however
// it is split, the same is delivered, and a client reads of our response what we have read.
#include <cstddef>
#include <cstdint>

#include "response_round_trip.h"

namespace {

using namespace sluice;
using namespace sluice::http;

struct Exchange {
  std::string journal;
  std::string to_client;
  bool ended;
};

Exchange Run(Bytes input, size_t piece, int mode, const core::Limits& limits) {
  const bool head_request = (mode & 1) != 0;
  const bool upgrade = !head_request && (mode & 2) != 0;
  Relay relay(limits, upgrade        ? "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                                       "Upgrade: websocket\r\n\r\n"
                      : head_request ? "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
                                     : "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  RecordingTransport to_backend;
  H1ClientCodec codec(to_backend, limits);
  Send(codec, relay, head_request, upgrade);
  while (!input.empty()) {
    const Bytes offered = input.first(std::min(piece, input.size()));
    input = input.subspan(offered.size());
    if (codec.OnBytes(offered)) break;
  }
  codec.OnEof();
  CHECK(!codec.can_open());
  return {relay.journal.Take(), relay.to_client.Take(), relay.ended};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const int mode = data[0];
  const size_t piece = size_t{data[1]} + 1;
  const Bytes input(data + 2, size - 2);
  core::Limits limits;
  limits.header_field_bytes = 512;  // in reach of a short input
  limits.chunk_extension_bytes = 64;
  const Exchange whole = Run(input, input.size() + 1, mode, limits);
  const Exchange split = Run(input, piece, mode, limits);
  CHECK_EQ(whole.journal, split.journal);
  const bool tunnel = whole.journal.find("101 body") == 0;
  if (whole.ended && !tunnel && (mode & 2) == 0) {
    const std::string echoed = ReadAsClient(whole.to_client, (mode & 1) != 0);
    CHECK_EQ(WithoutDate(LastMessage(echoed)), WithoutDate(LastMessage(whole.journal)));
  }
  return 0;
}
