// What an HTTP/2 backend can send. The first byte chooses the size of the pieces, and whether
// responses are paused or cancelled. Besides not crashing: each response that is delivered whole is
// that one response to an HTTP/1 client, every exchange ends once, and nothing stays allocated for
// a connection that is over.
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "dataplane/http/h2_client.h"
#include "response_round_trip.h"

namespace {

using namespace sluice;
using namespace sluice::http;

// An exchange, and the client that its response is for.
struct Exchange {
  Exchange(const core::Limits& limits, std::string_view with_method)
      : method(with_method),
        relay(limits, absl::StrCat(method, " / HTTP/1.1\r\nHost: a\r\n\r\n")) {}

  void Open(H2ClientCodec& codec) {
    RequestHead head(relay.response_arena());
    head.method = method;
    head.authority = "a";
    head.target = "/";
    if (method == "POST") head.body.kind = BodyLength::Kind::kUnknown;
    id = codec.Open(relay);
    codec.SendHead(id, head);
    if (method != "POST") codec.SendEnd(id, HeaderList(relay.response_arena()));
  }

  std::string_view method;
  Relay relay;
  StreamId id = 0;
};

void CheckRelayed(Exchange& exchange) {
  if (!exchange.relay.ended) return;
  const std::string echoed =
      ReadAsClient(exchange.relay.to_client.Take(), exchange.method == "HEAD");
  CHECK_EQ(WithoutDate(LastMessage(echoed)),
           WithoutDate(LastMessage(exchange.relay.journal.Take())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<uint8_t> body(100'000, 'x');
  if (size < 1) return 0;
  const bool pauses = (data[0] & 1) != 0;
  const bool cancels = (data[0] & 2) != 0;
  const size_t piece = size_t{data[0]} / 4 == 0 ? size : size_t{data[0]} / 4;
  Bytes input(data + 1, size - 1);
  core::Limits limits;
  limits.header_field_bytes = 512;  // in reach of a short input
  core::BufferPool buffers;
  {
    RecordingTransport transport;
    H2ClientCodec codec(transport, limits, {FuzzLoop(), buffers}, 100);
    std::vector<std::unique_ptr<Exchange>> exchanges;
    for (std::string_view method : {"GET", "HEAD", "POST", "GET"}) {
      exchanges.push_back(std::make_unique<Exchange>(limits, method));
      exchanges.back()->Open(codec);
    }
    codec.SendData(exchanges[2]->id, body);
    if (pauses) codec.PauseResponse(exchanges[0]->id, true);
    core::Fault fault;
    while (!input.empty() && !fault) {
      const Bytes offered = input.first(std::min(piece, input.size()));
      input = input.subspan(offered.size());
      fault = codec.OnBytes(offered);
      if (cancels) codec.Cancel(exchanges[3]->id);
      FuzzLoop().RunOnce(0);
      transport.Take();
    }
    codec.OnEof();
    CHECK(codec.idle() && !codec.can_open());
    for (size_t i = 0; i < exchanges.size(); ++i)
      CHECK(exchanges[i]->relay.over || (cancels && i == 3));
    for (auto& exchange : exchanges) CheckRelayed(*exchange);
  }
  CHECK_EQ(buffers.used(), 0u);
  return 0;
}
