#include "dataplane/http/h1_client.h"

#include <new>
#include <utility>

#include "absl/strings/match.h"
#include "dataplane/http/chars.h"
#include "dataplane/http/connection_fields.h"
#include "dataplane/http/h1_parser.h"
#include "dataplane/http/head_writer.h"

namespace sluice::http {
namespace {

using core::FaultCode;
using core::MakeFault;
using core::Retry;

// A server waits for the length of a request that by its method should have a body (RFC 9110 8.6).
bool ExpectsBody(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

const llhttp_settings_t H1ClientCodec::kCallbacks = {
    .on_status = OnReason,
    .on_header_field = OnFieldName,
    .on_header_value = OnFieldValue,
    .on_chunk_extension_name = OnChunkExtension,
    .on_chunk_extension_value = OnChunkExtension,
    .on_headers_complete = OnFieldsEnd,
    .on_body = OnBody,
    .on_message_complete = OnMessageEnd,
    .on_header_value_complete = OnFieldEnd,
};

H1ClientCodec::H1ClientCodec(Transport& transport, const core::Limits& limits)
    : transport_(transport), limits_(limits), fields_(limits) {}

// ---- the request
// ---------------------------------------------------------------------------------

StreamId H1ClientCodec::Open(ResponseReceiver& receiver) {
  receiver_ = &receiver;
  framing_ = Framing::kLength;
  unsent_body_ = 0;
  upgrade_ = {};
  head_sent_ = request_ended_ = head_request_ = blocked_ = false;
  any_byte_ = response_ended_ = tunnel_ = false;
  informational_ = 0;
  BeginMessage();
  return ++id_;
}

void H1ClientCodec::SendHead(StreamId id, const RequestHead& head) {
  if (!is_current(id)) return;
  head_sent_ = true;
  head_request_ = head.method == "HEAD";
  upgrade_ = head.upgrade;
  if (!upgrade_.empty()) {
    framing_ = Framing::kTunnel;
  } else if (head.body.kind == BodyLength::Kind::kUnknown) {
    framing_ = Framing::kChunked;
  } else {
    framing_ = Framing::kLength;
    unsent_body_ = head.body.bytes;
  }
  WriteHead(head);
}

void H1ClientCodec::WriteHead(const RequestHead& head) {
  [[clang::uninitialized]] HeadWriter out(
      head.headers,
      256 + head.method.size() + head.target.size() + head.authority.size() + head.upgrade.size());
  out.Put(head.method);
  out.Put(" ");
  out.Put(head.target);
  out.Put(" HTTP/1.1\r\n");
  out.PutField("host", head.authority);
  out.PutFields(head.headers);
  if (framing_ == Framing::kTunnel) {
    out.Put("connection: upgrade\r\n");
    out.PutField("upgrade", head.upgrade);
  } else if (framing_ == Framing::kChunked) {
    out.Put("transfer-encoding: chunked\r\n");
  } else if (unsent_body_ > 0 || ExpectsBody(head.method)) {
    out.PutLength(unsent_body_);
  }
  if (head.expect_continue) out.Put("expect: 100-continue\r\n");
  if (head.te_trailers && framing_ != Framing::kTunnel) {
    out.Put("connection: te\r\nte: trailers\r\n");
  }
  out.Put("\r\n");
  out.WriteTo(transport_);
}

bool H1ClientCodec::SendData(StreamId id, Bytes data) {
  if (!is_current(id) || data.empty() || request_ended_) return true;
  switch (framing_) {
    case Framing::kLength:
      // More than was promised would be read as the next request.
      if (data.size() > unsent_body_) data = data.first(unsent_body_);
      unsent_body_ -= data.size();
      if (!data.empty()) transport_.Write(data);
      break;
    case Framing::kChunked:
      WriteChunk(transport_, data);
      break;
    case Framing::kTunnel:
      if (tunnel_) transport_.Write(data);
  }
  blocked_ = transport_.unsent() > limits_.high_watermark_bytes;
  return !blocked_;
}

void H1ClientCodec::SendEnd(StreamId id, const HeaderList& trailers) {
  if (!is_current(id) || request_ended_) return;
  request_ended_ = true;
  switch (framing_) {
    case Framing::kLength:
      if (unsent_body_ > 0) reusable_ = false;
      break;
    case Framing::kChunked:
      WriteLastChunk(transport_, trailers);
      break;
    case Framing::kTunnel:
      transport_.EndWriting();
  }
  CloseExchange();
}

void H1ClientCodec::Cancel(StreamId id) {
  if (!is_current(id)) return;
  Unpause();
  receiver_ = nullptr;
  reusable_ = false;
}

void H1ClientCodec::PauseResponse(StreamId id, bool paused) {
  if (!is_current(id) || paused_ == paused) return;
  paused_ = paused;
  transport_.PauseReading(paused);
}

void H1ClientCodec::Unpause() {
  if (std::exchange(paused_, false)) transport_.PauseReading(false);
}

// An exchange is over when both directions are.
void H1ClientCodec::CloseExchange() {
  if (!response_ended_ || !request_ended_) return;
  Unpause();
  receiver_ = nullptr;
}

// ---- the response
// --------------------------------------------------------------------------------

core::Fault H1ClientCodec::OnBytes(Bytes bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!text.empty()) {
    // Bytes that no request asked for, or that follow a response.
    if (receiver_ == nullptr || response_ended_ || !head_sent_) {
      return Break(MakeFault(FaultCode::kUpstreamProtocol));
    }
    any_byte_ = true;
    if (tunnel_) {
      receiver_->OnResponseData({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
      return {};
    }
    // llhttp would skip empty lines.
    if (!std::exchange(message_begun_, true) && text.front() != 'H') {
      return Break(MakeFault(FaultCode::kUpstreamProtocol));
    }
    const llhttp_errno_t result = llhttp_execute(&parser_, text.data(), text.size());
    if (receiver_ == nullptr) return {};  // cancelled from within
    if (result == HPE_OK) return {};
    if (result != HPE_PAUSED && result != HPE_PAUSED_UPGRADE) {
      return Break(MakeFault(FaultCode::kUpstreamProtocol));
    }
    text.remove_prefix(static_cast<size_t>(parser_.error_pos - text.data()));
    if (!EndMessage()) return Break(MakeFault(FaultCode::kUpstreamProtocol));
  }
  return {};
}

void H1ClientCodec::BeginMessage() {
  parser_ = ResponseParser();
  parser_.settings = const_cast<llhttp_settings_t*>(&kCallbacks);
  parser_.data = this;
  head_ = nullptr;
  trailers_ = nullptr;
  fields_begun_ = message_begun_ = false;
  reason_bytes_ = chunk_extension_bytes_ = 0;
}

int H1ClientCodec::OnReason(llhttp_t* parser, const char* at, size_t size) {
  auto& self = *static_cast<H1ClientCodec*>(parser->data);
  self.reason_bytes_ += size;
  if (!AllAre(kFieldChar, {at, size})) return HPE_USER;
  return self.reason_bytes_ <= self.limits_.request_line_bytes ? 0 : HPE_USER;
}

int H1ClientCodec::OnFieldName(llhttp_t* parser, const char* at, size_t size) {
  auto& self = *static_cast<H1ClientCodec*>(parser->data);
  if (self.receiver_ == nullptr) return HPE_USER;
  if (!self.fields_begun_) self.BeginFields();
  return self.fields_.AddName({at, size}) ? 0 : HPE_USER;
}

// A list for the head or, behind it, for the trailers.
void H1ClientCodec::BeginFields() {
  fields_begun_ = true;
  core::Arena& arena = receiver_->response_arena();
  if (head_ == nullptr) {
    head_ = new (arena.Allocate(sizeof(ResponseHead))) ResponseHead(arena);
    fields_.Begin(head_->headers);
  } else {
    trailers_ = new (arena.Allocate(sizeof(HeaderList))) HeaderList(arena);
    fields_.Begin(*trailers_);
  }
}

int H1ClientCodec::OnFieldValue(llhttp_t* parser, const char* at, size_t size) {
  auto& self = *static_cast<H1ClientCodec*>(parser->data);
  return self.receiver_ != nullptr && self.fields_.AddValue({at, size}) ? 0 : HPE_USER;
}

int H1ClientCodec::OnFieldEnd(llhttp_t* parser) {
  auto& self = *static_cast<H1ClientCodec*>(parser->data);
  if (self.receiver_ == nullptr) return HPE_USER;
  self.fields_.EndField();
  return 0;
}

int H1ClientCodec::OnFieldsEnd(llhttp_t* parser) {
  auto& self = *static_cast<H1ClientCodec*>(parser->data);
  if (self.receiver_ == nullptr) return -1;
  if (!self.fields_begun_) self.BeginFields();  // a head without any
  self.fields_begun_ = false;
  const int verdict = self.ReadHead();
  if (verdict < 0 || self.head_->status < 200) return verdict;
  self.receiver_->OnResponseHead(*self.head_);
  return self.receiver_ == nullptr ? -1 : verdict;
}

// Returns what llhttp expects: 0, 1 if no body follows, or -1 to refuse.
int H1ClientCodec::ReadHead() {
  head_->status = parser_.status_code;
  if (parser_.http_major != 1 || parser_.http_minor > 1) return -1;
  if (head_->status < 100 || head_->status > 599) return -1;
  const Version version = parser_.http_minor == 0 ? Version::kHttp10 : Version::kHttp11;
  const auto fields = TakeConnectionFields(head_->headers, version);
  if (!fields) return -1;
  if (head_->status < 200) return ReadInterim(*fields);
  if (fields->close || (version == Version::kHttp10 && !fields->keep_alive)) reusable_ = false;
  return ReadBodyLength(*fields);
}

int H1ClientCodec::ReadInterim(const ConnectionFields& fields) {
  if (fields.chunked || fields.content_length > 0) return -1;
  if (head_->status != 101) return ++informational_ <= limits_.informational_responses ? 1 : -1;
  // Only the protocol that was asked for, and only if one was.
  if (upgrade_.empty() || !absl::EqualsIgnoreCase(fields.upgrade, upgrade_)) return -1;
  head_->upgrade = fields.upgrade;
  return 1;
}

// The parser has drawn its own conclusions from the same fields: they must be ours.
int H1ClientCodec::ReadBodyLength(const ConnectionFields& fields) {
  const bool chunked = (parser_.flags & F_CHUNKED) != 0;
  if (chunked != fields.chunked) return -1;
  if (head_request_ || head_->status == 204 || head_->status == 304) {
    if (head_->status != 204) head_->declared_length = fields.content_length;
    return 1;
  }
  if (fields.content_length >= 0) {
    const auto length = static_cast<uint64_t>(fields.content_length);
    if (parser_.content_length != length) return -1;
    if (length > 0) head_->body = {BodyLength::Kind::kKnown, length};
    return 0;
  }
  head_->body.kind = BodyLength::Kind::kUnknown;
  if (!chunked) reusable_ = false;  // the end of the connection ends it
  return 0;
}

int H1ClientCodec::OnBody(llhttp_t* parser, const char* at, size_t size) {
  auto& self = *static_cast<H1ClientCodec*>(parser->data);
  if (self.receiver_ == nullptr) return HPE_USER;
  self.receiver_->OnResponseData({reinterpret_cast<const uint8_t*>(at), size});
  return self.receiver_ == nullptr ? HPE_USER : 0;
}

int H1ClientCodec::OnChunkExtension(llhttp_t* parser, const char*, size_t size) {
  auto& self = *static_cast<H1ClientCodec*>(parser->data);
  self.chunk_extension_bytes_ += size;
  return self.chunk_extension_bytes_ <= self.limits_.chunk_extension_bytes ? 0 : HPE_USER;
}

// Stops the parser: what follows is another message, or not HTTP.
int H1ClientCodec::OnMessageEnd(llhttp_t*) { return HPE_PAUSED; }

// False: the message breaks the protocol.
bool H1ClientCodec::EndMessage() {
  ResponseHead& head = *head_;
  if (head.status == 101) {
    tunnel_ = true;
    reusable_ = false;
    receiver_->OnResponseHead(head);
    return true;
  }
  if (head.status < 200) {
    BeginMessage();
    receiver_->OnInformational(head.status, head.headers);
    return true;
  }
  return EndResponse();
}

bool H1ClientCodec::EndResponse() {
  core::Arena& arena = receiver_->response_arena();
  if (trailers_ == nullptr) {
    trailers_ = new (arena.Allocate(sizeof(HeaderList))) HeaderList(arena);
  } else if (!CleanTrailers(*trailers_)) {
    return false;
  }
  response_ended_ = true;
  // An answer before the whole request was sent: what the backend makes of the rest is unknown. An
  // upgrade that was refused leaves none, but the backend may think otherwise.
  if (!request_ended_) reusable_ = false;
  ResponseReceiver& receiver = *receiver_;
  HeaderList& trailers = *trailers_;
  CloseExchange();
  receiver.OnResponseEnd(trailers);
  return true;
}

void H1ClientCodec::OnEof() {
  reusable_ = false;
  if (receiver_ == nullptr || response_ended_) return;
  const bool ends_body = head_ != nullptr && head_->status >= 200 &&
                         head_->body.kind == BodyLength::Kind::kUnknown &&
                         (parser_.flags & F_CHUNKED) == 0;
  if (tunnel_ || ends_body) {
    EndResponse();
  } else {
    Fail(MakeFault(any_byte_ ? FaultCode::kUpstreamTruncated : FaultCode::kUpstreamReset));
  }
}

void H1ClientCodec::OnFlushed() {
  if (std::exchange(blocked_, false) && receiver_ != nullptr) receiver_->OnRequestWritable();
}

void H1ClientCodec::OnConnectionLost(core::Fault fault) {
  reusable_ = false;
  Fail(fault);
}

core::Fault H1ClientCodec::Break(core::Fault fault) {
  reusable_ = false;
  Fail(fault);
  return fault;
}

// Nothing of a response has come: if the connection had served before, the backend has closed it
// while the request was under way, and has most likely not seen it.
void H1ClientCodec::Fail(core::Fault fault) {
  if (receiver_ == nullptr) return;
  if (!any_byte_ && fault.retry == Retry::kNo) fault.retry = Retry::kIfReused;
  Unpause();
  ResponseReceiver* receiver = std::exchange(receiver_, nullptr);
  if (!response_ended_) receiver->OnResponseReset(fault);
}

}  // namespace sluice::http
