#include "control/agent/vip_ownership.h"

#include <fnmatch.h>

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::agent {
namespace {

// Five pings unanswered.
constexpr absl::Duration kProxySilence = absl::Milliseconds(150);
// A deadline that moves by less is not written again.
constexpr absl::Duration kWorthWriting = absl::Milliseconds(10);
constexpr absl::Duration kReportEvery = absl::Milliseconds(200);
constexpr absl::Duration kLongestLeave = absl::Milliseconds(500);

bool IsOn(const CandidateVip& vip, const std::string& interface) {
  return vip.interfaces.empty() ||
         std::ranges::any_of(vip.interfaces, [&](const std::string& pattern) {
           return ::fnmatch(pattern.c_str(), interface.c_str(), 0) == 0;
         });
}

std::string LineOf(const election::Event& event, const std::string& interface,
                   const election::Election& election) {
  std::string peer = "another node";
  for (const election::NodeState& node : election.Nodes(election::MonotonicNow())) {
    if (node.id == event.peer && event.peer != 0) peer = node.name;
  }
  const std::string vip = absl::StrCat("VIP ", packet::IpAddress{event.address}.ToString());
  switch (event.kind) {
    case election::Event::Kind::kTakeover:
      return absl::StrCat(vip, ": taken over on ", interface);
    case election::Event::Kind::kHandover:
      return absl::StrCat(vip, ": handed over to ", peer);
    case election::Event::Kind::kContested:
      return absl::StrCat(vip, ": left to ", peer, ", whose claim is newer");
    case election::Event::Kind::kLapsed:
      return absl::StrCat(vip, ": given up, no majority elects this node any more");
    case election::Event::Kind::kNameTaken:
      return absl::StrCat("another machine on ", interface, " has this node's name");
  }
  return "";
}

bool IsWorthWriting(const std::vector<packet::VipDeadline>& before,
                    const std::vector<packet::VipDeadline>& after) {
  if (before.size() != after.size()) return true;
  for (size_t i = 0; i < after.size(); ++i) {
    if (before[i].vip != after[i].vip) return true;
    if (absl::AbsDuration(after[i].until - before[i].until) >= kWorthWriting) return true;
  }
  return false;
}

}  // namespace

std::vector<CandidateVip> CandidatesOf(const packet::VipTable& table) {
  std::vector<CandidateVip> vips;
  for (const packet::Vip& vip : table) {
    if (!vip.announce) continue;
    vips.push_back({.address = vip.address, .interfaces = vip.interfaces, .may_own = vip.owned});
  }
  return vips;
}

VipOwnership::VipOwnership(core::EventLoop& loop, packet::PacketPath& path,
                           VipOwnershipOptions options)
    : loop_(loop), path_(path), options_(std::move(options)), mailbox_(loop) {
  fitness_.applied = true;
  known_ = options_.known;
  for (const std::string& interface : options_.interfaces) {
    election::LanMemberOptions member{
        .device = interface,
        .self = {.name = options_.node,
                 .boot = static_cast<uint64_t>(absl::ToUnixNanos(absl::Now()))},
        .known = options_.known,
        .config = options_.config,
        .port = options_.port};
    members_.push_back(
        std::make_unique<election::LanMember>(loop_, std::move(member), [this] { OnDecided(); }));
  }
}

VipOwnership::~VipOwnership() = default;

absl::Status VipOwnership::Start() {
  absl::Status first;
  for (const auto& member : members_) {
    if (absl::Status started = member->Start(); first.ok()) first = started;
  }
  return first;
}

void VipOwnership::ProxyAnswered() {
  answered_at_ = election::MonotonicNow();
  CheckProxy();
}

void VipOwnership::CheckProxy() {
  fitness_.proxy_answers = election::MonotonicNow() - answered_at_ < kProxySilence;
  UpdateFitness();
}

void VipOwnership::UpdateFitness() {
  for (const auto& member : members_) member->SetFitness(fitness_);
}

void VipOwnership::SetKeys(election::HeartbeatKeys keys) {
  const auto shared = std::make_shared<election::HeartbeatKeys>(std::move(keys));
  mailbox_.Post([this, shared] {
    for (const auto& member : members_) member->SetKeys(shared->Copy());
  });
}

void VipOwnership::SetVips(std::vector<CandidateVip> vips) {
  mailbox_.Post([this, vips = std::move(vips)] {
    std::vector<std::vector<election::ElectedAddress>> addresses(members_.size());
    for (const CandidateVip& vip : vips) {
      const auto member = std::ranges::find_if(
          members_, [&](const auto& member) { return IsOn(vip, member->device()); });
      if (member == members_.end()) continue;
      addresses[static_cast<size_t>(member - members_.begin())].push_back(
          {vip.address.bytes, vip.group, vip.may_own});
    }
    for (size_t i = 0; i < members_.size(); ++i) {
      const absl::Status set = members_[i]->SetAddresses(addresses[i]);
      if (!set.ok() && options_.on_news) options_.on_news({std::string(set.message())});
    }
  });
}

void VipOwnership::SetApplied(bool applied) {
  mailbox_.Post([this, applied] {
    fitness_.applied = applied;
    UpdateFitness();
  });
}

void VipOwnership::Leave(std::function<void()> done) {
  mailbox_.Post([this, done = std::move(done)] {
    left_ = done;
    leave_by_ = election::MonotonicNow() + kLongestLeave;
    fitness_.draining = true;
    UpdateFitness();
  });
}

void VipOwnership::LeaveAndWait() {
  const auto left = std::make_shared<std::promise<void>>();
  Leave([left] { left->set_value(); });
  left->get_future().wait_for(absl::ToChronoMilliseconds(2 * kLongestLeave));
}

void VipOwnership::FinishLeaving(bool holds_any) {
  if (!left_) return;
  const absl::Time now = election::MonotonicNow();
  bool successor = false;
  for (const auto& member : members_) {
    const std::vector<election::NodeState> nodes = member->election().Nodes(now);
    successor |= std::any_of(nodes.begin() + 1, nodes.end(), [](const election::NodeState& node) {
      return node.alive && node.standing >= election::Standing::kProbation;
    });
  }
  if (holds_any && successor && now < leave_by_) return;
  std::exchange(left_, nullptr)();
}

void VipOwnership::SetMembers(std::vector<std::string> names) {
  mailbox_.Post([this, names = std::move(names)] {
    for (const auto& member : members_) member->SetMembers(names);
  });
}

void VipOwnership::OnDecided() {
  std::vector<packet::VipDeadline> held;
  bool lone = true;
  for (const auto& member : members_) {
    lone &= member->election().KnownNodes().empty();
    for (const election::Election::Holding& holding : member->election().Holdings()) {
      held.push_back({packet::IpAddress{holding.address}, holding.until});
    }
  }
  if (!lone && !leftovers_given_up_) leftovers_given_up_ = path_.GiveUpLeftovers().ok();
  const bool holds_any = !held.empty();
  bool announced = false;
  const bool retry = held_at_ + kReportEvery < election::MonotonicNow();
  if (IsWorthWriting(held_, held) || (retry && !held.empty())) {
    const absl::StatusOr<bool> taken_over = path_.Hold(held);
    announced = taken_over.ok() && *taken_over;
    held_at_ = election::MonotonicNow();
    if (taken_over.ok()) held_ = std::move(held);
    if (!taken_over.ok()) {
      const std::lock_guard lock(mutex_);
      ++report_.hold_failures;
    }
  }
  std::vector<std::string> lines;
  for (const auto& member : members_) {
    for (const election::Event& event : member->election().TakeEvents()) {
      lines.push_back(LineOf(event, member->device(), member->election()));
    }
    if (member->counters().foreign > 0 && !std::exchange(told_foreign_, true)) {
      lines.push_back(absl::StrCat("heartbeats on ", member->device(),
                                   " are signed with no key of ours: this node ignores them"));
    }
  }
  if (!lines.empty() || announced || published_at_ + kReportEvery < election::MonotonicNow()) {
    Publish();
  }
  if ((!lines.empty() || announced) && options_.on_news) options_.on_news(lines);
  FinishLeaving(holds_any);
}

void VipOwnership::Publish() {
  OwnershipReport report;
  report.at = published_at_ = election::MonotonicNow();
  for (const auto& member : members_) {
    const election::Election& election = member->election();
    report.lans.push_back({.interface = member->device(),
                           .standing = election.standing(),
                           .nodes = election.Nodes(report.at),
                           .addresses = election.Addresses(report.at),
                           .counters = member->counters()});
    for (const std::string& name : election.KnownNodes()) {
      if (std::ranges::find(report.known, name) == report.known.end()) report.known.push_back(name);
    }
  }
  const bool news = report.known != known_;
  known_ = report.known;
  {
    const std::lock_guard lock(mutex_);
    report.hold_failures = report_.hold_failures;
    report_ = std::move(report);
  }
  if (news && options_.on_news) options_.on_news({});
}

OwnershipReport VipOwnership::Report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

}  // namespace sluice::agent
