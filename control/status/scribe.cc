#include "control/status/scribe.h"

#include <utility>

namespace sluice::status {
namespace {

// How soon it is found that somebody else changed what we wrote.
constexpr uint64_t kReviewMs = 1000;

}  // namespace

Scribe::Scribe(core::EventLoop& loop, kube::Client& client, const kube::ClusterSource& source,
               ScribeOptions options, ScribeOutputs outputs)
    : loop_(loop),
      source_(source),
      outputs_(std::move(outputs)),
      lease_(loop, client,
             {.name = {options.namespace_, options.lease},
              .identity = options.identity,
              .times = options.times},
             [this](bool leads) { OnLeader(leads); }),
      statuses_(loop, client,
                {.may_write = [this] { return lease_.leads(); },
                 .known =
                     [this](std::string_view kind, const gateway_api::NamespacedName& name) {
                       return source_.Find(kind, name);
                     },
                 .deadline = options.times.duration - options.times.renew_deadline}),
      review_([](void* self) { static_cast<Scribe*>(self)->Review(); }, this) {}

void Scribe::Start() { lease_.Start(); }

void Scribe::Want(const compile::Statuses& statuses, Versions covered) {
  covered_ = std::move(covered);
  statuses_.Want(statuses);
  if (!std::exchange(wanted_, true)) Review();
}

void Scribe::OnLeader(bool leads) {
  if (leads) {
    Review();
  } else {
    statuses_.Stop();
    review_.Cancel();
  }
  outputs_.on_leader(leads);
}

void Scribe::Review() {
  if (!leads() || !wanted_) return;
  statuses_.Review(*source_.state().objects, covered_);
  loop_.timers().Arm(review_, kReviewMs);
}

void Scribe::Stop(std::function<void()> done) { lease_.Release(std::move(done)); }

}  // namespace sluice::status
