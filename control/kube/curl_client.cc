#include "control/kube/curl_client.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "control/kube/curl_multi.h"
#include "control/kube/curl_transfer.h"

namespace sluice::kube {
namespace {

uint64_t Milliseconds(absl::Duration duration) {
  return static_cast<uint64_t>(std::max<int64_t>(absl::ToInt64Milliseconds(duration), 1));
}

}  // namespace

struct CurlClient::State {
  // A transfer, its deadline, and whether libcurl has it.
  struct Active {
    Active(State& owner, Request request, Transfer::Handlers handlers, Transfer::Limits limits);

    State& state;
    core::Timer deadline;
    Transfer transfer;
    bool added = false;
    bool dirty = false;
  };
  class ActiveCall;

  State(core::EventLoop& event_loop, Config config_in, CurlClientOptions options_in);
  ~State();

  std::unique_ptr<Call> Start(Request request, Transfer::Handlers handlers);
  void Begin(Active& active);
  void Forget(Active& active);
  absl::Status RefreshCredentials();

  void OnTurn(std::vector<CurlMulti::Done> done);
  void OnEnded(Active& active);
  void OnBytes(Active& active);
  void OnDeadline(Active& active);
  void MarkDirty(Active& active);
  void Deliver();

  void ArmProbe();
  void OnSilence();
  void Probe();
  void Reset();

  core::EventLoop& loop;
  Config config;
  CurlClientOptions options;
  std::unique_ptr<CurlMulti> multi;
  std::vector<std::shared_ptr<Active>> active;  // all that have a Call
  std::vector<std::shared_ptr<Active>> dirty;   // with something to hand on
  core::Deferred deliver;
  core::Timer silence;
  core::Deferred reset;
  std::unique_ptr<Call> probe;
  uint64_t heard_ms = 0;
  uint64_t connections = 0;
};

CurlClient::State::Active::Active(State& owner, Request request, Transfer::Handlers handlers,
                                  Transfer::Limits limits)
    : state(owner),
      deadline(
          [](void* self) {
            auto& active = *static_cast<Active*>(self);
            active.state.OnDeadline(active);
          },
          this),
      transfer(std::move(request), std::move(handlers), limits,
               [this](Transfer&) { state.OnBytes(*this); }) {}

class CurlClient::State::ActiveCall : public Call {
 public:
  explicit ActiveCall(std::shared_ptr<Active> active) : active_(std::move(active)) {}
  ActiveCall(const ActiveCall&) = delete;
  ActiveCall& operator=(const ActiveCall&) = delete;
  ~ActiveCall() override {
    active_->transfer.Cancel();
    active_->state.Forget(*active_);
  }

 private:
  std::shared_ptr<Active> active_;
};

CurlClient::State::State(core::EventLoop& event_loop, Config config_in,
                         CurlClientOptions options_in)
    : loop(event_loop),
      config(std::move(config_in)),
      options(std::move(options_in)),
      deliver([](void* self) { static_cast<State*>(self)->Deliver(); }, this),
      silence([](void* self) { static_cast<State*>(self)->OnSilence(); }, this),
      reset([](void* self) { static_cast<State*>(self)->Reset(); }, this) {
  multi = std::make_unique<CurlMulti>(
      loop, [this](std::vector<CurlMulti::Done> done) { OnTurn(std::move(done)); });
}

CurlClient::State::~State() {
  probe.reset();
  CHECK(active.empty()) << "a Call outlives its client";
}

std::unique_ptr<Call> CurlClient::State::Start(Request request, Transfer::Handlers handlers) {
  const Transfer::Limits limits = {options.max_body_bytes, options.max_line_bytes};
  auto started = std::make_shared<Active>(*this, std::move(request), std::move(handlers), limits);
  active.push_back(started);
  Begin(*started);
  return std::make_unique<ActiveCall>(std::move(started));
}

void CurlClient::State::Begin(Active& begun) {
  if (absl::Status ready = RefreshCredentials(); !ready.ok()) {
    begun.transfer.End(std::move(ready));
    MarkDirty(begun);
    return;
  }
  begun.transfer.Prepare(config, options.user_agent);
  multi->Add(begun.transfer.easy());
  begun.added = true;
  loop.timers().Arm(begun.deadline, Milliseconds(begun.transfer.request().deadline));
  if (begun.transfer.is_watch()) ArmProbe();
}

// What cannot be read now but was read before goes on being used.
absl::Status CurlClient::State::RefreshCredentials() {
  for (Material* material :
       {&config.ca, &config.token, &config.client_certificate, &config.client_key}) {
    absl::Status read = material->Refresh(loop.now_ms());
    if (!read.ok() && material->Reveal().empty()) return read;
  }
  return absl::OkStatus();
}

// Its Call is gone: nothing may reach it any more.
void CurlClient::State::Forget(Active& gone) {
  gone.deadline.Cancel();
  if (std::exchange(gone.added, false)) multi->Remove(gone.transfer.easy());
  std::erase_if(active, [&](const auto& each) { return each.get() == &gone; });
}

void CurlClient::State::OnTurn(std::vector<CurlMulti::Done> done) {
  for (const CurlMulti::Done& each : done) {
    auto found =
        std::ranges::find(active, each.easy, [](const auto& one) { return one->transfer.easy(); });
    CHECK(found != active.end());
    (*found)->transfer.End(each.code, config.server);
    OnEnded(**found);
  }
  Deliver();
}

void CurlClient::State::OnEnded(Active& ended) {
  // One that was only tried for is counted by libcurl for each that waited for it.
  if (ended.transfer.opened_connection() && ended.transfer.response().code != 0) ++connections;
  if (ended.transfer.response().code == 401) config.token.Expire();
  ended.deadline.Cancel();
  if (std::exchange(ended.added, false)) multi->Remove(ended.transfer.easy());
  MarkDirty(ended);
}

void CurlClient::State::OnBytes(Active& on) {
  heard_ms = loop.now_ms();
  if (on.transfer.is_watch()) {
    loop.timers().Arm(on.deadline, Milliseconds(on.transfer.request().deadline));
  }
  MarkDirty(on);
}

void CurlClient::State::OnDeadline(Active& late) {
  late.transfer.End(absl::DeadlineExceededError(
      absl::StrCat(config.server, ": ", late.transfer.is_watch() ? "silent" : "no answer", " for ",
                   absl::FormatDuration(late.transfer.request().deadline))));
  OnEnded(late);
}

void CurlClient::State::MarkDirty(Active& on) {
  if (std::exchange(on.dirty, true)) return;
  auto found = std::ranges::find(active, &on, [](const auto& each) { return each.get(); });
  CHECK(found != active.end());
  dirty.push_back(*found);
  loop.Defer(deliver);
}

void CurlClient::State::Deliver() {
  for (const std::shared_ptr<Active>& each : std::exchange(dirty, {})) {
    each->dirty = false;
    if (each->transfer.cancelled()) continue;
    const bool ended = each->transfer.ended();
    each->transfer.Deliver();
    // A line that was too long has ended it just now.
    if (!ended && each->transfer.ended() && !each->transfer.cancelled()) OnEnded(*each);
  }
}

void CurlClient::State::ArmProbe() {
  if (silence.armed()) return;
  heard_ms = loop.now_ms();
  loop.timers().Arm(silence, Milliseconds(options.silence));
}

void CurlClient::State::OnSilence() {
  const bool watching =
      std::ranges::any_of(active, [](const auto& each) { return each->transfer.is_watch(); });
  if (!watching) return;  // the next watch arms it again
  const uint64_t quiet = loop.now_ms() - heard_ms;
  const uint64_t limit = Milliseconds(options.silence);
  if (quiet >= limit && probe == nullptr) Probe();
  loop.timers().Arm(silence, quiet >= limit ? limit : limit - quiet);
}

// On a connection that lives, any answer will do: even 403 or 500 is a sign of life.
void CurlClient::State::Probe() {
  probe = Start({.path = "/version", .deadline = options.probe},
                {.on_line = nullptr, .on_end = [this](const Response& response) {
                   probe.reset();
                   if (!response.transport.ok()) loop.Defer(reset);
                 }});
}

void CurlClient::State::Reset() {
  LOG(WARNING) << config.server << " does not answer; its connection is given up";
  for (const std::shared_ptr<Active>& each : std::vector(active)) {
    if (!each->added) continue;
    each->transfer.End(absl::UnavailableError(absl::StrCat(config.server, " does not answer")));
    OnEnded(*each);
  }
  multi = std::make_unique<CurlMulti>(
      loop, [this](std::vector<CurlMulti::Done> done) { OnTurn(std::move(done)); });
}

CurlClient::CurlClient(core::EventLoop& loop, Config config, CurlClientOptions options)
    : state_(std::make_unique<State>(loop, std::move(config), std::move(options))) {}

CurlClient::~CurlClient() = default;

std::unique_ptr<Call> CurlClient::Send(Request request,
                                       std::function<void(const Response&)> on_done) {
  return state_->Start(std::move(request), {.on_line = nullptr, .on_end = std::move(on_done)});
}

std::unique_ptr<Call> CurlClient::Watch(Request request,
                                        std::function<void(std::string_view line)> on_line,
                                        std::function<void(const Response&)> on_end) {
  return state_->Start(std::move(request),
                       {.on_line = std::move(on_line), .on_end = std::move(on_end)});
}

const std::string& CurlClient::server() const { return state_->config.server; }

uint64_t CurlClient::connections() const { return state_->connections; }

}  // namespace sluice::kube
