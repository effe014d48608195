#include "dataplane/stream/stream.h"

#include <utility>

#include "dataplane/filter/filter.h"
#include "dataplane/route/conditions.h"
#include "dataplane/stream/grpc_status.h"

namespace sluice::stream {

using core::Fault;
using core::FaultCode;
using core::MakeFault;

const Downstream::Arrival& Downstream::ArrivalIn(const Routing& routing) {
  if (arrival_.generation == routing.generation) return arrival_;
  const route::RouteTable& routes = *routing.routes;
  arrival_.generation = routing.generation;
  arrival_.port =
      fixed_listener.empty() ? routes.FindPort(local) : routes.FindPortOfListener(fixed_listener);
  if (https) arrival_.listener = routes.ListenerIndex(sni_listener);
  return arrival_;
}

Stream::Stream(StreamContext& context, Downstream& downstream, http::StreamId id)
    : context_(context),
      downstream_(downstream),
      id_(id),
      arena_(context.arenas),
      request_timer_([](void* self) { static_cast<Stream*>(self)->OnTimeout(); }, this),
      backend_timer_([](void* self) { static_cast<Stream*>(self)->OnTimeout(); }, this),
      stall_timer_([](void* self) { static_cast<Stream*>(self)->OnStall(); }, this),
      started_ns_(context.io.loop.now_ns()) {
  ++context_.counters.open;
}

Stream::~Stream() { --context_.counters.open; }

// ---- the request, from the client ---------------------------------------------------------------

void Stream::OnRequestHead(http::RequestHead& head) {
  ++context_.counters.requests;
  request_ = &head;
  target_ = head.target;
  routing_ = context_.routing;
  grpc_ = head.version == http::Version::kHttp2 && route::IsGrpc(head);
  if (Overloaded()) return ReplyWithFault(MakeFault(FaultCode::kOverload));
  if (Fault fault = Route()) return ReplyWithFault(fault);
  grpc_ |= route_.rule->grpc;

  SetForwarded(
      head, {downstream_.client, downstream_.client_ip, downstream_.local_port, downstream_.https},
      routing_->routing().trusted_proxies);
  const bool prefix = route_.match->path_type() == snapshot::Match::PATH_TYPE_PREFIX;
  const filter::RequestContext filter_context = {
      downstream_.local.port(), prefix ? std::string_view(route_.match->path()) : ""};
  if (auto redirect = filter::ApplyToRequest(route_.rule->filters, filter_context, head)) {
    return ReplyWithRedirect(redirect->status, redirect->location);
  }
  if (Fault fault = ChooseBackend()) return ReplyWithFault(fault);
  if (auto redirect = filter::ApplyToRequest(backend_->filters, filter_context, head)) {
    return ReplyWithRedirect(redirect->status, redirect->location);
  }
  long_call_ = grpc_ && routing_->pool(backend_->cluster).protocol() == upstream::Protocol::kHttp2;
  ArmRequestTimeout();
  WatchClient();
  StartExchange();
}

// Clients or endpoints that do not read hold more than we give to all of them together.
bool Stream::Overloaded() const {
  return context_.io.buffers.used() * core::BufferPool::kBufferBytes +
             context_.arenas.used_bytes() >
         context_.limits.buffered_bytes;
}

Fault Stream::Route() {
  const Downstream::Arrival& arrival = downstream_.ArrivalIn(routing_->routing());
  if (!arrival.port) return MakeFault(FaultCode::kNoRoute);
  route_ = routing_->routes().Find(*arrival.port, arrival.listener, *request_);
  switch (route_.outcome) {
    case route::Outcome::kFound:
      return {};
    case route::Outcome::kNoRoute:
      return MakeFault(FaultCode::kNoRoute);
    case route::Outcome::kMisdirected:
      return MakeFault(FaultCode::kMisdirected);
  }
}

Fault Stream::ChooseBackend() {
  const route::Rule& rule = *route_.rule;
  if (rule.total_weight == 0) return MakeFault(FaultCode::kUnresolvedBackend);
  uint32_t at = routing_->spread(rule).Next(rule.total_weight);
  backend_ = rule.backends.data();
  while (at >= backend_->weight) at -= (backend_++)->weight;
  if (backend_->cluster == route::Backend::kUnresolved) {
    return MakeFault(FaultCode::kUnresolvedBackend);
  }
  return {};
}

void Stream::ArmRequestTimeout() {
  const uint32_t timeout = route_.rule->request_timeout_ms;
  if (timeout != 0) context_.io.loop.timers().Arm(request_timer_, timeout);
}

void Stream::OnRequestData(core::Bytes data) {
  bytes_in_ += data.size();
  if (upstream_ == nullptr) return;  // already answered: read and dropped
  KeepForRetry(data);
  if (!upstream_->codec().SendData(exchange_, data)) {
    if (Overloaded()) return ReplyWithFault(MakeFault(FaultCode::kOverload));
    request_paused_ = true;
    downstream_.codec().PauseRequest(id_, true);
  }
  WatchClient();
}

void Stream::OnRequestEnd(http::HeaderList& trailers) {
  request_ended_ = true;
  request_trailers_ = &trailers;
  WatchClient();
  if (upstream_ != nullptr) {
    upstream_->codec().SendEnd(exchange_, trailers);
    request_sent_ = true;
  }
  if (tunnel_ && response_ended_) Finish();
}

void Stream::OnRequestWritable() {
  request_paused_ = false;
  WatchClient();
  downstream_.codec().PauseRequest(id_, false);
}

void Stream::OnRequestReset(Fault fault) {
  if (done_) return;
  fault_ = fault.code;
  Done();
}

// ---- the exchange with an endpoint --------------------------------------------------------------

void Stream::StartExchange() {
  upstream::Pool& pool = routing_->pool(backend_->cluster);
  Fault fault;
  while ((upstream_ = pool.Acquire(fault)) == nullptr) {
    if (!MayRetry(fault)) return ReplyWithFault(fault);
    ++retries_;
  }
  const uint32_t timeout = route_.rule->backend_timeout_ms;
  if (timeout != 0) context_.io.loop.timers().Arm(backend_timer_, timeout);
  endpoint_ = arena_.Copy(upstream_->endpoint().text);
  exchange_ = upstream_->codec().Open(*this);
  upstream_->codec().SendHead(exchange_, *request_);
  SendAgain();
}

// What an exchange before this one was given of the request's body.
void Stream::SendAgain() {
  if (!replay_.empty()) {
    // Within the bound of kReplayBytes all is taken, whatever SendData says.
    (void)upstream_->codec().SendData(exchange_, core::AsBytes(replay_));
  }
  if (request_ended_) {
    upstream_->codec().SendEnd(exchange_, *request_trailers_);
    request_sent_ = true;
  } else if (request_paused_) {
    OnRequestWritable();
  }
}

void Stream::KeepForRetry(core::Bytes data) {
  if (body_sent_ || head_sent_) return;
  if (upstream_->dedicated() || replay_.size() + data.size() > kReplayBytes) {
    body_sent_ = true;
  } else {
    replay_ = arena_.Extend(replay_, core::AsText(data));
  }
}

bool Stream::MayRetry(Fault fault) const {
  if (retries_ >= kMostRetries || body_sent_ || head_sent_ || done_) return false;
  if (fault.retry == core::Retry::kYes) return true;
  // An idle connection that the endpoint closed just as we used it. Only what may be repeated is
  // (RFC 9110 9.2.2).
  const std::string_view method = request_->method;
  const bool idempotent = method == "GET" || method == "HEAD" || method == "OPTIONS" ||
                          method == "PUT" || method == "DELETE";
  return fault.retry == core::Retry::kIfReused && idempotent && upstream_reused_;
}

// Gives the connection back, or ends what is still open on it.
void Stream::EndExchange() {
  backend_timer_.Cancel();
  if (upstream_ == nullptr) return;
  upstream::Connection* connection = std::exchange(upstream_, nullptr);
  if (!response_ended_ || !request_sent_) connection->codec().Cancel(exchange_);
  connection->Release();
}

void Stream::OnInformational(int status, http::HeaderList& headers) {
  downstream_.codec().SendInformational(id_, status, headers);
}

void Stream::OnResponseHead(http::ResponseHead& head) {
  filter::ApplyToResponse(backend_->filters, head);
  filter::ApplyToResponse(route_.rule->filters, head);
  tunnel_ = head.status == 101;
  if (tunnel_) {
    request_timer_.Cancel();
    backend_timer_.Cancel();
    WatchClient();
  }
  status_ = head.status;
  head_sent_ = true;
  downstream_.codec().SendHead(id_, head);
}

void Stream::OnResponseData(core::Bytes data) {
  bytes_out_ += data.size();
  if (!downstream_.codec().SendData(id_, data)) {
    if (Overloaded()) return ReplyWithFault(MakeFault(FaultCode::kOverload));
    response_paused_ = true;
    WatchClient();
    upstream_->codec().PauseResponse(exchange_, true);
  } else if (watch_ == Watch::kTunnel) {
    WatchClient();
  }
}

void Stream::OnResponseWritable() {
  response_paused_ = false;
  WatchClient();
  if (upstream_ != nullptr) upstream_->codec().PauseResponse(exchange_, false);
}

void Stream::OnResponseEnd(http::HeaderList& trailers) {
  response_ended_ = true;
  downstream_.codec().SendEnd(id_, trailers);
  if (tunnel_ && !request_ended_) return;  // a half-close: the other direction goes on
  Finish();
}

void Stream::OnResponseReset(Fault fault) {
  upstream_reused_ = upstream_ != nullptr && upstream_->reused();
  upstream_ = nullptr;
  backend_timer_.Cancel();
  if (done_) return;
  if (MayRetry(fault)) {
    ++retries_;
    ++context_.counters.retries;
    return StartExchange();
  }
  ReplyWithFault(fault);
}

Stream::Watch Stream::WhatToWatch() const {
  if (response_paused_) return Watch::kTaking;
  if (tunnel_ || long_call_) return Watch::kTunnel;
  const bool owes_body =
      !request_ended_ && !request_paused_ && request_->body.kind != http::BodyLength::Kind::kNone;
  return owes_body ? Watch::kGiving : Watch::kNothing;
}

// A wait that goes on keeps its deadline, at which it must have moved on: a byte now and then is
// not enough.
void Stream::WatchClient() {
  const Watch watch = WhatToWatch();
  if (watch == watch_ && watch != Watch::kTunnel) return;
  watch_ = watch;
  core::TimerWheel& timers = context_.io.loop.timers();
  if (watch == Watch::kNothing) return stall_timer_.Cancel();
  if (watch == Watch::kTunnel) return timers.Arm(stall_timer_, context_.limits.tunnel_idle_ms);
  moved_ = Moved();
  timers.Arm(stall_timer_, context_.limits.stall_ms);
}

uint64_t Stream::Moved() const {
  return watch_ == Watch::kTaking ? downstream_.codec().Taken(id_) : bytes_in_;
}

// Who is answered already may send what follows as slowly as it comes up, but not stop.
bool Stream::MovesEnough() {
  if (watch_ == Watch::kTunnel) return false;
  const core::Limits& limits = context_.limits;
  const uint64_t now = Moved();
  const uint64_t moved = now - std::exchange(moved_, now);
  if (watch_ == Watch::kGiving && head_sent_) return moved > 0;
  return moved >= uint64_t{limits.stall_ms} * limits.stall_bytes_per_s / 1000;
}

void Stream::OnStall() {
  if (MovesEnough()) return context_.io.loop.timers().Arm(stall_timer_, context_.limits.stall_ms);
  ReplyWithFault(
      MakeFault(watch_ == Watch::kGiving ? FaultCode::kRequestTimeout : FaultCode::kClientStalled));
}

void Stream::OnTimeout() { ReplyWithFault(MakeFault(FaultCode::kUpstreamTimeout)); }

// ---- the response, to the client ----------------------------------------------------------------

void Stream::ReplyWithFault(Fault fault) {
  fault_ = fault.code;
  if (head_sent_) {
    downstream_.codec().SendReset(id_, fault);
    return Finish();
  }
  if (grpc_) return ReplyAsGrpc(fault.code);
  Reply(core::HttpStatus(fault.code), core::FlagName(fault.code));
}

// Trailers alone, as gRPC calls it: HTTP itself went well. None of the flags needs escaping.
void Stream::ReplyAsGrpc(FaultCode code) {
  http::ResponseHead head(arena_);
  head.status = 200;
  head.headers.Add("content-type", "application/grpc");
  head.headers.Add("grpc-status", GrpcStatus(code));
  head.headers.Add("grpc-message", core::FlagName(code));
  SendReply(head, "");
}

void Stream::ReplyWithRedirect(int status, std::string_view location) {
  http::ResponseHead head(arena_);
  head.status = status;
  head.headers.Add("location", location);
  SendReply(head, "");
}

void Stream::Reply(int status, std::string_view reason) {
  http::ResponseHead head(arena_);
  head.status = status;
  head.headers.Add("content-type", "text/plain; charset=utf-8");
  SendReply(head, arena_.Concat({reason, "\n"}));
}

void Stream::SendReply(http::ResponseHead& head, std::string_view body) {
  status_ = head.status;
  head_sent_ = true;
  if (request_->method == "HEAD") {
    head.declared_length = static_cast<int64_t>(body.size());
  } else if (!grpc_) {
    head.body = {http::BodyLength::Kind::kKnown, body.size()};
  }
  downstream_.codec().SendHead(id_, head);
  if (!body.empty() && request_->method != "HEAD") {
    // All of a reply is taken whatever SendData says.
    (void)downstream_.codec().SendData(id_, core::AsBytes(body));
  }
  downstream_.codec().SendEnd(id_, http::HeaderList(arena_));
  Finish();
}

void Stream::Finish() {
  downstream_.codec().Finish(id_);
  Done();
}

void Stream::Done() {
  if (std::exchange(done_, true)) return;
  request_timer_.Cancel();
  stall_timer_.Cancel();
  EndExchange();
  WriteLog();
  downstream_.OnStreamDone(*this);
}

void Stream::WriteLog() {
  ++context_.counters.faults[static_cast<size_t>(fault_)];
  const uint64_t duration_us = (context_.io.loop.now_ns() - started_ns_) / 1000;
  if (route_.listener != route::Result::kNoListener) {
    routing_->of_listener(route_.listener).Record(status_, duration_us, bytes_in_, bytes_out_);
  }
  std::string_view route;
  if (route_.rule != nullptr) {
    route = route_.rule->route;
    routing_->of_route(*route_.rule).Record(status_, duration_us, bytes_in_, bytes_out_);
  }
  if (request_ == nullptr || !routing_->routing().access_log) return;
  const http::Header* agent = request_->headers.Find(http::Known::kUserAgent);
  context_.log.Append({.wall_ms = context_.io.loop.wall_ms(),
                       .duration_us = duration_us,
                       .bytes_in = bytes_in_,
                       .bytes_out = bytes_out_,
                       .status = status_,
                       .fault = fault_,
                       .retries = retries_,
                       .client = downstream_.client_text,
                       .protocol = downstream_.protocol,
                       .method = request_->method,
                       .scheme = downstream_.https ? "https" : "http",
                       .host = request_->host,
                       .target = target_,
                       .user_agent = agent != nullptr ? agent->value : std::string_view(),
                       .listener = routing_->routes().ListenerId(route_.listener),
                       .route = route,
                       .endpoint = endpoint_});
}

}  // namespace sluice::stream
