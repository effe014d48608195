// An HTTP/2 backend on loopback for tests, by prior knowledge: libnghttp2's server session over a
// blocking peer, a thread a connection. What it does with a request is the test's to say.
#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loopback.h"

namespace sluice::worker {

using Fields = std::vector<std::pair<std::string, std::string>>;

// One connection. All calls from within Options::serve, on the connection's thread.
class H2Serving {
 public:
  struct Request {
    int32_t id = 0;
    std::map<std::string, std::string> headers, trailers;
    std::string body;
    size_t bytes = 0;  // of the body
    bool ended = false;
    const std::string& path() { return headers[":path"]; }
  };
  struct Options {
    // Called when a request has ended; with `at_head` also when its head is there, and for data.
    std::function<void(H2Serving&, Request&)> serve;
    bool at_head = false;
    bool keep_body = true;
    std::optional<uint32_t> max_streams = {};  // none: says nothing of it
    uint32_t window_bytes = 1 << 20;
  };

  H2Serving(Peer& peer, const Options& options) : peer_(peer), options_(options) {
    nghttp2_session_callbacks* callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    std::vector<nghttp2_settings_entry> settings = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.window_bytes}};
    if (options.max_streams) {
      settings.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, *options.max_streams});
    }
    nghttp2_submit_settings(session_, 0, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(
        session_, 0, 0, static_cast<int32_t>(std::max(65535u, options.window_bytes)));
  }
  ~H2Serving() { nghttp2_session_del(session_); }
  H2Serving(const H2Serving&) = delete;
  H2Serving& operator=(const H2Serving&) = delete;

  // Until the other side closes, or Close.
  void Run() {
    while (!closed_ && Flush()) {
      const std::string bytes = peer_.ReadSome();
      if (bytes.empty() && !peer_.timed_out()) return;
      if (nghttp2_session_mem_recv2(session_, reinterpret_cast<const uint8_t*>(bytes.data()),
                                    bytes.size()) < 0) {
        return;
      }
    }
  }

  void Answer(int32_t id, std::string body, const Fields& headers = {}, const Fields& trailers = {},
              std::string_view status = "200") {
    Begin(id, status, headers);
    Send(id, std::move(body), true, trailers);
  }
  // A head without a body: trailers only, as gRPC calls it.
  void AnswerWithHead(int32_t id, std::string_view status, const Fields& headers) {
    const std::vector<nghttp2_nv> fields = HeadOf(status, headers);
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_END_STREAM, id, nullptr, fields.data(),
                           fields.size(), nullptr);
  }
  void Begin(int32_t id, std::string_view status, const Fields& headers) {
    Body& body = *(bodies_[id] = std::make_unique<Body>());
    const std::vector<nghttp2_nv> fields = HeadOf(status, headers);
    nghttp2_data_provider2 provider = {.source = {.ptr = &body}, .read_callback = ReadBody};
    nghttp2_submit_response2(session_, id, fields.data(), fields.size(), &provider);
  }
  void Send(int32_t id, std::string data, bool end, const Fields& trailers = {}) {
    auto found = bodies_.find(id);
    if (found == bodies_.end()) return;  // closed by the other side
    found->second->data += data;
    found->second->end = end;
    found->second->trailers = trailers;
    nghttp2_session_resume_data(session_, id);
  }
  void Reset(int32_t id, uint32_t code) { nghttp2_submit_rst_stream(session_, 0, id, code); }
  void GoAway(int32_t last) { nghttp2_submit_goaway(session_, 0, last, 0, nullptr, 0); }
  // What was said so far leaves first.
  void Close() {
    Flush();
    closed_ = true;
  }
  Peer& peer() { return peer_; }
  size_t open() const { return requests_.size(); }
  int requests() const { return requests_seen_; }

 private:
  struct Body {
    std::string data;
    size_t sent = 0;
    bool end = false;
    Fields trailers;
  };

  static H2Serving& Self(void* user) { return *static_cast<H2Serving*>(user); }
  static nghttp2_nv Field(std::string_view name, std::string_view value) {
    return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
            reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
            NGHTTP2_NV_FLAG_NONE};
  }
  static std::vector<nghttp2_nv> HeadOf(std::string_view status, const Fields& headers) {
    std::vector<nghttp2_nv> fields = {Field(":status", status)};
    for (const auto& [name, value] : headers) fields.push_back(Field(name, value));
    return fields;
  }
  bool Flush() {
    const uint8_t* data;
    nghttp2_ssize size;
    while ((size = nghttp2_session_mem_send2(session_, &data)) > 0) {
      if (!peer_.Send({reinterpret_cast<const char*>(data), static_cast<size_t>(size)})) {
        return false;
      }
    }
    return size == 0;
  }

  static nghttp2_ssize ReadBody(nghttp2_session* session, int32_t id, uint8_t* out, size_t room,
                                uint32_t* flags, nghttp2_data_source* source, void*) {
    Body& body = *static_cast<Body*>(source->ptr);
    const size_t n = std::min(room, body.data.size() - body.sent);
    std::copy_n(body.data.data() + body.sent, n, out);
    body.sent += n;
    if (body.sent == body.data.size() && body.end) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!body.trailers.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        std::vector<nghttp2_nv> fields;
        for (const auto& [name, value] : body.trailers) fields.push_back(Field(name, value));
        nghttp2_submit_trailer(session, id, fields.data(), fields.size());
      }
    } else if (n == 0) {
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<nghttp2_ssize>(n);
  }
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                      void* user) {
    Request& request = Self(user).requests_[frame->hd.stream_id];
    request.id = frame->hd.stream_id;
    auto& fields = frame->headers.cat == NGHTTP2_HCAT_REQUEST ? request.headers : request.trailers;
    fields[std::string(reinterpret_cast<const char*>(name), name_size)] =
        std::string(reinterpret_cast<const char*>(value), value_size);
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2Serving& self = Self(user);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    auto found = self.requests_.find(frame->hd.stream_id);
    if (found == self.requests_.end()) return 0;
    Request& request = found->second;
    request.ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      ++self.requests_seen_;
    }
    if (request.ended || self.options_.at_head) self.options_.serve(self, request);
    return 0;
  }
  static int OnData(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                    void* user) {
    H2Serving& self = Self(user);
    auto found = self.requests_.find(id);
    if (found == self.requests_.end()) return 0;
    found->second.bytes += size;
    if (self.options_.keep_body) {
      found->second.body.append(reinterpret_cast<const char*>(data), size);
    }
    return 0;
  }
  static int OnClose(nghttp2_session*, int32_t id, uint32_t, void* user) {
    Self(user).requests_.erase(id);
    Self(user).bodies_.erase(id);
    return 0;
  }

  Peer& peer_;
  const Options& options_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Request> requests_;  // whose streams are open
  std::map<int32_t, std::unique_ptr<Body>> bodies_;
  int requests_seen_ = 0;
  bool closed_ = false;
};

class H2Backend {
 public:
  explicit H2Backend(H2Serving::Options options)
      : options_(std::move(options)), backend_([this](Peer& peer) {
          H2Serving serving(peer, options_);
          serving.Run();
        }) {}
  explicit H2Backend(std::function<void(H2Serving&, H2Serving::Request&)> serve)
      : H2Backend(H2Serving::Options{.serve = std::move(serve)}) {}

  uint16_t port() const { return backend_.port(); }
  int connections() const { return backend_.connections(); }

 private:
  H2Serving::Options options_;
  Backend backend_;
};

}  // namespace sluice::worker
