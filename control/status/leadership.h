// Who leads, by a coordination.k8s.io/v1 Lease: the rules, without I/O. Times are one monotonic
// clock's milliseconds, given by the caller; the wall clock is only shown to people.
// Safe whatever other machines' clocks say: a foreign lease counts as expired when its record has
// not been seen to change for as long as it says, by our own clock; and we stop leading
// `renew_deadline` after we *sent* the last renewal that succeeded, before anybody else may begin,
// as `renew_deadline` is shorter than `duration`.
// Each round: [Begin] -> Next -> (the step's request) -> Read or Written or Refused -> Next ...
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace sluice::status {

// As client-go has them. duration > renew_deadline > retry.
struct LeaseTimes {
  absl::Duration duration = absl::Seconds(15);
  absl::Duration renew_deadline = absl::Seconds(10);
  absl::Duration retry = absl::Seconds(2);
};

// The spec of a Lease.
struct LeaseRecord {
  std::string holder;  // "": nobody
  absl::Duration duration;
  absl::Time acquired = absl::UnixEpoch();
  absl::Time renewed = absl::UnixEpoch();
  int transitions = 0;

  bool operator==(const LeaseRecord&) const = default;
};

class Leadership {
 public:
  enum class Step { kRead, kCreate, kUpdate, kWait };

  Leadership(std::string identity, LeaseTimes times);

  // A new round: who does not lead reads first.
  void Begin(uint64_t now_ms);
  // What to do now. kWait: nothing until the next round.
  Step Next(uint64_t now_ms) const;
  // What to write, with kCreate and kUpdate.
  LeaseRecord Wanted(absl::Time wall_clock) const;
  // What to write to give it up; others need not wait then.
  LeaseRecord Released(absl::Time wall_clock) const;

  // The answer to kRead; nothing: there is no Lease.
  void Read(uint64_t now_ms, std::optional<LeaseRecord> record);
  // kCreate or kUpdate succeeded with this record, in a request that was sent at `sent_ms`.
  void Written(uint64_t sent_ms, uint64_t now_ms, LeaseRecord record);
  // Somebody else wrote first: read again.
  void Refused() { fresh_ = false; }
  void Resign() { leads_until_ms_ = 0; }

  bool Leads(uint64_t now_ms) const { return now_ms < leads_until_ms_; }
  uint64_t leads_until_ms() const { return leads_until_ms_; }
  // "": nobody, or not known yet.
  std::string holder() const { return seen_ ? seen_->holder : ""; }

 private:
  bool MayTake(uint64_t now_ms) const;

  std::string identity_;
  LeaseTimes times_;
  bool fresh_ = false;               // seen_ may be acted on
  std::optional<LeaseRecord> seen_;  // nothing: there is no Lease
  uint64_t changed_ms_ = 0;          // when seen_ was seen to change
  uint64_t leads_until_ms_ = 0;
};

}  // namespace sluice::status
