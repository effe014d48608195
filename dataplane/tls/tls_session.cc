#include "dataplane/tls/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/log/check.h"
#include "dataplane/tls/client_hello.h"

namespace sluice::tls {
namespace {

// Record sizes. A client can use a record once all of it has arrived, so after a pause, while the
// congestion window is small (10 segments, RFC 6928), records are a few segments long; then full,
// because each record costs CPU on both sides.
constexpr uint32_t kSmallRecordBytes = 4 * 1024;
constexpr uint32_t kFullRecordBytes = 16 * 1024;
constexpr uint32_t kSmallRecordsUpTo = 16 * 1024;
constexpr uint64_t kIdleMs = 1000;
constexpr size_t kMaxWrite = 1 << 30;  // SSL_write takes an int

core::Bytes ExtensionOf(const SSL_CLIENT_HELLO& hello, uint16_t type) {
  const uint8_t* data;
  size_t size;
  if (!SSL_early_callback_ctx_extension_get(&hello, type, &data, &size)) return {};
  return {data, size};
}

}  // namespace

// BoringSSL reads the lent input and appends to the output queue; it never waits for the output.
struct TlsSession::Io {
  static TlsSession& SessionOf(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int Read(BIO* bio, char* out, int size) {
    BIO_clear_retry_flags(bio);
    core::Bytes& in = SessionOf(bio).in_;
    const size_t n = std::min(in.size(), static_cast<size_t>(size));
    if (n == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(out, in.data(), n);
    in = in.subspan(n);
    return static_cast<int>(n);
  }

  static int Write(BIO* bio, const char* bytes, int size) {
    SessionOf(bio).out_.Append(std::string_view(bytes, static_cast<size_t>(size)));
    return size;
  }

  static long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* MakeMethod() {
    BIO_METHOD* method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sluice");
    CHECK(method != nullptr && BIO_meth_set_read(method, Read) &&
          BIO_meth_set_write(method, Write) && BIO_meth_set_ctrl(method, Control));
    return method;
  }

  static BIO* Make(TlsSession& session) {
    static const BIO_METHOD* const kMethod = MakeMethod();
    BIO* bio = BIO_new(kMethod);
    CHECK(bio != nullptr);
    BIO_set_data(bio, &session);
    BIO_set_init(bio, 1);
    return bio;
  }
};

TlsSession::TlsSession(std::shared_ptr<const TlsContexts> contexts, snapshot::GroupId group,
                       core::ByteQueue& out)
    : ssl_(SSL_new(contexts->context())), out_(out), contexts_(std::move(contexts)), group_(group) {
  CHECK(ssl_ != nullptr);
  BIO* bio = Io::Make(*this);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_accept_state(ssl_.get());
  SSL_set_shed_handshake_config(ssl_.get(), 1);
}

void TlsSession::Feed(core::Bytes in) {
  DCHECK(in_.empty());
  in_ = in;
}

TlsSession::ReadResult TlsSession::Read(std::span<uint8_t> out) {
  ReadResult result;
  if (fault_) return {0, State::kFailed};
  if (!done_) {
    result.state = Handshake();
    if (!done_) return result;
  }
  while (result.bytes < out.size()) {
    const int n = SSL_read(ssl_.get(), out.data() + result.bytes,
                           static_cast<int>(out.size() - result.bytes));
    if (n <= 0) {
      result.state = StateOf(n);
      return result;
    }
    result.bytes += static_cast<size_t>(n);
  }
  result.state = State::kMore;
  return result;
}

TlsSession::State TlsSession::Handshake() {
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) return StateOf(result);
  done_ = true;
  contexts_.reset();
  return State::kMore;
}

// What a call of BoringSSL that returned `result` (<= 0) means.
TlsSession::State TlsSession::StateOf(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return State::kWantInput;
    case SSL_ERROR_ZERO_RETURN:
      in_ = {};
      return State::kClosed;
    default:
      error_ = ERR_peek_error();
      ERR_clear_error();
      in_ = {};
      fault_ = core::MakeFault(core::FaultCode::kTlsFailure);
      return State::kFailed;
  }
}

core::Fault TlsSession::Write(core::Bytes in, uint64_t now_ms) {
  DCHECK(done_);
  if (now_ms - last_write_ms_ >= kIdleMs) burst_bytes_ = 0;
  last_write_ms_ = now_ms;
  while (!in.empty() && !fault_) {
    const bool small = burst_bytes_ < kSmallRecordsUpTo;
    SSL_set_max_send_fragment(ssl_.get(), small ? kSmallRecordBytes : kFullRecordBytes);
    const size_t n = small ? std::min<size_t>(in.size(), kSmallRecordsUpTo - burst_bytes_)
                           : std::min<size_t>(in.size(), kMaxWrite);
    const int written = SSL_write(ssl_.get(), in.data(), static_cast<int>(n));
    if (written <= 0) {
      (void)StateOf(written);
      break;
    }
    if (small) burst_bytes_ += static_cast<uint32_t>(n);
    in = in.subspan(n);
  }
  return fault_;
}

void TlsSession::Shutdown() {
  if (!done_ || fault_) return;
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

std::string_view TlsSession::failure() const {
  const char* name = ERR_reason_symbol_name(error_);
  return error_ == 0 || name == nullptr ? "" : name;
}

bool TlsSession::is_h2() const {
  const uint8_t* protocol;
  unsigned size;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
  return core::AsText({protocol, size}) == "h2";
}

std::string_view TlsSession::server_name() const {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? "" : name;
}

std::string_view TlsSession::cipher() const {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get());
  return cipher == nullptr ? "" : SSL_CIPHER_standard_name(cipher);
}

std::string_view TlsSession::group_name() const {
  const char* name = SSL_get_group_name(SSL_get_group_id(ssl_.get()));
  return name == nullptr ? "" : name;
}

ssl_select_cert_result_t TlsSession::OnClientHello(const SSL_CLIENT_HELLO* hello) {
  TlsSession& session = *static_cast<TlsSession*>(SSL_get_app_data(hello->ssl));
  return session.ChooseListener(*hello) ? ssl_select_cert_success : ssl_select_cert_error;
}

bool TlsSession::ChooseListener(const SSL_CLIENT_HELLO& hello) {
  const core::Bytes name_extension = ExtensionOf(hello, TLSEXT_TYPE_server_name);
  const ServerName name = ServerName::FromExtension(name_extension);
  const auto listener = contexts_->FindListener(group_, name.text());
  if (!listener) {
    SSL_send_fatal_alert(ssl_.get(), SSL_AD_UNRECOGNIZED_NAME);
    return false;
  }
  listener_ = *listener;
  const std::span<const uint8_t> session_context = contexts_->SessionContext(listener_);
  bool ok = SSL_set_session_id_context(ssl_.get(), session_context.data(), session_context.size());
  for (const Identity* identity : contexts_->ChooseIdentities(listener_, name.text())) {
    ok = ok && SSL_add1_credential(ssl_.get(), identity->credential.get());
  }
  const core::Bytes key_share = ExtensionOf(hello, TLSEXT_TYPE_key_share);
  if (!key_share.empty()) {
    const auto order = OrderGroups(key_share);
    if (!std::ranges::equal(order, PreferredGroups())) {
      ok = ok && SSL_set1_group_ids(ssl_.get(), order.data(), order.size());
    }
  }
  return ok;
}

}  // namespace sluice::tls
