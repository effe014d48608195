// HTTP/1.0 and HTTP/1.1 towards the client (RFC 9112). One request at a time: a pipelined one waits
// with the connection until the one before is finished. What is ambiguous is answered 400, 405,
// 414, 417, 431 or 505 by the codec itself and the connection closed, with nothing handed on. One
// thread. Nothing is allocated but from the stream's arena.
//
// The request:   kIdle -> kRequestLine -> kFields -> kBody -> kEnded -> kIdle
// An upgrade:    ... kFields -> kUpgrading -> kTunnel, when the response is 101.
// An early response leaves kDiscard: at most 64 KiB of the body are read and dropped, else close.
#pragma once

#include <string_view>

#include "dataplane/core/limits.h"
#include "dataplane/http/chunked_body.h"
#include "dataplane/http/codec.h"
#include "dataplane/http/connection_fields.h"
#include "dataplane/http/date_cache.h"
#include "dataplane/http/field_parser.h"

namespace sluice::http {

class H1ServerCodec final : public ServerCodec {
 public:
  static constexpr uint64_t kDiscardBytes = 64 * 1024;

  // REQUIRES: all of them outlive the codec. `https`: the connection came over TLS.
  H1ServerCodec(Transport& transport, StreamFactory& factory, const core::Limits& limits,
                bool https, DateCache& date);
  H1ServerCodec(const H1ServerCodec&) = delete;
  H1ServerCodec& operator=(const H1ServerCodec&) = delete;

  size_t OnBytes(Bytes bytes) override;
  bool wants_bytes() const override;
  void OnEof() override;
  void OnFlushed() override;
  void OnConnectionLost(core::Fault fault) override;

  void SendInformational(StreamId id, int status, const HeaderList& headers) override;
  void SendHead(StreamId id, const ResponseHead& head) override;
  bool SendData(StreamId id, Bytes data) override;
  void SendEnd(StreamId id, const HeaderList& trailers) override;
  void SendReset(StreamId id, core::Fault fault) override;
  void Finish(StreamId id) override;
  void PauseRequest(StreamId id, bool paused) override;

  uint64_t Taken(StreamId) const override { return transport_.acknowledged(); }
  void Drain() override { draining_ = true; }
  bool idle() const override { return phase_ == Phase::kIdle && receiver_ == nullptr; }
  bool reading_head() const override {
    return phase_ == Phase::kRequestLine || phase_ == Phase::kFields;
  }
  bool wants_close() const override { return wants_close_; }
  bool is_cut() const override { return is_cut_; }

 private:
  enum class Phase : uint8_t {
    kIdle,
    kRequestLine,
    kFields,
    kBody,
    kUpgrading,  // the rest of the client's bytes waits for the response
    kTunnel,
    kEnded,    // the request is whole; the response is not
    kDiscard,  // the response is whole; the request is not
    kDead,     // nothing more is read
  };
  // What the response head promised.
  enum class Framing : uint8_t { kNone, kLength, kChunked, kUntilClose, kTunnel };

  size_t ReadSome(Bytes bytes);
  size_t ReadIdle(uint8_t byte);
  size_t ReadRequestLine(std::string_view text);
  size_t ReadFields(std::string_view text);
  size_t ReadBody(std::string_view text);
  size_t ReadChunks(std::string_view text);
  bool TakeBody(Bytes data);
  void BeginRequest();
  bool BeginFields();
  void DeliverHead();

  core::FaultCode CheckHead();
  void ReadBodyLength(const ConnectionFields& fields);
  bool IsTooMuchToDiscard() const;
  core::FaultCode ReadExpect();
  void EndRequest();
  void Reject(core::FaultCode code);
  void WriteError(core::FaultCode code);
  void ResetStream(core::Fault fault);
  void Close();
  bool is_current(StreamId id) const { return receiver_ != nullptr && id == id_; }

  bool BeginTunnel(const ResponseHead& head);
  Framing ChooseFraming(const ResponseHead& head) const;
  void WriteHead(const ResponseHead& head);
  bool MustClose() const;

  Transport& transport_;
  StreamFactory& factory_;
  const core::Limits& limits_;
  DateCache& date_;
  const bool https_;

  // The request
  Phase phase_ = Phase::kIdle;
  RequestReceiver* receiver_ = nullptr;  // null: no stream
  StreamId id_ = 0;
  uint32_t requests_ = 0;
  std::string_view line_;    // of the request so far, in the stream's arena
  std::string_view target_;  // as sent
  RequestHead* head_ = nullptr;
  HeaderList* trailers_ = nullptr;
  FieldParser fields_;
  ChunkedBody chunks_;
  bool chunked_ = false;
  uint64_t body_left_ = 0;  // of a body that is not chunked
  uint64_t discarded_ = 0;
  bool seen_cr_ = false;  // of an empty line before the request line
  bool seen_empty_line_ = false;
  bool request_ended_ = false;
  bool keep_alive_ = false;  // as far as the client goes
  bool paused_ = false;
  bool head_delivered_ = false;
  bool expects_continue_ = false;  // and neither 100 nor a byte of body was seen
  bool eof_ = false;

  // The response
  Framing framing_ = Framing::kNone;
  uint64_t unsent_body_ = 0;  // of a kLength response
  bool head_sent_ = false;
  bool response_ended_ = false;
  bool blocked_ = false;  // SendData returned false
  bool draining_ = false;
  bool wants_close_ = false;
  bool is_cut_ = false;
};

}  // namespace sluice::http
