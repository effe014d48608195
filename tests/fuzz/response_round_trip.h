// The same property the other way round: a client reads of the response that we write what we have
// read of the backend's. Used by the fuzz targets of the client codecs.
#pragma once

#include "http_round_trip.h"

namespace sluice::http {

// Receives a response and sends it on to a client.
class Relay final : public ResponseReceiver {
 public:
  Relay(const core::Limits& limits, std::string_view request) : factory_(unused_) {
    factory_.on_stream = [this](StreamId, RecordingStream& stream) { downstream_ = &stream; };
    server_ = std::make_unique<H1ServerCodec>(to_client, factory_, limits, false, FuzzDate());
    server_->OnBytes(AsBytes(request));
  }

  void OnInformational(int status, HeaderList& headers) override {
    CHECK(!over);
    recorder_.OnInformational(status, headers);
    CHECK(status >= 100 && status < 200 && status != 101);
    server_->SendInformational(1, status, headers);
  }
  void OnResponseHead(ResponseHead& head) override {
    CHECK(!over);
    recorder_.OnResponseHead(head);
    server_->SendHead(1, head);
  }
  void OnResponseData(Bytes data) override {
    CHECK(!over);
    recorder_.OnResponseData(data);
    server_->SendData(1, data);
  }
  void OnResponseEnd(HeaderList& trailers) override {
    recorder_.OnResponseEnd(trailers);
    server_->SendEnd(1, trailers);
    CHECK(!std::exchange(over, true));
    ended = true;
  }
  void OnResponseReset(core::Fault fault) override {
    CHECK(!std::exchange(over, true));
    recorder_.OnResponseReset(fault);
  }
  void OnRequestWritable() override {}
  core::Arena& response_arena() override { return recorder_.response_arena(); }

  Journal journal;
  RecordingTransport to_client;
  bool ended = false;  // well
  bool over = false;   // it was told of its end, well or not

 private:
  Journal unused_;
  RecordingFactory factory_;
  RecordingStream* downstream_ = nullptr;
  RecordingResponse recorder_{journal};
  std::unique_ptr<H1ServerCodec> server_;
};

inline void Send(H1ClientCodec& codec, ResponseReceiver& receiver, bool head_request,
                 bool upgrade) {
  RequestHead head(receiver.response_arena());
  head.method = head_request ? "HEAD" : "GET";
  head.authority = "a";
  head.target = "/";
  if (upgrade) head.upgrade = "websocket";
  const StreamId id = codec.Open(receiver);
  codec.SendHead(id, head);
  if (!upgrade) codec.SendEnd(id, HeaderList(receiver.response_arena()));
}

// What a client reads of what we have sent to it. Our Date is no part of the response.
inline std::string ReadAsClient(const std::string& bytes, bool head_request) {
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

inline std::string LastMessage(const std::string& journal) {
  size_t at = 0;
  for (size_t next; (next = journal.find("interim ", at)) == at;) {
    at = journal.find("\n\n", next);
    at = at == std::string::npos ? journal.size() : at + 2;
  }
  return journal.substr(at);
}

inline std::string WithoutDate(std::string text) {
  const size_t head_end = std::min(text.find("\ndata "), text.find("\nend\n"));
  const size_t at = text.find("\n  date: ");
  if (at < head_end) text.erase(at, text.find('\n', at + 1) - at);
  return text;
}

}  // namespace sluice::http
