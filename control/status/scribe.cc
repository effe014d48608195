#include "control/status/scribe.h"

#include <utility>

#include "absl/log/log.h"
#include "absl/strings/str_join.h"
#include "control/kube/resource.h"

namespace sluice::status {
namespace {

// How soon it is found that somebody else changed what we wrote.
constexpr uint64_t kReviewMs = 1000;

}  // namespace

Scribe::Scribe(core::EventLoop& loop, kube::Client& client, const kube::ClusterSource& source,
               ScribeOptions options, ScribeOutputs outputs)
    : loop_(loop),
      client_(client),
      source_(source),
      options_(std::move(options)),
      outputs_(std::move(outputs)),
      lease_(loop, client,
             {.name = {options_.namespace_, options_.lease},
              .identity = options_.identity,
              .times = options_.times},
             [this](bool leads) { OnLeader(leads); }),
      statuses_(loop, client,
                {.may_write = [this] { return leads(); },
                 .known =
                     [this](std::string_view kind, const gateway_api::NamespacedName& name) {
                       return source_.Find(kind, name);
                     },
                 .deadline = options_.times.duration - options_.times.renew_deadline}),
      allocations_(loop, client,
                   {.may_write = [this] { return leads(); },
                    .known =
                        [this](std::string_view kind, const gateway_api::NamespacedName& name) {
                          return source_.Find(kind, name);
                        },
                    .objects = [this]() -> const gateway_api::ObjectSet& {
                      return *source_.state().objects;
                    },
                    .deadline = options_.times.duration - options_.times.renew_deadline},
                   [this] { outputs_.compile(); }),
      services_(loop, client, {.may_write = [this] { return leads(); }}),
      keys_(loop, client,
            {.namespace_ = options_.namespace_, .may_write = [this] { return leads(); }}),
      reporter_(loop, client, {}),
      nodes_(loop, client, options_.node, [this] { OnNodes(); }),
      patience_([](void* self) { static_cast<Scribe*>(self)->OutOfPatience(); }, this),
      review_([](void* self) { static_cast<Scribe*>(self)->Review(); }, this) {}

void Scribe::Start() { lease_.Start(); }

void Scribe::OnLeader(bool leads) {
  if (leads) {
    nodes_.Start();
    Review();
  } else {
    statuses_.Stop();
    allocations_.Stop();
    services_.Stop();
    keys_.Stop();
    nodes_.Stop();
    removals_.clear();
    review_.Cancel();
    patience_.Cancel();
    if (held_) Release(held_->statuses, held_->versions);  // kept for when it may write
  }
  if (stopped_) return;
  if (said_) Say(*said_);
  outputs_.compile();
}

// Gateways that could not be read yet look as if there were none: nothing is taken away for that.
bool Scribe::MayTakeAway() const {
  const Versions& read = source_.versions();
  return leads() && read.contains("Gateway") && read.contains("GatewayClass");
}

void Scribe::Compiled(const compile::Compiled& compiled) {
  if (MayTakeAway()) allocations_.Want(compiled.allocations);
}

// ---- statuses -----------------------------------------------------------------------------------

void Scribe::Want(const compile::Statuses& statuses, Versions versions) {
  needed_ = needs_.Update(*source_.state().objects, source_.versions());
  if (Awaited().empty()) return Release(statuses, std::move(versions));
  held_ = {statuses, std::move(versions)};
  if (patience_.armed()) return;  // since the first that waits
  loop_.timers().Arm(patience_,
                     static_cast<uint64_t>(absl::ToInt64Milliseconds(options_.patience)));
}

// Who does not know yet what a status says.
std::vector<std::string> Scribe::Awaited() const {
  if (!leads() || !nodes_.known()) return {};
  return Lagging(nodes_.progress(), needed_);
}

void Scribe::OnNodes() {
  if (held_ && Awaited().empty()) Release(held_->statuses, held_->versions);
}

void Scribe::OutOfPatience() {
  const std::vector<std::string> late = Awaited();
  if (!late.empty()) {
    LOG(WARNING) << "statuses are written without waiting for " << absl::StrJoin(late, ", ")
                 << ", which did not apply the newest configuration in time";
  }
  nodes_.GoneWithout(late);
  if (held_) Release(held_->statuses, held_->versions);
}

// The arguments may be those of held_.
void Scribe::Release(const compile::Statuses& statuses, Versions versions) {
  patience_.Cancel();
  covered_ = std::move(versions);
  gateways_.clear();
  for (const auto& [name, status] : statuses.gateways) gateways_.insert(name);
  statuses_.Want(statuses);
  held_.reset();
  if (!std::exchange(wanted_, true)) return Review();
  WantServices();
}

std::vector<std::string> Scribe::lagging() const {
  return nodes_.known() ? Lagging(nodes_.progress(), needed_) : std::vector<std::string>();
}

// ---- what is looked after -----------------------------------------------------------------------

void Scribe::Review() {
  if (!leads() || stopped_) return;
  loop_.timers().Arm(review_, kReviewMs);
  const gateway_api::ObjectSet& objects = *source_.state().objects;
  if (source_.synced()) {
    keys_.Look(objects.Find<gateway_api::Secret>({options_.namespace_, kKeysSecret}));
  }
  RemoveOrphans();
  if (!wanted_) return;
  statuses_.Review(objects, MayTakeAway() ? covered_ : Versions());
  WantServices();
}

void Scribe::WantServices() {
  if (MayTakeAway()) services_.Want(gateways_, *source_.state().objects);
}

// A node that was removed cannot take its report away.
void Scribe::RemoveOrphans() {
  if (!source_.synced() || source_.nodes().empty()) return;
  for (const std::string& name : nodes_.Orphans(source_.nodes())) {
    if (removals_.contains(name)) continue;
    removals_[name] =
        client_.Send({.method = kube::Method::kDelete,
                      .path = kube::ObjectPath(kNodeReports, {"", name}),
                      .body = {}},
                     [name](const kube::Response& response) {
                       if (response.ok() || response.code == 404) return;
                       LOG(WARNING) << "NodeReport " << name
                                    << " of a node that is gone: " << response.ToStatus().message();
                     });
  }
}

void Scribe::Say(NodeReport report) {
  report.node = options_.node;
  report.leader = leads();
  said_ = report;
  if (!stopped_) reporter_.Say(std::move(report), std::max<size_t>(1, source_.nodes().size()));
}

void Scribe::Stop(std::function<void()> done) {
  stopped_ = true;
  reporter_.Stop();
  review_.Cancel();
  lease_.Release(std::move(done));
}

}  // namespace sluice::status
