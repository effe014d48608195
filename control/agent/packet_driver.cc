#include "control/agent/packet_driver.h"

#include <algorithm>
#include <utility>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "absl/time/clock.h"

namespace sluice::agent {
namespace {

constexpr uint64_t kReconcileMs = 1000;
constexpr absl::Duration kLongestWait = absl::Seconds(60);

}  // namespace

PacketDriver::PacketDriver(core::EventLoop& loop, std::unique_ptr<packet::PacketPath> path)
    : loop_(loop),
      path_(std::move(path)),
      on_devices_{[](void* self, uint32_t) { static_cast<PacketDriver*>(self)->OnDeviceEvents(); },
                  this},
      on_claims_{[](void* self, uint32_t) { static_cast<PacketDriver*>(self)->OnForeignClaims(); },
                 this},
      announce_([](void* self) { static_cast<PacketDriver*>(self)->Announce(); }, this),
      reconcile_([](void* self) { static_cast<PacketDriver*>(self)->Reconcile(); }, this),
      mailbox_(loop) {
  CHECK(loop_.AddLevel(path_->device_events_fd(), on_devices_));
  CHECK(loop_.AddLevel(path_->foreign_claims_fd(), on_claims_));
}

PacketDriver::~PacketDriver() {
  loop_.Remove(path_->device_events_fd(), on_devices_);
  loop_.Remove(path_->foreign_claims_fd(), on_claims_);
}

void PacketDriver::Apply(packet::VipTable table) {
  table_ = std::move(table);
  if (absl::Status applied = path_->Apply(table_, absl::Now()); !applied.ok()) {
    LOG(ERROR) << "applying the VIPs: " << applied.message() << "; tried again each second";
  }
  if (ownership_ != nullptr) ownership_->SetVips(CandidatesOf(table_));
  Announce();
  if (!reconcile_.armed()) loop_.timers().Arm(reconcile_, kReconcileMs);
}

void PacketDriver::Follow(VipOwnership* ownership) {
  ownership_ = ownership;
  if (ownership_ == nullptr) on_news_ = nullptr;
  if (ownership_ != nullptr) ownership_->SetVips(CandidatesOf(table_));
}

std::function<void(const std::vector<std::string>&)> PacketDriver::NewsDoor() {
  return [this](const std::vector<std::string>& lines) {
    mailbox_.Post([this, lines] {
      for (const std::string& line : lines) LOG(INFO) << line;
      Announce();
      if (on_news_) on_news_();
    });
  };
}

void PacketDriver::Announce() {
  const absl::Time now = absl::Now();
  const absl::Time next = path_->AnnounceDue(now);
  if (next == absl::InfiniteFuture()) return announce_.Cancel();
  const absl::Duration wait = std::clamp(next - now, absl::Milliseconds(1), kLongestWait);
  loop_.timers().Arm(announce_, static_cast<uint64_t>(absl::ToInt64Milliseconds(wait)));
}

void PacketDriver::OnDeviceEvents() {
  if (absl::Status handled = path_->HandleDeviceEvents(absl::Now()); !handled.ok()) {
    LOG(ERROR) << "after a change of devices: " << handled.message();
  }
  Announce();
}

void PacketDriver::OnForeignClaims() {
  for (const packet::ForeignClaim& claim : path_->TakeForeignClaims(absl::Now())) {
    ++foreign_claims_;
    LOG_EVERY_N_SEC(WARNING, 10) << claim.claimant.ToString() << " on interface " << claim.ifindex
                                 << " claims " << claim.address.ToString() << ", which is ours";
  }
}

void PacketDriver::Reconcile() {
  loop_.timers().Arm(reconcile_, kReconcileMs);
  const absl::StatusOr<int> drifted = path_->Reconcile(absl::Now());
  if (!drifted.ok()) {
    if (!reconcile_failing_)
      LOG(ERROR) << "repairing the packet path: " << drifted.status().message();
  } else if (*drifted > 0) {
    LOG(WARNING) << "repaired " << *drifted << " things of the packet path that had drifted";
  }
  reconcile_failing_ = !drifted.ok();
  Announce();
}

}  // namespace sluice::agent
