// HTTP/1.1 towards a backend (RFC 9112): one exchange at a time, kept alive between them.
// The request is written from the parsed fields with our own framing. The response is
// distrusted: anything ambiguous, and any byte that no request asked for, is
// kUpstreamProtocol and ends the connection's use.
// One thread. Nothing is allocated but from the exchange's arena.
#pragma once

#include <string_view>

#include "dataplane/core/limits.h"
#include "dataplane/http/chunked_body.h"
#include "dataplane/http/codec.h"
#include "dataplane/http/connection_fields.h"
#include "dataplane/http/field_parser.h"

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

  size_t ReadSome(std::string_view text);
  size_t ReadStatusLine(std::string_view text);
  bool ParseStatusLine(std::string_view line);
  size_t ReadFields(std::string_view text);
  size_t ReadBody(std::string_view text);
  size_t ReadChunks(std::string_view text);
  bool TakeBody(Bytes data);

  void BeginMessage();
  void EndHead();
  bool ReadHead();
  bool ReadInterim(const ConnectionFields& fields);
  void ReadBodyLength(const ConnectionFields& fields);
  core::Fault TellEnd(bool more);
  void Refuse() { refused_ = true; }
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
  enum class Phase : uint8_t { kStatusLine, kFields, kBody, kChunks, kUntilClose, kTunnel, kEnded };
  Phase phase_ = Phase::kStatusLine;
  Version version_ = Version::kHttp11;
  std::string_view line_;  // the status line so far, in the exchange's arena
  FieldParser fields_;
  ChunkedBody chunks_;
  ResponseHead* head_ = nullptr;
  HeaderList* trailers_ = nullptr;
  uint64_t body_left_ = 0;  // in kBody
  int informational_ = 0;   // 1xx heads so far
  bool any_byte_ = false;
  bool refused_ = false;  // the response breaks the protocol
  bool paused_ = false;
};

}  // namespace sluice::http
