#include "dataplane/listener/connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/http/h1_server.h"
#include "dataplane/http/h2_server.h"

namespace sluice::listener {
namespace {

using core::Bytes;
using core::FaultCode;
using core::MakeFault;

// RFC 9113 3.4: what a client with prior knowledge begins with.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kRecordBytes = 16 * 1024;  // the most that one TLS record carries
static_assert(kRecordBytes == core::BufferPool::kBufferBytes, "a buffer is sealed as one record");
constexpr uint64_t kLingerMs = 2'000;

}  // namespace

Connection::Connection(ConnectionContext& context)
    : context_(context),
      socket_(context.io, *this),
      plain_(context.io.buffers),
      held_(context.io.buffers),
      timer_([](void* self) { static_cast<Connection*>(self)->OnTimer(); }, this),
      settle_([](void* self) { static_cast<Connection*>(self)->Settle(); }, this) {
  ++context_.counters.open;
}

Connection::~Connection() {
  for (stream::Stream** list : {&streams_, &done_streams_}) {
    while (*list != nullptr) {
      stream::Stream* gone = *list;
      *list = gone->next;
      delete gone;
    }
  }
  --context_.counters.open;
}

bool Connection::Open(core::Fd fd, const std::shared_ptr<const tls::TlsContexts>& contexts) {
  client_text = client.text();
  client_ip = std::string_view(client_text).substr(0, client_text.rfind(':'));
  if (client.ipv6()) client_ip = client_ip.substr(1, client_ip.size() - 2);
  local_port = absl::StrCat(local.port());
  protocol = "HTTP/1.1";
  const stream::Routing& routing = context_.streams.routing->routing();
  const Arrival& arrival = ArrivalIn(routing);
  if (!arrival.port) return false;
  https = routing.routes->IsHttps(*arrival.port);
  if (https) {
    tls_ = std::make_unique<tls::TlsSession>(contexts, *arrival.port, socket_.out());
    handshake_routing_ = context_.streams.routing;
    phase_ = Phase::kHandshake;
  }
  if (!socket_.Open(std::move(fd), false)) return false;
  ArmTimer();
  return true;
}

// ---- in -----------------------------------------------------------------------------------------

void Connection::OnBytes(Bytes bytes) {
  context_.counters.bytes_in += bytes.size();
  if (phase_ >= Phase::kClosing) return;  // read on only so that the close is not a reset
  if (tls_) {
    OnCiphertext(bytes);
  } else {
    Deliver(bytes);
  }
  if (phase_ != Phase::kClosed) context_.io.loop.Defer(settle_);
}

void Connection::OnCiphertext(Bytes bytes) {
  using State = tls::TlsSession::State;
  tls_->Feed(bytes);
  State state = State::kMore;
  while (state == State::kMore && phase_ < Phase::kClosing) {
    const tls::TlsSession::ReadResult got = tls_->Read(context_.plaintext);
    state = got.state;
    if (phase_ == Phase::kHandshake && tls_->handshake_done()) OnHandshakeDone();
    if (got.bytes > 0) Deliver(context_.plaintext.first(got.bytes));
  }
  socket_.ScheduleFlush();
  if (state == State::kClosed) OnEof();
  if (state == State::kFailed) OnTlsFailure();
}

void Connection::OnHandshakeDone() {
  ++context_.counters.handshakes;
  if (tls_->resumed()) ++context_.counters.handshakes_resumed;
  sni_listener = handshake_routing_->routes().ListenerId(tls_->listener());
  handshake_routing_ = {};
  ForgetArrival();
  MakeCodec(tls_->is_h2());
}

// The alert that says why is in the output already.
void Connection::OnTlsFailure() {
  if (phase_ == Phase::kHandshake) ++context_.counters.handshake_failures;
  if (codec_) codec_->OnConnectionLost(tls_->fault());
  BeginClose();
}

void Connection::MakeCodec(bool http2) {
  phase_ = Phase::kServing;
  http::Transport& transport = *this;
  http::StreamFactory& factory = *this;
  if (http2) {
    protocol = "HTTP/2";
    codec_ = std::make_unique<http::H2ServerCodec>(
        transport, factory, context_.limits, https,
        http::H2Context{context_.io.loop, context_.io.buffers, context_.date});
  } else {
    codec_ = std::make_unique<http::H1ServerCodec>(transport, factory, context_.limits, https,
                                                   context_.date);
  }
  if (draining_) codec_->Drain();
}

void Connection::Deliver(Bytes plaintext) {
  if (phase_ == Phase::kSniff) return Sniff(plaintext);
  Offer(plaintext);
}

// The first bytes of a cleartext connection: a preface of HTTP/2, else HTTP/1.
void Connection::Sniff(Bytes plaintext) {
  held_.Append(plaintext);
  const std::string_view begin = core::AsText(held_.Front()).substr(0, kPreface.size());
  if (!kPreface.starts_with(begin)) {
    MakeCodec(false);
  } else if (begin.size() == kPreface.size()) {
    MakeCodec(true);
  } else {
    return;  // could still become either
  }
  OfferHeld();
}

// What the codec does not take now waits, and the socket is not read on until it does.
void Connection::Offer(Bytes plaintext) {
  if (held_.empty() && codec_->wants_bytes()) {
    plaintext = plaintext.subspan(codec_->OnBytes(plaintext));
  }
  if (plaintext.empty() || codec_->wants_close()) return;
  held_.Append(plaintext);
  Pause(kHeld, true);
}

void Connection::OfferHeld() {
  while (!held_.empty() && codec_->wants_bytes()) {
    const size_t taken = codec_->OnBytes(held_.Front());
    if (taken == 0) break;
    held_.Consume(taken);
  }
  Pause(kHeld, !held_.empty());
}

void Connection::Pause(PauseReason reason, bool paused) {
  pause_ = paused ? pause_ | reason : pause_ & ~reason;
  socket_.PauseReading(pause_ != 0 && phase_ < Phase::kClosing);
}

void Connection::OnEof() {
  // An end after a failed write is no half-close: nobody is there to take the rest of an answer.
  if (socket_.broken()) return CloseNow(MakeFault(FaultCode::kClientGone));
  if (eof_) return;
  eof_ = true;
  if (phase_ >= Phase::kClosing) return CloseNow({});
  if (codec_ == nullptr) return CloseNow(MakeFault(FaultCode::kClientGone));
  codec_->OnEof();
  context_.io.loop.Defer(settle_);
}

void Connection::OnLost(int) { CloseNow(MakeFault(FaultCode::kClientGone)); }

void Connection::OnResetWhilePaused() { CloseNow(MakeFault(FaultCode::kClientGone)); }

http::RequestReceiver& Connection::NewStream(http::StreamId id) {
  awaits_first_ = false;
  auto* stream = new stream::Stream(context_.streams, *this, id);
  stream->next = streams_;
  stream->link = &streams_;
  if (streams_ != nullptr) streams_->link = &stream->next;
  streams_ = stream;
  return *stream;
}

void Connection::OnRejected(core::Fault fault) {
  ++context_.counters.rejected[static_cast<size_t>(fault.code)];
}

void Connection::OnStreamDone(stream::Stream& stream) {
  *stream.link = stream.next;
  if (stream.next != nullptr) stream.next->link = stream.link;
  stream.next = done_streams_;
  done_streams_ = &stream;
  if (phase_ != Phase::kClosed) context_.io.loop.Defer(settle_);
}

// ---- out ----------------------------------------------------------------------------------------

void Connection::Write(Bytes bytes) {
  if (tls_) return WriteTls(bytes);
  socket_.Write(bytes);
}

// Small writes gather so that a head and its body share a record; bulk is sealed where it lies.
void Connection::WriteTls(Bytes bytes) {
  if (bytes.size() >= kRecordBytes) {
    if (!plain_.empty()) {
      const size_t room = kRecordBytes - plain_.size() % kRecordBytes;
      plain_.Append(bytes.first(room));
      bytes = bytes.subspan(room);
      Seal();
    }
    const size_t whole = bytes.size() - bytes.size() % kRecordBytes;
    if (whole > 0) Encrypt(bytes.first(whole));
    bytes = bytes.subspan(whole);
  }
  plain_.Append(bytes);
  socket_.ScheduleFlush();
}

void Connection::Encrypt(Bytes bytes) {
  // A session that broke has told its reader; what would be written to it is lost with it.
  if (core::Fault fault = tls_->Write(bytes, context_.io.loop.now_ms())) plain_.Clear();
}

void Connection::EndWriting() {
  if (!tls_) return socket_.ShutdownAfterFlush();
  Seal();
  tls_->Shutdown();
  socket_.ShutdownAfterFlush();
}

void Connection::Seal() {
  while (!plain_.empty()) {
    const Bytes front = plain_.Front();
    Encrypt(front);
    plain_.Consume(front.size());
  }
}

void Connection::OnFlushed() {
  if (phase_ == Phase::kClosing) return BeginClose();
  if (!codec_) return;
  codec_->OnFlushed();
  // What was written may have been what held bytes wait for (101), or the codec's last word.
  if (!held_.empty() || codec_->wants_close()) context_.io.loop.Defer(settle_);
}

// ---- life ---------------------------------------------------------------------------------------

void Connection::Drain() {
  draining_ = true;
  if (codec_) codec_->Drain();
  context_.io.loop.Defer(settle_);
}

// The end of a turn in which something happened here.
void Connection::Settle() {
  while (done_streams_ != nullptr) {
    stream::Stream* gone = done_streams_;
    done_streams_ = gone->next;
    delete gone;
  }
  if (phase_ == Phase::kClosed) return context_.owner.OnConnectionClosed(*this);
  if (codec_ && phase_ == Phase::kServing) {
    if (!held_.empty()) OfferHeld();
    // Who has just connected and not asked yet is answered: he cannot know of the drain.
    const bool over = codec_->idle() && held_.empty() && (eof_ || (draining_ && !awaits_first_));
    if (codec_->wants_close() || over) BeginClose();
  }
  if (phase_ != Phase::kClosed) ArmTimer();
}

// Sends what is unsent, then closes: at once if all that the client sent was read, else after
// reading on for a while, since a close with unread bytes is a reset that may destroy the answer.
void Connection::BeginClose() {
  if (phase_ < Phase::kClosing) {
    phase_ = Phase::kClosing;
    held_.Clear();
    Pause(kHeld, false);
    if (tls_ && tls_->handshake_done()) {
      Seal();
      if (!is_cut()) tls_->Shutdown();
    }
    socket_.ScheduleFlush();
  }
  if (phase_ != Phase::kClosing || unsent() > 0) return ArmTimer();
  if (is_cut()) {
    socket_.Abort();
    return CloseNow({});
  }
  const bool all_read = eof_ || (codec_ && codec_->idle());
  if (all_read) return CloseNow({});
  phase_ = Phase::kLingering;
  socket_.ShutdownAfterFlush();
  ArmTimer();
}

void Connection::CloseNow(core::Fault fault) {
  if (phase_ == Phase::kClosed) return;
  context_.counters.bytes_out += socket_.bytes_out();
  phase_ = Phase::kClosed;
  timer_.Cancel();
  socket_.Close();
  if (codec_) codec_->OnConnectionLost(fault);
  context_.io.loop.Defer(settle_);
}

void Connection::ArmTimer() {
  const core::Limits& limits = context_.limits;
  Waiting waiting = Waiting::kStreams;
  uint64_t delay = 0;
  if (phase_ >= Phase::kClosing) {
    waiting = Waiting::kClose;
    delay = phase_ == Phase::kLingering ? kLingerMs : limits.stall_ms;
  } else if (phase_ == Phase::kHandshake) {
    waiting = Waiting::kHandshake;
    delay = limits.handshake_ms;
  } else if (phase_ == Phase::kSniff || codec_->reading_head()) {
    waiting = Waiting::kHead;
    delay = limits.header_ms;
  } else if (codec_->idle() && held_.empty()) {
    waiting = Waiting::kIdle;
    delay = limits.idle_ms;
  } else if (streams_ == nullptr) {
    waiting = Waiting::kClient;
    delay = ClientDelay();
  }
  // Deadlines that are absolute begin once; only idleness begins anew with each request.
  if (waiting == waiting_ && waiting != Waiting::kIdle && phase_ != Phase::kLingering) return;
  waiting_ = waiting;
  if (waiting == Waiting::kStreams) return timer_.Cancel();
  if (waiting >= Waiting::kClient) moved_ = Moved();
  context_.io.loop.timers().Arm(timer_, delay);
}

uint64_t Connection::Moved() const {
  const uint64_t given = waiting_ == Waiting::kClient ? socket_.bytes_in() : 0;
  return given + socket_.bytes_acknowledged();
}

// When we have said goodbye, all that is left may be the client's answer to it.
uint64_t Connection::ClientDelay() const {
  const uint64_t stall_ms = context_.limits.stall_ms;
  return draining_ ? std::min(stall_ms, kLingerMs) : stall_ms;
}

bool Connection::MovesEnough(uint64_t in_ms) {
  const uint64_t now = Moved();
  const uint64_t moved = now - std::exchange(moved_, now);
  return moved >= in_ms * context_.limits.stall_bytes_per_s / 1000;
}

void Connection::OnTimer() {
  switch (waiting_) {
    case Waiting::kHandshake:
      ++context_.counters.handshake_failures;
      return CloseNow(MakeFault(FaultCode::kRequestTimeout));
    case Waiting::kHead:
      return CloseNow(MakeFault(FaultCode::kRequestTimeout));
    case Waiting::kIdle:
      awaits_first_ = false;
      return Drain();  // HTTP/2 says GOAWAY, and serves what is under way
    case Waiting::kClient:
      if (codec_->idle() && held_.empty()) return ArmTimer();  // since all was taken
      if (MovesEnough(ClientDelay())) return context_.io.loop.timers().Arm(timer_, ClientDelay());
      return CloseNow(MakeFault(FaultCode::kClientStalled));
    case Waiting::kClose:
      if (phase_ == Phase::kClosing && MovesEnough(context_.limits.stall_ms)) {
        return context_.io.loop.timers().Arm(timer_, context_.limits.stall_ms);
      }
      return CloseNow(MakeFault(FaultCode::kClientStalled));
    case Waiting::kNothing:
    case Waiting::kStreams:
      return;
  }
}

}  // namespace sluice::listener
