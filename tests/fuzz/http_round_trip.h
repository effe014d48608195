// The property that keeps smugglers out: what a codec has delivered, written to a backend by ours
// and read again as strictly, is the same single message. Used by the fuzz targets of the codecs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "../unit/dataplane/http/recorders.h"
#include "absl/log/check.h"
#include "dataplane/http/h1_client.h"
#include "dataplane/http/h1_server.h"

namespace sluice::http {

inline core::EventLoop& FuzzLoop() {
  static core::EventLoop loop;
  return loop;
}

inline DateCache& FuzzDate() {
  static DateCache date(FuzzLoop());
  return date;
}

// A stream that forwards its request with an H1ClientCodec into a transport.
class Forwarder final : public RequestReceiver, public ResponseReceiver {
 public:
  Forwarder(StreamId id, Journal& journal, const core::Limits& limits)
      : id_(id), recorder_(journal, pool_), request_arena_(pool_), upstream_(to_backend, limits) {}

  void OnRequestHead(RequestHead& head) override {
    CHECK(!head.method.empty() && !head.target.empty());
    recorder_.OnRequestHead(head);
    forwarded = !head.authority.empty() && head.upgrade.empty();
    host_ = head.authority;
    exchange_ = upstream_.Open(*this);
    upstream_.SendHead(exchange_, head);
  }
  void OnRequestData(Bytes data) override {
    recorder_.OnRequestData(data);
    upstream_.SendData(exchange_, data);
  }
  void OnRequestEnd(HeaderList& trailers) override {
    recorder_.OnRequestEnd(trailers);
    upstream_.SendEnd(exchange_, trailers);
    ended = true;
  }
  void OnRequestReset(core::Fault fault) override {
    recorder_.OnRequestReset(fault);
    reset = true;
  }
  void OnResponseWritable() override {}
  core::Arena& arena() override { return request_arena_; }

  void OnInformational(int, HeaderList&) override {}
  void OnResponseHead(ResponseHead&) override {}
  void OnResponseData(Bytes) override {}
  void OnResponseEnd(HeaderList&) override {}
  void OnResponseReset(core::Fault) override {}
  void OnRequestWritable() override {}
  core::Arena& response_arena() override { return request_arena_; }

  StreamId id() const { return id_; }

  RecordingTransport to_backend;
  bool forwarded = false;
  bool ended = false;
  bool reset = false;

 private:
  StreamId id_;
  core::ArenaPool pool_;
  RecordingStream recorder_;
  core::Arena request_arena_;
  H1ClientCodec upstream_;
  StreamId exchange_ = 0;
  std::string_view host_;
};

// The journal without what a hop may change: the version, the scheme and why something failed.
inline std::string WithoutHop(std::string text) {
  for (std::string_view word : {" http/1.0", " https "}) {
    for (size_t at; (at = text.find(word)) != std::string::npos;) {
      text.replace(at, word.size(), word == " https " ? " http " : "");
    }
  }
  return text;
}

inline std::string WithoutReasons(const std::string& text) {
  std::string kept;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at) + 1;
    const std::string line = text.substr(at, end - at);
    if (line.starts_with("reset ") || line.starts_with("rejected ")) {
      kept += line.substr(0, line.find(' ')) + "\n";
    } else {
      kept += line;
    }
    at = end;
  }
  return kept;
}

// What a strict reader sees in what a backend got.
inline std::string ReadAsBackend(const std::string& bytes, const core::Limits& limits) {
  Journal journal;
  RecordingTransport transport;
  RecordingFactory factory(journal);
  H1ServerCodec codec(transport, factory, limits, false, FuzzDate());
  const size_t taken = codec.OnBytes(AsBytes(bytes));
  CHECK_EQ(taken, bytes.size()) << "more than one request reached the backend";
  return journal.Take();
}

// A backend's limits are not ours to test: serialising adds a few fields.
inline core::Limits BackendLimits() {
  core::Limits limits;
  limits.header_fields += 16;
  limits.header_block_bytes *= 2;
  limits.header_field_bytes *= 4;
  limits.request_line_bytes *= 2;
  return limits;
}

}  // namespace sluice::http
