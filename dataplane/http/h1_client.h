// HTTP/1.1 towards a backend (RFC 9112): one exchange at a time, kept alive between them.
// The request is written from the parsed fields with our own framing. The response is parsed by
// llhttp and distrusted: anything ambiguous, and any byte that no request asked for, is
// kUpstreamProtocol and ends the connection's use.
// One thread. Nothing is allocated but from the exchange's arena.
#pragma once

#include <llhttp.h>

#include <string_view>

#include "dataplane/core/limits.h"
#include "dataplane/http/codec.h"
#include "dataplane/http/connection_fields.h"
#include "dataplane/http/field_reader.h"

namespace sluice::http {

class H1ClientCodec final : public ClientCodec {
 public:
  // REQUIRES: both outlive the codec.
  H1ClientCodec(Transport& transport, const core::Limits& limits);
  H1ClientCodec(const H1ClientCodec&) = delete;
  H1ClientCodec& operator=(const H1ClientCodec&) = delete;

  StreamId Open(ResponseReceiver& receiver) override;
  bool can_open() const override { return idle() && reusable_; }

  void SendHead(StreamId id, const RequestHead& head) override;
  bool SendData(StreamId id, Bytes data) override;
  void SendEnd(StreamId id, const HeaderList& trailers) override;
  void Cancel(StreamId id) override;
  void PauseResponse(StreamId id, bool paused) override;

  core::Fault OnBytes(Bytes bytes) override;
  void OnEof() override;
  void OnFlushed() override;
  void OnConnectionLost(core::Fault fault) override;

  bool idle() const override { return receiver_ == nullptr; }
  bool reusable() const override { return reusable_; }

 private:
  enum class Framing : uint8_t { kLength, kChunked, kTunnel };

  void WriteHead(const RequestHead& head);
  void CloseExchange();
  void Unpause();

  static int OnReason(llhttp_t* parser, const char* at, size_t size);
  static int OnFieldName(llhttp_t* parser, const char* at, size_t size);
  static int OnFieldValue(llhttp_t* parser, const char* at, size_t size);
  static int OnFieldEnd(llhttp_t* parser);
  static int OnFieldsEnd(llhttp_t* parser);
  static int OnBody(llhttp_t* parser, const char* at, size_t size);
  static int OnChunkExtension(llhttp_t* parser, const char* at, size_t size);
  static int OnMessageEnd(llhttp_t* parser);
  static const llhttp_settings_t kCallbacks;

  void BeginMessage();
  void BeginFields();
  int ReadHead();
  int ReadInterim(const ConnectionFields& fields);
  int ReadBodyLength(const ConnectionFields& fields);
  bool EndMessage();
  bool EndResponse();
  core::Fault Break(core::Fault fault);
  void Fail(core::Fault fault);
  bool is_current(StreamId id) const { return receiver_ != nullptr && id == id_; }

  Transport& transport_;
  const core::Limits& limits_;

  ResponseReceiver* receiver_ = nullptr;  // null: no exchange is open
  StreamId id_ = 0;
  bool reusable_ = true;

  // The request
  Framing framing_ = Framing::kLength;
  uint64_t unsent_body_ = 0;
  bool head_sent_ = false;
  bool request_ended_ = false;
  bool head_request_ = false;
  std::string_view upgrade_;  // asked for; in the request's arena
  bool blocked_ = false;      // SendData returned false

  // The response
  llhttp_t parser_;
  FieldReader fields_;
  ResponseHead* head_ = nullptr;    // of the message that is being read
  HeaderList* trailers_ = nullptr;  // the same
  bool message_begun_ = false;
  bool fields_begun_ = false;  // of its head, or of its trailers
  size_t reason_bytes_ = 0;
  size_t chunk_extension_bytes_ = 0;
  int informational_ = 0;  // 1xx heads so far
  bool any_byte_ = false;
  bool response_ended_ = false;
  bool paused_ = false;
  bool tunnel_ = false;
};

}  // namespace sluice::http
