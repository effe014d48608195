// What a backend can send. The first byte chooses the request's method and whether it asked for an
// upgrade, the second the size of the pieces that the rest comes in. Besides not crashing: however
// it is split, the same is delivered, and a client reads of our response what we have read.
#include <cstddef>
#include <cstdint>

#include "http_round_trip.h"

namespace {

using namespace sluice;
using namespace sluice::http;

// Receives a response and sends it on to a client.
class Relay final : public ResponseReceiver {
 public:
  Relay(const core::Limits& limits, std::string_view request) : factory_(unused_) {
    factory_.on_stream = [this](StreamId, RecordingStream& stream) { downstream_ = &stream; };
    server_ = std::make_unique<H1ServerCodec>(to_client, factory_, limits, false, FuzzDate());
    server_->OnBytes(AsBytes(request));
  }

  void OnInformational(int status, HeaderList& headers) override {
    recorder_.OnInformational(status, headers);
    CHECK(status >= 100 && status < 200 && status != 101);
    server_->SendInformational(1, status, headers);
  }
  void OnResponseHead(ResponseHead& head) override {
    recorder_.OnResponseHead(head);
    server_->SendHead(1, head);
  }
  void OnResponseData(Bytes data) override {
    recorder_.OnResponseData(data);
    server_->SendData(1, data);
  }
  void OnResponseEnd(HeaderList& trailers) override {
    recorder_.OnResponseEnd(trailers);
    server_->SendEnd(1, trailers);
    ended = true;
  }
  void OnResponseReset(core::Fault fault) override { recorder_.OnResponseReset(fault); }
  void OnRequestWritable() override {}
  core::Arena& response_arena() override { return recorder_.response_arena(); }

  Journal journal;
  RecordingTransport to_client;
  bool ended = false;

 private:
  Journal unused_;
  RecordingFactory factory_;
  RecordingStream* downstream_ = nullptr;
  RecordingResponse recorder_{journal};
  std::unique_ptr<H1ServerCodec> server_;
};

struct Exchange {
  std::string journal;
  std::string to_client;
  bool ended;
};

void Send(H1ClientCodec& codec, ResponseReceiver& receiver, bool head_request, bool upgrade) {
  RequestHead head(receiver.response_arena());
  head.method = head_request ? "HEAD" : "GET";
  head.authority = "a";
  head.target = "/";
  if (upgrade) head.upgrade = "websocket";
  const StreamId id = codec.Open(receiver);
  codec.SendHead(id, head);
  if (!upgrade) codec.SendEnd(id, HeaderList(receiver.response_arena()));
}

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

// What a client reads of what we have sent to it. Our Date is no part of the response.
std::string ReadAsClient(const std::string& bytes, bool head_request) {
  Journal journal;
  RecordingResponse recorder(journal);
  RecordingTransport transport;
  const core::Limits limits = BackendLimits();
  H1ClientCodec codec(transport, limits);
  Send(codec, recorder, head_request, false);
  CHECK(!codec.OnBytes(AsBytes(bytes))) << bytes;
  codec.OnEof();
  return journal.Take();
}

std::string LastMessage(const std::string& journal) {
  size_t at = 0;
  for (size_t next; (next = journal.find("interim ", at)) == at;) {
    at = journal.find("\n\n", next);
    at = at == std::string::npos ? journal.size() : at + 2;
  }
  return journal.substr(at);
}

std::string WithoutDate(std::string text) {
  const size_t head_end = std::min(text.find("\ndata "), text.find("\nend\n"));
  const size_t at = text.find("\n  date: ");
  if (at < head_end) text.erase(at, text.find('\n', at + 1) - at);
  return text;
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
