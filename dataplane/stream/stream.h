// One request and its response: the middle of the request path, which knows no HTTP version.
// It stands between a ServerCodec and a ClientCodec and hands each one's bytes to the other:
//
//   client -> OnRequestHead -> route, filters -> Pool::Acquire -> ClientCodec -> endpoint
//   client <- ServerCodec <- response filters <- OnResponse... <- endpoint
//
// One thread. Its connection owns it and frees it after OnStreamDone. Every stream ends in exactly
// one Done, with one access record. It keeps the generation that it started with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/core/arena.h"
#include "dataplane/core/limits.h"
#include "dataplane/core/socket.h"
#include "dataplane/core/timer_wheel.h"
#include "dataplane/http/codec.h"
#include "dataplane/stream/access_log.h"
#include "dataplane/stream/routing.h"
#include "dataplane/upstream/connection.h"

namespace sluice::stream {

// Counters of one worker that belong to no route.
struct StreamCounters {
  uint64_t requests = 0;
  uint64_t open = 0;
  uint64_t retries = 0;
  uint64_t faults[core::kFaultCodes] = {};
};

// What all streams of a worker share.
struct StreamContext {
  core::IoContext& io;
  core::ArenaPool& arenas;
  const core::Limits& limits;
  AccessLog& log;
  StreamCounters& counters;
  RoutingRef& routing;  // the current generation
};

class Stream;

// The connection that a request came by, as its streams see it.
class Downstream {
 public:
  virtual http::ServerCodec& codec() = 0;
  // The stream is over and will make no further call; free it, but not before this turn's end.
  virtual void OnStreamDone(Stream& stream) = 0;

  // Where the connection arrived, in terms of one generation.
  struct Arrival {
    uint64_t generation = 0;
    std::optional<snapshot::GroupId> port;  // none: this generation does not serve the address
    uint32_t listener = route::RouteTable::kAnyListener;
  };
  // That of `routing`; looked up again only when the generation has changed.
  const Arrival& ArrivalIn(const Routing& routing);
  // After a change of `sni_listener`.
  void ForgetArrival() { arrival_ = {}; }

  core::Address local;
  core::Address client;
  std::string client_text;     // address:port
  std::string_view client_ip;  // address; into client_text
  std::string local_port;
  std::string_view protocol;        // "HTTP/1.1", "HTTP/2"; static
  std::string sni_listener;         // id of the listener that SNI chose; HTTPS only
  std::string_view fixed_listener;  // id, where a socket serves one listener alone (--listen)
  bool https = false;

 protected:
  ~Downstream() = default;

 private:
  Arrival arrival_;
};

class Stream final : public http::RequestReceiver, public http::ResponseReceiver {
 public:
  Stream(StreamContext& context, Downstream& downstream, http::StreamId id);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  // Place in the connection's list of streams.
  Stream* next = nullptr;
  Stream** link = nullptr;

  // RequestReceiver
  void OnRequestHead(http::RequestHead& head) override;
  void OnRequestData(core::Bytes data) override;
  void OnRequestEnd(http::HeaderList& trailers) override;
  void OnRequestReset(core::Fault fault) override;
  void OnResponseWritable() override;
  core::Arena& arena() override { return arena_; }

  // ResponseReceiver
  void OnInformational(int status, http::HeaderList& headers) override;
  void OnResponseHead(http::ResponseHead& head) override;
  void OnResponseData(core::Bytes data) override;
  void OnResponseEnd(http::HeaderList& trailers) override;
  void OnResponseReset(core::Fault fault) override;
  void OnRequestWritable() override;
  core::Arena& response_arena() override { return arena_; }

 private:
  static constexpr int kMostRetries = 2;
  static constexpr size_t kReplayBytes = 16 * 1024;

  // Routing: what to do with the request.
  bool Overloaded() const;
  core::Fault Route();
  core::Fault ChooseBackend();

  // The exchange with an endpoint.
  void StartExchange();
  void SendAgain();
  void KeepForRetry(core::Bytes data);
  bool MayRetry(core::Fault fault) const;
  void EndExchange();
  void ArmRequestTimeout();
  void OnTimeout();
  // The client owes us bytes, or the taking of some; in a tunnel, or a call of gRPC, either side
  // may be silent longer.
  enum class Watch : uint8_t { kNothing, kGiving, kTaking, kTunnel };
  Watch WhatToWatch() const;
  void WatchClient();
  uint64_t Moved() const;
  bool MovesEnough();
  void OnStall();

  // Answers of our own.
  void ReplyWithFault(core::Fault fault);
  void ReplyAsGrpc(core::FaultCode code);
  void ReplyWithRedirect(int status, std::string_view location);
  void Reply(int status, std::string_view reason);
  void SendReply(http::ResponseHead& head, std::string_view body);

  void Finish();
  void Done();
  void WriteLog();

  StreamContext& context_;
  Downstream& downstream_;
  const http::StreamId id_;
  core::Arena arena_;
  RoutingRef routing_;
  http::RequestHead* request_ = nullptr;
  http::HeaderList* request_trailers_ = nullptr;  // once the request has ended
  std::string_view target_;                       // as it came, before any rewrite; for the log
  route::Result route_;
  const route::Backend* backend_ = nullptr;

  upstream::Connection* upstream_ = nullptr;  // while an exchange is open
  http::StreamId exchange_ = 0;
  std::string_view endpoint_;  // for the log; in the arena
  std::string_view replay_;    // what went upstream of the body, while it may be refused unseen

  core::Timer request_timer_;
  core::Timer backend_timer_;
  core::Timer stall_timer_;

  uint64_t started_ns_;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
  uint64_t moved_ = 0;  // when stall_timer_ was armed
  Watch watch_ = Watch::kNothing;
  int status_ = 0;
  core::FaultCode fault_ = core::FaultCode::kNone;
  uint8_t retries_ = 0;
  bool request_ended_ = false;
  bool request_paused_ = false;   // by us: the endpoint takes no more for now
  bool response_paused_ = false;  // by us: the client takes no more for now
  bool body_sent_ = false;        // a byte of the body went upstream that replay_ lacks: no retry
  bool request_sent_ = false;
  bool head_sent_ = false;  // the response's, to the client
  bool response_ended_ = false;
  bool tunnel_ = false;
  bool grpc_ = false;       // a call of gRPC: told of faults in its way
  bool long_call_ = false;  // and one that may be silent for long
  bool done_ = false;
  bool upstream_reused_ = false;  // the last exchange's connection had served others before
};

}  // namespace sluice::stream
