// A small HTTPS server with HTTP/2 on loopback, in the loop of the test: nghttp2 over BoringSSL
// with a certificate of its own. A handler answers each request, at once or bit by bit.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/fd.h"

namespace sluice::kube {

// A key and a certificate signed by itself, as PEM.
struct TestIdentity {
  std::string key, certificate;

  static TestIdentity Make(const std::string& name, const std::string& alternative_names) {
    bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
    CHECK(EC_KEY_generate_key(ec.get()));
    bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
    CHECK(EVP_PKEY_set1_EC_KEY(key.get(), ec.get()));
    bssl::UniquePtr<X509> x509(X509_new());
    X509_set_version(x509.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
    X509_NAME* subject = X509_get_subject_name(x509.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const uint8_t*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x509.get(), subject);
    X509_set_pubkey(x509.get(), key.get());
    Extend(x509.get(), NID_basic_constraints, "critical,CA:TRUE");
    if (!alternative_names.empty()) Extend(x509.get(), NID_subject_alt_name, alternative_names);
    CHECK(X509_sign(x509.get(), key.get(), EVP_sha256()));
    return {Pem([&](BIO* bio) {
              return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr,
                                                   nullptr);
            }),
            Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, x509.get()); })};
  }

 private:
  static void Extend(X509* x509, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
    bssl::UniquePtr<X509_EXTENSION> extension(
        X509V3_EXT_nconf_nid(nullptr, &context, nid, value.c_str()));
    CHECK(X509_add_ext(x509, extension.get(), -1));
  }
  static std::string Pem(const std::function<int(BIO*)>& write) {
    bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
    CHECK(write(bio.get()));
    const uint8_t* bytes = nullptr;
    size_t size = 0;
    CHECK(BIO_mem_contents(bio.get(), &bytes, &size));
    return {reinterpret_cast<const char*>(bytes), size};
  }
};

class H2Server {
 public:
  // A request, and what is sent in answer.
  class Stream {
   public:
    std::map<std::string, std::string> headers;  // ":path" too
    std::string body;
    std::string client;  // the name in the client's certificate; "": it gave none

    void Begin(int code, std::vector<std::pair<std::string, std::string>> fields = {}) {
      fields.insert(fields.begin(), {":status", absl::StrCat(code)});
      std::vector<nghttp2_nv> block;
      for (auto& [name, value] : fields) {
        block.push_back({.name = reinterpret_cast<uint8_t*>(name.data()),
                         .value = reinterpret_cast<uint8_t*>(value.data()),
                         .namelen = name.size(),
                         .valuelen = value.size(),
                         .flags = 0});
      }
      nghttp2_data_provider data = {.source = {.ptr = this}, .read_callback = ReadOut};
      CHECK_EQ(nghttp2_submit_response(session_, id_, block.data(), block.size(), &data), 0);
      flush_();
    }
    void Write(std::string_view bytes, bool end = false) {
      out_.append(bytes);
      end_ = end;
      nghttp2_session_resume_data(session_, id_);
      flush_();
    }
    void Answer(int code, std::string_view text) {
      Begin(code);
      Write(text, true);
    }
    void Reset() {
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id_, NGHTTP2_INTERNAL_ERROR);
      flush_();
    }
    bool gone() const { return gone_; }  // the client has closed it

   private:
    friend class H2Server;
    static ssize_t ReadOut(nghttp2_session*, int32_t, uint8_t* to, size_t size, uint32_t* flags,
                           nghttp2_data_source* source, void*) {
      auto& stream = *static_cast<Stream*>(source->ptr);
      if (stream.out_.empty() && !stream.end_) return NGHTTP2_ERR_DEFERRED;
      const size_t count = std::min(size, stream.out_.size());
      stream.out_.copy(reinterpret_cast<char*>(to), count);
      stream.out_.erase(0, count);
      if (stream.out_.empty() && stream.end_) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(count);
    }
    nghttp2_session* session_ = nullptr;
    int32_t id_ = 0;
    std::string out_;
    bool end_ = false;
    bool gone_ = false;
    std::function<void()> flush_;
  };
  using Handler = std::function<void(const std::shared_ptr<Stream>&)>;

  H2Server(core::EventLoop& loop, Handler handler, uint16_t port = 0)
      : loop_(loop),
        handler_(std::move(handler)),
        identity_(TestIdentity::Make("server", "IP:127.0.0.1,DNS:api.test")),
        context_(SSL_CTX_new(TLS_method())),
        listen_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
        pollable_{.on_ready = [](void* self, uint32_t) { static_cast<H2Server*>(self)->Accept(); },
                  .self = this} {
    UseIdentity();
    const int one = 1;
    ::setsockopt(listen_.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(::bind(listen_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    CHECK_EQ(::listen(listen_.get(), 16), 0);
    socklen_t size = sizeof address;
    ::getsockname(listen_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    CHECK(loop_.AddLevel(listen_.get(), pollable_));
  }
  ~H2Server() { loop_.Remove(listen_.get(), pollable_); }

  uint16_t port() const { return port_; }
  std::string url() const { return absl::StrCat("https://127.0.0.1:", port_); }
  const std::string& authority() const { return identity_.certificate; }
  int accepted() const { return accepted_; }
  void Drop() { connections_.clear(); }
  // Connections stay, and nothing is read from them any more.
  void Freeze() {
    for (auto& connection : connections_) connection->frozen = true;
  }

 private:
  struct Connection {
    H2Server& server;
    core::Fd fd;
    core::Pollable pollable;
    bssl::UniquePtr<SSL> ssl;
    nghttp2_session* session = nullptr;
    std::map<int32_t, std::shared_ptr<Stream>> streams;
    bool frozen = false;

    ~Connection() {
      server.loop_.Remove(fd.get(), pollable);
      for (auto& [id, stream] : streams) stream->flush_ = [] {};
      nghttp2_session_del(session);
    }
  };

  void UseIdentity() {
    bssl::UniquePtr<BIO> key(BIO_new_mem_buf(identity_.key.data(), -1));
    bssl::UniquePtr<BIO> pem(BIO_new_mem_buf(identity_.certificate.data(), -1));
    bssl::UniquePtr<EVP_PKEY> pkey(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
    bssl::UniquePtr<X509> x509(PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr));
    CHECK(SSL_CTX_use_certificate(context_.get(), x509.get()));
    CHECK(SSL_CTX_use_PrivateKey(context_.get(), pkey.get()));
    // Any certificate of a client will do.
    SSL_CTX_set_custom_verify(context_.get(), SSL_VERIFY_PEER,
                              [](SSL*, uint8_t*) { return ssl_verify_ok; });
    SSL_CTX_set_alpn_select_cb(
        context_.get(),
        [](SSL*, const uint8_t** out, uint8_t* out_size, const uint8_t*, unsigned, void*) -> int {
          *out = reinterpret_cast<const uint8_t*>("h2");
          *out_size = 2;
          return SSL_TLSEXT_ERR_OK;
        },
        nullptr);
  }

  void Accept() {
    core::Fd fd(::accept4(listen_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) return;
    ++accepted_;
    connections_.push_back(std::make_unique<Connection>(*this, std::move(fd)));
    Connection& connection = *connections_.back();
    connection.pollable = {.on_ready =
                               [](void* self, uint32_t) {
                                 auto& it = *static_cast<Connection*>(self);
                                 it.server.Read(it);
                               },
                           .self = &connection};
    connection.ssl.reset(SSL_new(context_.get()));
    SSL_set_fd(connection.ssl.get(), connection.fd.get());
    SSL_set_accept_state(connection.ssl.get());
    StartSession(connection);
    CHECK(loop_.AddLevel(connection.fd.get(), connection.pollable));
  }

  void StartSession(Connection& connection) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
           const uint8_t* value, size_t value_size, uint8_t, void* self) -> int {
          std::string key(reinterpret_cast<const char*>(name), name_size);
          StreamOf(self, frame->hd.stream_id).headers[key] =
              std::string(reinterpret_cast<const char*>(value), value_size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
           void* self) -> int {
          StreamOf(self, id).body.append(reinterpret_cast<const char*>(data), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) -> int {
          const bool request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
          if (!request || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
          auto& it = *static_cast<Connection*>(self);
          it.server.ready_.push_back(it.streams.at(frame->hd.stream_id));
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, int32_t id, uint32_t, void* self) -> int {
          auto& it = *static_cast<Connection*>(self);
          auto node = it.streams.extract(id);
          if (node.empty()) return 0;
          node.mapped()->gone_ = true;
          node.mapped()->flush_ = [] {};
          return 0;
        });
    nghttp2_session_server_new(&connection.session, callbacks, &connection);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_settings_entry settings = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100};
    nghttp2_submit_settings(connection.session, NGHTTP2_FLAG_NONE, &settings, 1);
  }

  static Stream& StreamOf(void* self, int32_t id) {
    auto& connection = *static_cast<Connection*>(self);
    std::shared_ptr<Stream>& stream = connection.streams[id];
    if (stream == nullptr) {
      stream = std::make_shared<Stream>();
      stream->session_ = connection.session;
      stream->id_ = id;
      stream->client = ClientOf(connection.ssl.get());
      stream->flush_ = [&connection] { connection.server.Flush(connection); };
    }
    return *stream;
  }

  static std::string ClientOf(SSL* ssl) {
    bssl::UniquePtr<X509> x509(SSL_get_peer_certificate(ssl));
    if (x509 == nullptr) return "";
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(x509.get()), NID_commonName, name, sizeof name);
    return name;
  }

  void Read(Connection& connection) {
    if (connection.frozen) {
      loop_.ModifyLevel(connection.fd.get(), connection.pollable, 0);
      return;
    }
    for (uint8_t chunk[16384];;) {
      const int n = SSL_read(connection.ssl.get(), chunk, sizeof chunk);
      if (n > 0) {
        CHECK_GE(nghttp2_session_mem_recv(connection.session, chunk, static_cast<size_t>(n)), 0);
        continue;
      }
      if (SSL_get_error(connection.ssl.get(), n) != SSL_ERROR_WANT_READ) {
        std::erase_if(connections_, [&](const auto& each) { return each.get() == &connection; });
        return;
      }
      break;
    }
    if (SSL_in_init(connection.ssl.get()) == 0) Flush(connection);
    for (const auto& stream : std::exchange(ready_, {})) handler_(stream);
  }

  // Answers here are small enough for a socket's buffer, or the test waits for the client.
  void Flush(Connection& connection) {
    const uint8_t* data = nullptr;
    for (ssize_t n; (n = nghttp2_session_mem_send(connection.session, &data)) > 0;) {
      for (ssize_t sent = 0; sent < n;) {
        const int written =
            SSL_write(connection.ssl.get(), data + sent, static_cast<int>(n - sent));
        if (written <= 0) return;  // the client is gone; Read will see it
        sent += written;
      }
    }
  }

  core::EventLoop& loop_;
  Handler handler_;
  TestIdentity identity_;
  bssl::UniquePtr<SSL_CTX> context_;
  core::Fd listen_;
  core::Pollable pollable_;
  uint16_t port_ = 0;
  int accepted_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Stream>> ready_;  // complete requests
};

}  // namespace sluice::kube
