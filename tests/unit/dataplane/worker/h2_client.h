// An HTTP/2 client on loopback for tests: libnghttp2's client session over a blocking channel, in
// the clear or over TLS. One thread; calls drive the session until what they wait for is there, or
// until the channel has been silent for 5 s.
#pragma once

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loopback.h"

namespace sluice::worker {

// A TLS client on a connection of its own.
class TlsPeer {
 public:
  // `protocol`: offered by ALPN; "" offers none.
  TlsPeer(uint16_t port, const std::string& name, std::string_view protocol)
      : peer_(Peer::Connect(port)),
        context_(SSL_CTX_new(TLS_method())),
        ssl_(SSL_new(context_.get())) {
    SSL_set_verify(ssl_.get(), SSL_VERIFY_NONE, nullptr);
    SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
    if (!protocol.empty()) {
      const std::string list = static_cast<char>(protocol.size()) + std::string(protocol);
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const uint8_t*>(list.data()), list.size());
    }
    SSL_set_fd(ssl_.get(), peer_.fd());
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  bool connected() const { return connected_; }
  SSL* ssl() { return ssl_.get(); }
  Peer& peer() { return peer_; }

  bool Send(std::string_view text) {
    return SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) ==
           static_cast<int>(text.size());
  }
  std::string ReadSome() {
    pollfd ready = {.fd = peer_.fd(), .events = POLLIN, .revents = 0};
    if (SSL_pending(ssl_.get()) == 0 && poll(&ready, 1, 5000) != 1) return {};
    char bytes[16 * 1024];
    const int n = SSL_read(ssl_.get(), bytes, sizeof bytes);
    return n <= 0 ? std::string() : std::string(bytes, static_cast<size_t>(n));
  }

 private:
  Peer peer_;
  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL> ssl_;
  bool connected_ = false;
};

class H2Client {
 public:
  struct Answer {
    int status = 0;
    std::vector<int> informational;
    std::map<std::string, std::string> headers, trailers;
    std::string body;
    bool headers_done = false, ended = false;
    int reset = -1;  // the error code of RST_STREAM
    bool over() const { return ended || reset >= 0; }
    // "200 body", "200 body RST 2", "RST 8".
    std::string text() const {
      std::string all = status == 0 ? "" : absl::StrCat(status, " ", body);
      if (reset >= 0) absl::StrAppend(&all, all.empty() ? "" : " ", "RST ", reset);
      return all + (over() ? "" : " ...");
    }
  };
  struct Options {
    uint32_t window_bytes = 1 << 20;  // of a stream, and of the connection
    bool give_windows_back = true;
  };

  template <typename Channel>
  explicit H2Client(Channel& channel) : H2Client(channel, Options{}) {}
  template <typename Channel>
  H2Client(Channel& channel, Options options)
      : send_([&channel](std::string_view bytes) { return channel.Send(bytes); }),
        receive_([&channel] { return channel.ReadSome(); }) {
    Begin(options);
  }
  ~H2Client() { nghttp2_session_del(session_); }
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;

  struct Request {
    std::string method = "GET", path = "/", authority = "a.example", scheme = "http";
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string body = {};
    bool open = false;  // more follows by Send, the last of it by End
    std::vector<std::pair<std::string, std::string>> trailers = {};
  };
  int32_t Open(const Request& request) {
    std::vector<nghttp2_nv> fields;
    for (const auto& [name, value] :
         {std::pair<std::string_view, std::string_view>{":method", request.method},
          {":scheme", request.scheme},
          {":authority", request.authority},
          {":path", request.path}}) {
      fields.push_back(Field(name, value));
    }
    for (const auto& [name, value] : request.headers) fields.push_back(Field(name, value));
    auto body = std::make_unique<Body>(Body{request.body, !request.open, request.trailers});
    nghttp2_data_provider2 provider = {.source = {.ptr = body.get()}, .read_callback = ReadBody};
    const bool has_body = request.open || !request.body.empty() || !request.trailers.empty();
    const int32_t id = nghttp2_submit_request2(session_, nullptr, fields.data(), fields.size(),
                                               has_body ? &provider : nullptr, nullptr);
    bodies_[id] = std::move(body);
    answers_[id];
    Flush();
    return id;
  }
  void Send(int32_t id, std::string_view data, bool end = false) {
    Body& body = *bodies_[id];
    body.data += data;
    body.end = end;
    nghttp2_session_resume_data(session_, id);
    Flush();
  }
  void Reset(int32_t id, uint32_t code = NGHTTP2_CANCEL) {
    nghttp2_submit_rst_stream(session_, 0, id, code);
    Flush();
  }
  void GiveWindow(int32_t id, int32_t bytes) {
    nghttp2_submit_window_update(session_, 0, id, bytes);
    Flush();
  }
  void Ping() {
    nghttp2_submit_ping(session_, 0, nullptr);
    Flush();
  }

  const Answer& answer(int32_t id) { return answers_[id]; }
  // Bytes of a request's body that have not left yet.
  size_t pending(int32_t id) { return bodies_[id]->data.size(); }
  bool goaway() const { return goaway_; }
  bool at_end() const { return at_end_; }

  // Reads until `done`; false: the connection ended or was silent first.
  bool RunUntil(const std::function<bool()>& done) {
    while (!done()) {
      if (at_end_) return false;
      const std::string bytes = receive_();
      if (bytes.empty()) {
        at_end_ = true;
        continue;
      }
      if (nghttp2_session_mem_recv2(session_, reinterpret_cast<const uint8_t*>(bytes.data()),
                                    bytes.size()) < 0) {
        at_end_ = true;
      }
      Flush();
    }
    return true;
  }
  const Answer& Await(int32_t id) {
    RunUntil([&] { return answers_[id].over(); });
    return answers_[id];
  }
  const Answer& Get(const std::string& path) { return Await(Open({.path = path})); }

 private:
  struct Body {
    std::string data;
    bool end;
    std::vector<std::pair<std::string, std::string>> trailers;
  };

  static nghttp2_nv Field(std::string_view name, std::string_view value) {
    return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
            reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
            NGHTTP2_NV_FLAG_NONE};
  }
  static H2Client& Self(void* user) { return *static_cast<H2Client*>(user); }

  void Begin(Options options) {
    nghttp2_session_callbacks* callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_option* option;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, options.give_windows_back ? 0 : 1);
    nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                           options.window_bytes};
    nghttp2_submit_settings(session_, 0, &window, 1);
    nghttp2_session_set_local_window_size(
        session_, 0, 0, static_cast<int32_t>(std::max(65535u, options.window_bytes)));
    Flush();
  }
  void Flush() {
    const uint8_t* data;
    nghttp2_ssize size;
    while ((size = nghttp2_session_mem_send2(session_, &data)) > 0) {
      if (!send_({reinterpret_cast<const char*>(data), static_cast<size_t>(size)})) return;
    }
  }

  static nghttp2_ssize ReadBody(nghttp2_session* session, int32_t id, uint8_t* out, size_t room,
                                uint32_t* flags, nghttp2_data_source* source, void*) {
    Body& body = *static_cast<Body*>(source->ptr);
    const size_t n = std::min(room, body.data.size());
    std::copy_n(body.data.data(), n, out);
    body.data.erase(0, n);
    if (body.data.empty() && body.end) {
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
    Answer& answer = Self(user).answers_[frame->hd.stream_id];
    const std::string key(reinterpret_cast<const char*>(name), name_size);
    const std::string text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":status") {
      if (answer.status != 0) answer.informational.push_back(answer.status);
      (void)absl::SimpleAtoi(text, &answer.status);
    } else if (frame->headers.cat == NGHTTP2_HCAT_HEADERS && answer.status >= 200 &&
               answer.headers_done) {
      answer.trailers[key] = text;
    } else {
      answer.headers[key] = text;
    }
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2Client& self = Self(user);
    Answer& answer = self.answers_[frame->hd.stream_id];
    if (frame->hd.type == NGHTTP2_HEADERS && answer.status >= 200) answer.headers_done = true;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
      // A reset after the end only says that the rest of the request is of no use.
      if (!answer.ended) answer.reset = static_cast<int>(frame->rst_stream.error_code);
    } else if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
               (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      answer.ended = true;
    }
    if (frame->hd.type == NGHTTP2_GOAWAY) self.goaway_ = true;
    return 0;
  }
  static int OnData(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                    void* user) {
    Self(user).answers_[id].body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int OnClose(nghttp2_session*, int32_t id, uint32_t code, void* user) {
    Answer& answer = Self(user).answers_[id];
    if (!answer.ended && answer.reset < 0) answer.reset = static_cast<int>(code);
    return 0;
  }

  std::function<bool(std::string_view)> send_;
  std::function<std::string()> receive_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Answer> answers_;
  std::map<int32_t, std::unique_ptr<Body>> bodies_;
  bool goaway_ = false;
  bool at_end_ = false;
};

}  // namespace sluice::worker
