#include "dataplane/http/h1_server.h"

#include <algorithm>
#include <charconv>
#include <new>
#include <utility>

#include "absl/strings/match.h"
#include "dataplane/http/chars.h"
#include "dataplane/http/head_writer.h"
#include "dataplane/http/request_line.h"
#include "dataplane/http/request_target.h"

namespace sluice::http {
namespace {

using core::FaultCode;
using core::MakeFault;

// One protocol, and none that is negotiated elsewhere: h2c over an upgrade would slip past the
// checks of the codec that it upgrades from.
bool IsTunnelProtocol(std::string_view upgrade) {
  const std::string_view name = upgrade.substr(0, upgrade.find('/'));
  if (name.empty() || !AllAre(kTokenChar, name)) return false;
  if (upgrade.size() > name.size() && !AllAre(kTokenChar, upgrade.substr(name.size() + 1))) {
    return false;
  }
  return !absl::EqualsIgnoreCase(name, "h2c") && !absl::EqualsIgnoreCase(name, "h2") &&
         !absl::EqualsIgnoreCase(name, "http") && !absl::EqualsIgnoreCase(name, "tls");
}

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

H1ServerCodec::H1ServerCodec(Transport& transport, StreamFactory& factory,
                             const core::Limits& limits, bool https, DateCache& date)
    : transport_(transport),
      factory_(factory),
      limits_(limits),
      date_(date),
      https_(https),
      fields_(limits),
      chunks_(
          limits,
          [](void* self, Bytes data) { return static_cast<H1ServerCodec*>(self)->TakeBody(data); },
          this) {}

// ---- the request --------------------------------------------------------------------------------

// A next request waits until the client has taken the answers before.
bool H1ServerCodec::wants_bytes() const {
  if (phase_ == Phase::kIdle && transport_.unsent() > limits_.high_watermark_bytes) return false;
  return phase_ != Phase::kEnded && phase_ != Phase::kUpgrading && phase_ != Phase::kDead;
}

size_t H1ServerCodec::OnBytes(Bytes bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && wants_bytes()) taken += ReadSome(bytes.subspan(taken));
  return taken;
}

size_t H1ServerCodec::ReadSome(Bytes bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  switch (phase_) {
    case Phase::kIdle:
      return ReadIdle(bytes.front());
    case Phase::kRequestLine:
      return ReadRequestLine(text);
    case Phase::kTunnel:
      receiver_->OnRequestData(bytes);
      return bytes.size();
    case Phase::kFields:
      return ReadFields(text);
    default:
      return chunked_ ? ReadChunks(text) : ReadBody(text);
  }
}

// One empty line may precede a request (RFC 9112 2.2).
size_t H1ServerCodec::ReadIdle(uint8_t byte) {
  if (seen_cr_) {
    seen_cr_ = false;
    if (byte != '\n' || std::exchange(seen_empty_line_, true)) Reject(FaultCode::kBadRequest);
    return 1;
  }
  if (byte == '\r') {
    seen_cr_ = true;
    return 1;
  }
  BeginRequest();
  return 0;
}

void H1ServerCodec::BeginRequest() {
  seen_empty_line_ = false;
  phase_ = Phase::kRequestLine;
  line_ = {};
  head_ = nullptr;
  trailers_ = nullptr;
  chunked_ = false;
  body_left_ = discarded_ = 0;
  request_ended_ = head_delivered_ = expects_continue_ = false;
  head_sent_ = response_ended_ = blocked_ = false;
  ++requests_;
  receiver_ = &factory_.NewStream(++id_);
}

size_t H1ServerCodec::ReadRequestLine(std::string_view text) {
  const size_t lf = text.find('\n');
  const std::string_view piece = lf == std::string_view::npos ? text : text.substr(0, lf + 1);
  if (line_.size() + piece.size() > limits_.request_line_bytes + 2) {
    Reject(FaultCode::kUriTooLong);
    return piece.size();
  }
  line_ = receiver_->arena().Extend(line_, piece);
  const bool whole = lf != std::string_view::npos;
  const bool good = whole ? BeginFields() : line_.find('\r') >= line_.size() - 1;
  if (!good) Reject(FaultCode::kBadRequest);
  return piece.size();
}

bool H1ServerCodec::BeginFields() {
  if (!line_.ends_with("\r\n")) return false;
  const auto line = ParseRequestLine(line_.substr(0, line_.size() - 2));
  if (!line) return false;
  core::Arena& arena = receiver_->arena();
  head_ = new (arena.Allocate(sizeof(RequestHead))) RequestHead(arena);
  head_->version = line->version;
  head_->method = line->method;
  head_->scheme = https_ ? "https" : "http";
  target_ = line->target;
  fields_.Begin(head_->headers);
  phase_ = Phase::kFields;
  return true;
}

size_t H1ServerCodec::ReadFields(std::string_view text) {
  size_t taken;
  switch (fields_.Parse(text, taken)) {
    case FieldParser::Result::kMore:
      break;
    case FieldParser::Result::kDone:
      DeliverHead();
      break;
    case FieldParser::Result::kBad:
      Reject(FaultCode::kBadRequest);
      break;
    case FieldParser::Result::kTooLarge:
      Reject(FaultCode::kHeadersTooLarge);
  }
  return taken;
}

void H1ServerCodec::DeliverHead() {
  if (FaultCode code = CheckHead(); code != FaultCode::kNone) return Reject(code);
  core::Arena& arena = receiver_->arena();
  trailers_ = new (arena.Allocate(sizeof(HeaderList))) HeaderList(arena);
  if (chunked_) chunks_.Begin(*trailers_);
  phase_ = head_->upgrade.empty() ? Phase::kBody : Phase::kUpgrading;
  head_delivered_ = true;
  const bool bodiless = !chunked_ && body_left_ == 0;
  receiver_->OnRequestHead(*head_);
  if (bodiless) EndRequest();
}

FaultCode H1ServerCodec::CheckHead() {
  const auto fields = TakeConnectionFields(head_->headers, head_->version);
  if (!fields) return FaultCode::kBadRequest;
  ReadBodyLength(*fields);
  if (FaultCode code = ReadTarget(*head_, target_); code != FaultCode::kNone) return code;
  keep_alive_ =
      head_->version == Version::kHttp11 ? !fields->close : fields->keep_alive && !fields->close;
  head_->te_trailers = fields->te_trailers;
  if (head_->version == Version::kHttp11 && head_->body.kind == BodyLength::Kind::kNone &&
      IsTunnelProtocol(fields->upgrade)) {
    head_->upgrade = fields->upgrade;
  }
  return ReadExpect();
}

void H1ServerCodec::ReadBodyLength(const ConnectionFields& fields) {
  chunked_ = fields.chunked;
  if (chunked_) {
    head_->body.kind = BodyLength::Kind::kUnknown;
  } else if (fields.content_length > 0) {
    body_left_ = static_cast<uint64_t>(fields.content_length);
    head_->body = {BodyLength::Kind::kKnown, body_left_};
  }
}

FaultCode H1ServerCodec::ReadExpect() {
  const Header* expect = head_->headers.Find(Known::kExpect);
  if (expect == nullptr) return FaultCode::kNone;
  if (!absl::EqualsIgnoreCase(expect->value, "100-continue")) return FaultCode::kExpectationFailed;
  head_->headers.Remove(Known::kExpect);
  head_->expect_continue = head_->version == Version::kHttp11;
  expects_continue_ = head_->expect_continue && head_->body.kind != BodyLength::Kind::kNone;
  return FaultCode::kNone;
}

size_t H1ServerCodec::ReadBody(std::string_view text) {
  const size_t size = static_cast<size_t>(std::min<uint64_t>(text.size(), body_left_));
  body_left_ -= size;
  TakeBody({reinterpret_cast<const uint8_t*>(text.data()), size});
  if (body_left_ == 0) EndRequest();
  return size;
}

size_t H1ServerCodec::ReadChunks(std::string_view text) {
  const bool discarding = phase_ == Phase::kDiscard;
  size_t taken;
  const ChunkedBody::Result result = chunks_.Read(text, taken);
  if (phase_ == Phase::kDead) return taken;
  if (discarding && (discarded_ += taken) > kDiscardBytes) {
    Close();
  } else if (result == ChunkedBody::Result::kDone) {
    EndRequest();
  } else if (result != ChunkedBody::Result::kMore) {
    Reject(result == ChunkedBody::Result::kTooLarge ? FaultCode::kHeadersTooLarge
                                                    : FaultCode::kBadRequest);
  }
  return taken;
}

// A piece of the body. False: nothing more of it is to be read.
bool H1ServerCodec::TakeBody(Bytes data) {
  if (phase_ == Phase::kBody) {
    expects_continue_ = false;
    receiver_->OnRequestData(data);
  }
  return phase_ != Phase::kDead;
}

void H1ServerCodec::EndRequest() {
  if (phase_ == Phase::kUpgrading || phase_ == Phase::kTunnel || phase_ == Phase::kDead) return;
  request_ended_ = true;
  expects_continue_ = false;
  if (receiver_ == nullptr) {  // the response ended long ago
    phase_ = Phase::kIdle;
    return;
  }
  if (!CleanTrailers(*trailers_)) return Reject(FaultCode::kBadRequest);
  phase_ = Phase::kEnded;
  receiver_->OnRequestEnd(*trailers_);
}

void H1ServerCodec::OnEof() {
  switch (phase_) {
    case Phase::kEnded:  // half-closed: it may still read
      eof_ = true;
      return;
    case Phase::kTunnel:
      phase_ = Phase::kEnded;
      request_ended_ = true;
      receiver_->OnRequestEnd(*trailers_);
      return;
    default:
      ResetStream(MakeFault(FaultCode::kClientGone));
      Close();
  }
}

void H1ServerCodec::OnFlushed() {
  if (std::exchange(blocked_, false) && receiver_ != nullptr) receiver_->OnResponseWritable();
}

void H1ServerCodec::OnConnectionLost(core::Fault fault) {
  ResetStream(fault);
  Close();
}

void H1ServerCodec::Reject(FaultCode code) {
  const core::Fault fault = MakeFault(code);
  if (!head_sent_) WriteError(code);
  if (!head_delivered_) factory_.OnRejected(fault);
  Close();
  ResetStream(fault);
}

void H1ServerCodec::ResetStream(core::Fault fault) {
  RequestReceiver* receiver = std::exchange(receiver_, nullptr);
  if (receiver != nullptr) receiver->OnRequestReset(fault);
}

void H1ServerCodec::Close() {
  phase_ = Phase::kDead;
  wants_close_ = true;
}

// ---- the response -------------------------------------------------------------------------------

void H1ServerCodec::WriteError(FaultCode code) {
  const int status = core::HttpStatus(code);
  char text[256];
  char* at = text;
  const auto put = [&](std::string_view part) { at = std::copy(part.begin(), part.end(), at); };
  put("HTTP/1.1 ");
  at = std::to_chars(at, at + 3, status).ptr;
  put(" ");
  put(ReasonPhrase(status));
  if (status == 405) put("\r\nallow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  put("\r\ncontent-length: 0\r\nconnection: close\r\ndate: ");
  put(date_.text());
  put("\r\n\r\n");
  transport_.Write({reinterpret_cast<uint8_t*>(text), static_cast<size_t>(at - text)});
}

void H1ServerCodec::SendInformational(StreamId id, int status, const HeaderList& headers) {
  if (!is_current(id) || head_sent_ || head_->version == Version::kHttp10) return;
  if (status == 100 && !std::exchange(expects_continue_, false)) return;
  [[clang::uninitialized]] HeadWriter out(headers, 64);
  out.Put("HTTP/1.1 ");
  out.PutNumber(static_cast<uint64_t>(status));
  out.Put(" ");
  out.Put(ReasonPhrase(status));
  out.Put("\r\n");
  out.PutFields(headers);
  out.Put("\r\n");
  out.WriteTo(transport_);
}

void H1ServerCodec::SendHead(StreamId id, const ResponseHead& head) {
  if (!is_current(id) || head_sent_) return;
  if (phase_ == Phase::kUpgrading && !BeginTunnel(head)) {
    phase_ = Phase::kEnded;
    request_ended_ = true;
    keep_alive_ = false;
  }
  framing_ = ChooseFraming(head);
  unsent_body_ = head.body.bytes;
  keep_alive_ = !MustClose();
  head_sent_ = true;
  WriteHead(head);
}

bool H1ServerCodec::BeginTunnel(const ResponseHead& head) {
  if (head.status != 101) return false;
  phase_ = Phase::kTunnel;
  return true;
}

H1ServerCodec::Framing H1ServerCodec::ChooseFraming(const ResponseHead& head) const {
  if (phase_ == Phase::kTunnel) return Framing::kTunnel;
  if (!HasBody(head.status) || head_->method == "HEAD") return Framing::kNone;
  if (head.body.kind != BodyLength::Kind::kUnknown) return Framing::kLength;
  return head_->version == Version::kHttp11 ? Framing::kChunked : Framing::kUntilClose;
}

// A client that waits for 100 may or may not send its body now: what it sends next is ambiguous.
bool H1ServerCodec::MustClose() const {
  return !keep_alive_ || draining_ || eof_ || framing_ == Framing::kUntilClose ||
         expects_continue_ || requests_ >= limits_.requests_per_connection;
}

void H1ServerCodec::WriteHead(const ResponseHead& head) {
  [[clang::uninitialized]] HeadWriter out(head.headers, 256 + head.upgrade.size());
  out.Put("HTTP/1.1 ");
  out.PutNumber(static_cast<uint64_t>(head.status));
  out.Put(" ");
  out.Put(ReasonPhrase(head.status));
  out.Put("\r\n");
  out.PutFields(head.headers);
  if (head.headers.Find(Known::kDate) == nullptr) out.PutField("date", date_.text());
  if (framing_ == Framing::kTunnel) {
    out.Put("connection: upgrade\r\n");
    out.PutField("upgrade", head.upgrade);
  } else {
    if (framing_ == Framing::kChunked) {
      out.Put("transfer-encoding: chunked\r\n");
    } else if (framing_ == Framing::kLength || head.body.kind == BodyLength::Kind::kKnown) {
      out.PutLength(head.body.bytes);
    } else if (framing_ == Framing::kNone && head.declared_length >= 0 && head.status >= 200 &&
               head.status != 204) {
      out.PutLength(static_cast<uint64_t>(head.declared_length));
    }
    if (!keep_alive_) {
      out.Put("connection: close\r\n");
    } else if (head_->version == Version::kHttp10) {
      out.Put("connection: keep-alive\r\n");
    }
  }
  out.Put("\r\n");
  out.WriteTo(transport_);
}

bool H1ServerCodec::SendData(StreamId id, Bytes data) {
  if (!is_current(id) || data.empty()) return true;
  switch (framing_) {
    case Framing::kNone:
      return true;
    case Framing::kLength:
      // More than was promised would be read as the next response.
      if (data.size() > unsent_body_) data = data.first(unsent_body_);
      unsent_body_ -= data.size();
      transport_.Write(data);
      break;
    case Framing::kChunked:
      WriteChunk(transport_, data);
      break;
    case Framing::kUntilClose:
    case Framing::kTunnel:
      transport_.Write(data);
  }
  blocked_ = transport_.unsent() > limits_.high_watermark_bytes;
  return !blocked_;
}

void H1ServerCodec::SendEnd(StreamId id, const HeaderList& trailers) {
  if (!is_current(id) || response_ended_) return;
  response_ended_ = true;
  switch (framing_) {
    case Framing::kLength:
      if (unsent_body_ > 0) Close();  // shorter than promised: only the end of the connection tells
      break;
    case Framing::kChunked:
      WriteLastChunk(transport_, trailers);
      break;
    case Framing::kTunnel:
      transport_.EndWriting();
      break;
    default:
      break;
  }
}

void H1ServerCodec::SendReset(StreamId id, core::Fault) {
  if (!is_current(id)) return;
  keep_alive_ = false;
  response_ended_ = true;
  is_cut_ = head_sent_ && framing_ == Framing::kUntilClose;
}

void H1ServerCodec::Finish(StreamId id) {
  if (!is_current(id)) return;
  receiver_ = nullptr;
  head_ = nullptr;
  trailers_ = nullptr;
  chunks_.DropTrailers();
  if (std::exchange(paused_, false)) transport_.PauseReading(false);
  if (phase_ == Phase::kDead) return;
  const bool reusable = keep_alive_ && head_sent_ && response_ended_ && !eof_;
  if (!reusable || framing_ == Framing::kTunnel || IsTooMuchToDiscard()) {
    Close();
  } else {
    phase_ = request_ended_ ? Phase::kIdle : Phase::kDiscard;
  }
}

bool H1ServerCodec::IsTooMuchToDiscard() const {
  return !request_ended_ && (chunked_ ? chunks_.left_in_chunk() : body_left_) > kDiscardBytes;
}

void H1ServerCodec::PauseRequest(StreamId id, bool paused) {
  if (!is_current(id) || paused_ == paused) return;
  paused_ = paused;
  transport_.PauseReading(paused);
}

}  // namespace sluice::http
