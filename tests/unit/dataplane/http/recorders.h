// Stand-ins for what surrounds a codec in the proxy. They record every call as a line of text, so
// that a test compares the whole of what happened.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/core/arena.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/limits.h"
#include "dataplane/http/codec.h"
#include "dataplane/http/date_cache.h"

namespace sluice::http {

inline Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline std::string AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class RecordingTransport final : public Transport {
 public:
  void Write(Bytes bytes) override {
    output += AsText(bytes);
    ++writes;
  }
  void EndWriting() override { ended = true; }
  size_t unsent() const override { return unsent_bytes; }
  void PauseReading(bool paused_now) override { paused = paused_now; }

  std::string Take() { return std::exchange(output, {}); }

  std::string output;
  size_t unsent_bytes = 0;
  int writes = 0;
  bool ended = false;
  bool paused = false;
};

inline std::string Describe(const BodyLength& body) {
  switch (body.kind) {
    case BodyLength::Kind::kNone:
      return "none";
    case BodyLength::Kind::kKnown:
      return std::to_string(body.bytes);
    case BodyLength::Kind::kUnknown:
      return "unknown";
  }
  return "?";
}

inline std::string Describe(const HeaderList& headers) {
  std::string text;
  for (const Header& header : headers) {
    text += "  " + std::string(header.name) + ": " + std::string(header.value) + "\n";
  }
  return text;
}

// Lines of what was received; data that follows data is joined.
class Journal {
 public:
  void Add(std::string line) {
    text_ += line + "\n";
    in_data_ = false;
  }
  void AddData(Bytes data) {
    if (in_data_) text_.pop_back();
    if (!in_data_) text_ += "data ";
    text_ += AsText(data) + "\n";
    in_data_ = true;
  }
  std::string Take() {
    in_data_ = false;
    return std::exchange(text_, {});
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool in_data_ = false;
};

// A stream; `on_head` and `on_end` let a test answer.
class RecordingStream final : public RequestReceiver {
 public:
  RecordingStream(Journal& journal, core::ArenaPool& pool) : journal_(journal), arena_(pool) {}

  void OnRequestHead(RequestHead& head) override {
    this->head = &head;
    std::string line = std::string(head.method) + " " + std::string(head.scheme) + " " +
                       std::string(head.authority) + " " + std::string(head.host) + " " +
                       std::string(head.target) + " body " + Describe(head.body);
    if (head.version == Version::kHttp10) line += " http/1.0";
    if (head.expect_continue) line += " expect";
    if (head.te_trailers) line += " te";
    if (!head.upgrade.empty()) line += " upgrade " + std::string(head.upgrade);
    std::string fields = Describe(head.headers);
    if (!fields.empty()) fields.pop_back();
    journal_.Add(fields.empty() ? line : line + "\n" + fields);
    if (on_head) on_head();
  }
  void OnRequestData(Bytes data) override {
    journal_.AddData(data);
    bytes += data.size();
    if (on_data) on_data();
  }
  void OnRequestEnd(HeaderList& trailers) override {
    std::string fields = Describe(trailers);
    if (!fields.empty()) fields.pop_back();
    journal_.Add(fields.empty() ? "end" : "end\n" + fields);
    ended = true;
    if (on_end) on_end();
  }
  void OnRequestReset(core::Fault fault) override {
    journal_.Add("reset " + std::string(core::FlagName(fault.code)));
    reset = true;
  }
  void OnResponseWritable() override { journal_.Add("writable"); }
  core::Arena& arena() override { return arena_; }

  std::function<void()> on_head;
  std::function<void()> on_data;
  std::function<void()> on_end;
  RequestHead* head = nullptr;
  size_t bytes = 0;
  bool ended = false;
  bool reset = false;

 private:
  Journal& journal_;
  core::Arena arena_;
};

class RecordingFactory final : public StreamFactory {
 public:
  explicit RecordingFactory(Journal& journal) : journal_(journal) {}

  RequestReceiver& NewStream(StreamId id) override {
    auto& stream = streams[id] = std::make_unique<RecordingStream>(journal_, arenas_);
    if (on_stream) on_stream(id, *stream);
    return *stream;
  }
  void OnRejected(core::Fault fault) override {
    journal_.Add("rejected " + std::string(core::FlagName(fault.code)));
  }

  std::function<void(StreamId, RecordingStream&)> on_stream;

 private:
  Journal& journal_;
  core::ArenaPool arenas_;

 public:
  std::map<StreamId, std::unique_ptr<RecordingStream>> streams;
};

// An exchange's upper end.
class RecordingResponse final : public ResponseReceiver {
 public:
  explicit RecordingResponse(Journal& journal) : journal_(journal), arena_(pool_) {}

  void OnInformational(int status, HeaderList& headers) override {
    journal_.Add("interim " + std::to_string(status) + "\n" + Describe(headers));
  }
  void OnResponseHead(ResponseHead& head) override {
    std::string line = std::to_string(head.status) + " body " + Describe(head.body);
    if (head.declared_length >= 0) line += " declared " + std::to_string(head.declared_length);
    if (!head.upgrade.empty()) line += " upgrade " + std::string(head.upgrade);
    std::string fields = Describe(head.headers);
    if (!fields.empty()) fields.pop_back();
    journal_.Add(fields.empty() ? line : line + "\n" + fields);
    if (on_head) on_head();
  }
  void OnResponseData(Bytes data) override {
    journal_.AddData(data);
    if (on_data) on_data();
  }
  void OnResponseEnd(HeaderList& trailers) override {
    std::string fields = Describe(trailers);
    if (!fields.empty()) fields.pop_back();
    journal_.Add(fields.empty() ? "end" : "end\n" + fields);
    if (on_end) on_end();
  }
  void OnResponseReset(core::Fault fault) override {
    std::string line = "reset " + std::string(core::FlagName(fault.code));
    if (fault.retry == core::Retry::kIfReused) line += " retry-if-reused";
    if (fault.retry == core::Retry::kYes) line += " retry";
    journal_.Add(line);
  }
  void OnRequestWritable() override { journal_.Add("writable"); }
  core::Arena& response_arena() override { return arena_; }

  std::function<void()> on_head;
  std::function<void()> on_data;
  std::function<void()> on_end;

 private:
  Journal& journal_;
  core::ArenaPool pool_;
  core::Arena arena_;
};

}  // namespace sluice::http
