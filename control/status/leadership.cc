#include "control/status/leadership.h"

#include <utility>

#include "absl/log/check.h"

namespace sluice::status {
namespace {

uint64_t Ms(absl::Duration duration) {
  return static_cast<uint64_t>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

Leadership::Leadership(std::string identity, LeaseTimes times)
    : identity_(std::move(identity)), times_(times) {
  CHECK(!identity_.empty());
  CHECK(times_.retry > absl::ZeroDuration() && times_.renew_deadline > times_.retry &&
        times_.duration > times_.renew_deadline);
}

void Leadership::Begin(uint64_t now_ms) {
  if (!Leads(now_ms)) fresh_ = false;
}

Leadership::Step Leadership::Next(uint64_t now_ms) const {
  if (!fresh_) return Step::kRead;
  if (!seen_) return Step::kCreate;
  return MayTake(now_ms) ? Step::kUpdate : Step::kWait;
}

bool Leadership::MayTake(uint64_t now_ms) const {
  if (seen_->holder == identity_ || seen_->holder.empty()) return true;
  const absl::Duration said = seen_->duration;
  return now_ms >= changed_ms_ + Ms(said > absl::ZeroDuration() ? said : times_.duration);
}

LeaseRecord Leadership::Wanted(absl::Time wall_clock) const {
  LeaseRecord record = seen_.value_or(LeaseRecord());
  if (record.holder != identity_) {
    if (seen_) ++record.transitions;
    record.holder = identity_;
    record.acquired = wall_clock;
  }
  record.duration = absl::Ceil(times_.duration, absl::Seconds(1));
  record.renewed = wall_clock;
  return record;
}

LeaseRecord Leadership::Released(absl::Time wall_clock) const {
  LeaseRecord record = seen_.value_or(LeaseRecord());
  record.holder.clear();
  record.duration = absl::Seconds(1);
  record.renewed = wall_clock;
  return record;
}

void Leadership::Read(uint64_t now_ms, std::optional<LeaseRecord> record) {
  if (changed_ms_ == 0 || record != seen_) changed_ms_ = now_ms;
  seen_ = std::move(record);
  fresh_ = true;
  if (!seen_ || seen_->holder != identity_) leads_until_ms_ = 0;
}

void Leadership::Written(uint64_t sent_ms, uint64_t now_ms, LeaseRecord record) {
  Read(now_ms, std::move(record));
  if (seen_->holder == identity_) leads_until_ms_ = sent_ms + Ms(times_.renew_deadline);
}

}  // namespace sluice::status
