#include "control/election/lan_member.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/log/check.h"
#include "control/election/heartbeat_wire.h"

namespace sluice::election {
namespace {

constexpr absl::Duration kDeviceCheck = absl::Milliseconds(100);
constexpr absl::Duration kLate = absl::Milliseconds(50);
constexpr absl::Duration kLongestSleep = absl::Seconds(1);

}  // namespace

absl::Time MonotonicNow() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::TimeFromTimespec(now);
}

LanMember::LanMember(core::EventLoop& loop, LanMemberOptions options,
                     std::function<void()> on_decided)
    : loop_(loop),
      options_(std::move(options)),
      on_decided_(std::move(on_decided)),
      election_(options_.config, options_.self, options_.known, MonotonicNow()),
      on_readable_{[](void* self, uint32_t) { static_cast<LanMember*>(self)->OnReadable(); }, this},
      on_timer_{[](void* self, uint32_t) { static_cast<LanMember*>(self)->OnTimer(); }, this} {}

LanMember::~LanMember() {
  CloseSocket();
  if (timer_.valid()) loop_.Remove(timer_.get(), on_timer_);
}

absl::Status LanMember::Start() {
  timer_ = core::Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer_.valid()) return absl::ErrnoToStatus(errno, "timerfd");
  CHECK(loop_.AddLevel(timer_.get(), on_timer_));
  const absl::Status opened = OpenSocket();
  Step();
  return opened;
}

absl::Status LanMember::OpenSocket() {
  absl::StatusOr<HeartbeatSocket> socket = HeartbeatSocket::Open(options_.device, options_.port);
  if (!socket.ok()) return socket.status();
  socket_ = *std::move(socket);
  for (const int fd : socket_->fds()) CHECK(loop_.AddLevel(fd, on_readable_));
  return absl::OkStatus();
}

void LanMember::CloseSocket() {
  if (!socket_) return;
  for (const int fd : socket_->fds()) loop_.Remove(fd, on_readable_);
  routed_before_ += socket_->routed();
  socket_.reset();
}

void LanMember::SetKeys(HeartbeatKeys keys) {
  keys_ = std::move(keys);
  Step();
}

absl::Status LanMember::SetAddresses(const std::vector<ElectedAddress>& addresses) {
  absl::Status set = election_.SetAddresses(addresses);
  Step();
  return set;
}

void LanMember::SetFitness(const Fitness& fitness) {
  if (fitness == fitness_) return;
  fitness_ = fitness;
  Step();
}

void LanMember::SetMembers(const std::vector<std::string>& names) {
  election_.SetMembers(names);
  Step();
}

void LanMember::OnReadable() {
  if (!socket_) return;
  const absl::Time now = MonotonicNow();
  socket_->Receive([&](std::span<const uint8_t> payload) {
    Heartbeat heartbeat;
    switch (Decode(payload, keys_, heartbeat)) {
      case HeartbeatError::kNone:
        ++counters_.received;
        return election_.Receive(heartbeat, now);
      case HeartbeatError::kForeign:
        ++counters_.foreign;
        return;
      case HeartbeatError::kOtherVersion:
        ++counters_.other_version;
        return;
      case HeartbeatError::kMalformed:
        ++counters_.malformed;
        return;
    }
  });
  Step();
}

void LanMember::OnTimer() {
  uint64_t expirations;
  (void)!::read(timer_.get(), &expirations, sizeof expirations);
  if (MonotonicNow() - due_ >= kLate) ++counters_.late;
  // What has arrived meanwhile is to be known before anything is decided.
  OnReadable();
  if (!socket_) Step();
}

// A device may go and come back under the same name.
void LanMember::CheckDevice() {
  const absl::Time now = MonotonicNow();
  if (now - device_checked_ < kDeviceCheck) return;
  device_checked_ = now;
  if (socket_ && !socket_->IsCurrent()) CloseSocket();
  if (!socket_) OpenSocket().IgnoreError();
  carrier_ = socket_ && socket_->HasCarrier();
}

void LanMember::Step() {
  if (!timer_.valid()) return;  // not started
  CheckDevice();
  Fitness fitness = fitness_;
  fitness.link_up = carrier_;
  election_.SetFitness(fitness);
  election_.Advance(MonotonicNow());
  on_decided_();
  const std::optional<Heartbeat> heartbeat = election_.TakeHeartbeat(MonotonicNow());
  if (heartbeat && socket_ && !keys_.empty()) {
    const bool sent = socket_->Send(Encode(*heartbeat, keys_)).ok();
    ++(sent ? counters_.sent : counters_.send_failures);
  }
  Arm();
}

void LanMember::Arm() {
  const absl::Time now = MonotonicNow();
  due_ = std::clamp(election_.NextDue(), now + absl::Milliseconds(1), now + kLongestSleep);
  itimerspec when = {.it_interval = {}, .it_value = absl::ToTimespec(due_)};
  CHECK_EQ(0, ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr));
}

LanCounters LanMember::counters() const {
  LanCounters counters = counters_;
  counters.routed = routed_before_ + (socket_ ? socket_->routed() : 0);
  return counters;
}

}  // namespace sluice::election
