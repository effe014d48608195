// A LAN of Elections under the faults of a Scenario, in simulated time: nodes with their own
// clocks, a network that loses, delays, doubles and reorders, and the deadlines as the kernel holds
// them, which outlive a process. Checks as it runs; Run says what went wrong first.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/election/election.h"
#include "scenario.h"

namespace sluice::election {

inline ElectionConfig SimulatedConfig() {
  ElectionConfig config;
  config.settle = absl::Milliseconds(300);
  return config;
}

class SimulatedLan {
 public:
  explicit SimulatedLan(const Scenario& scenario) : scenario_(scenario), random_(scenario.seed) {
    for (int node = 0; node < scenario.nodes; ++node) {
      nodes_.push_back({.offset_us = static_cast<int64_t>(random_() % 1'000'000'000),
                        .kernel = std::vector<Kernel>(scenario.addresses)});
      At(static_cast<int64_t>(Below(20'000)), {.kind = Step::Kind::kStart, .node = node});
    }
    for (size_t i = 0; i < scenario.faults.size(); ++i) {
      const int fault = static_cast<int>(i);
      At(scenario.faults[i].begin_ms * 1000, {.kind = Step::Kind::kFaultBegins, .node = fault});
      At(scenario.faults[i].end_ms * 1000, {.kind = Step::Kind::kFaultEnds, .node = fault});
    }
    for (const int end_ms : {kSettled, kHeal, kEnd}) {
      At(end_ms * 1000 - 30'000, {.kind = Step::Kind::kCheck});
    }
  }

  // Empty: all was well.
  std::string Run() {
    while (!steps_.empty() && violation_.empty()) {
      const Step step = steps_.top();
      steps_.pop();
      if (step.at_us >= kEnd * 1000) break;
      now_us_ = step.at_us;
      Do(step);
    }
    return violation_;
  }

  int64_t longest_overlap_us() const { return longest_overlap_us_; }

 private:
  struct Kernel {  // of one address: answered from begin to until
    int64_t begin_us = 0;
    int64_t until_us = 0;
    bool pushed = false;  // by the process that runs now
  };
  struct Node {
    int64_t offset_us = 0;
    std::vector<Kernel> kernel;
    std::unique_ptr<Election> election;  // null: crashed
    uint64_t boots = 0;
    int paused = 0, crashed = 0, draining = 0, unfit = 0;  // faults that are on
    int64_t wake_us = -1;
    std::vector<std::shared_ptr<const Heartbeat>> socket;  // arrived during a pause

    bool runs() const { return election != nullptr && paused == 0; }
  };
  struct Step {
    enum class Kind { kStart, kWake, kArrive, kFaultBegins, kFaultEnds, kCheck };
    Kind kind = Kind::kWake;
    int node = 0;  // or the fault
    int64_t at_us = 0;
    uint64_t order = 0;
    std::shared_ptr<const Heartbeat> heartbeat = nullptr;

    bool operator<(const Step& other) const {  // the earliest is on top
      return std::pair(at_us, order) > std::pair(other.at_us, other.order);
    }
  };

  uint64_t Below(uint64_t n) { return random_() % n; }
  bool Percent(int amount) { return static_cast<int>(Below(100)) < amount; }

  void At(int64_t at_us, Step step) {
    step.at_us = at_us;
    step.order = ++order_;
    steps_.push(std::move(step));
  }

  absl::Time Local(const Node& node) const {
    const double rate = scenario_.rate[static_cast<size_t>(&node - nodes_.data())];
    return absl::UnixEpoch() + absl::Microseconds(node.offset_us) +
           absl::Nanoseconds(static_cast<int64_t>(static_cast<double>(now_us_) * 1000 * rate));
  }
  int64_t Global(const Node& node, absl::Time local) const {
    const double rate = scenario_.rate[static_cast<size_t>(&node - nodes_.data())];
    const double us =
        absl::ToDoubleMicroseconds(local - absl::UnixEpoch()) - static_cast<double>(node.offset_us);
    return static_cast<int64_t>(us / rate);
  }

  void Do(const Step& step) {
    switch (step.kind) {
      case Step::Kind::kStart:
        return Start(step.node);
      case Step::Kind::kWake:
        if (nodes_[step.node].wake_us == step.at_us) Wake(step.node);
        return;
      case Step::Kind::kArrive:
        return Arrive(step.node, step.heartbeat);
      case Step::Kind::kFaultBegins:
        return Turn(scenario_.faults[static_cast<size_t>(step.node)], +1);
      case Step::Kind::kFaultEnds:
        return Turn(scenario_.faults[static_cast<size_t>(step.node)], -1);
      case Step::Kind::kCheck:
        return CheckOwned();
    }
  }

  static std::string NameOf(int node) { return absl::StrCat("node-", node); }
  static AddressKey KeyOf(int address) {
    return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, static_cast<uint8_t>(address)};
  }

  void Start(int index) {
    Node& node = nodes_[static_cast<size_t>(index)];
    if (node.crashed > 0) return;
    std::vector<std::string> known;
    for (int other = 0; other < scenario_.nodes; ++other) known.push_back(NameOf(other));
    node.election = std::make_unique<Election>(
        SimulatedConfig(), Election::Self{NameOf(index), ++node.boots}, known, Local(node));
    for (Kernel& kernel : node.kernel) kernel.pushed = false;
    node.socket.clear();
    std::vector<ElectedAddress> addresses;
    for (int address = 0; address < scenario_.addresses; ++address) {
      const GroupId group = address == scenario_.addresses - 1 ? 2 : 1;
      addresses.push_back({KeyOf(address), group, scenario_.IsMember(index, address)});
    }
    if (!node.election->SetAddresses(addresses).ok()) violation_ = "addresses refused";
    SetFitness(node);
    if (node.paused == 0) Wake(index);
  }

  static void SetFitness(Node& node) {
    node.election->SetFitness({.proxy_answers = node.unfit == 0,
                               .applied = true,
                               .link_up = true,
                               .draining = node.draining > 0});
  }

  void Arrive(int index, const std::shared_ptr<const Heartbeat>& heartbeat) {
    Node& node = nodes_[static_cast<size_t>(index)];
    if (node.election == nullptr) return;
    if (node.paused > 0) {
      if (node.socket.size() < 200) node.socket.push_back(heartbeat);
      return;
    }
    node.election->Receive(*heartbeat, Local(node));
    Wake(index);
  }

  void Wake(int index) {
    Node& node = nodes_[static_cast<size_t>(index)];
    if (!node.runs()) return;
    node.election->Advance(Local(node));
    Push(node);
    if (const auto heartbeat = node.election->TakeHeartbeat(Local(node))) {
      Broadcast(index, std::make_shared<const Heartbeat>(*heartbeat));
    }
    const int64_t due = Global(node, node.election->NextDue());
    node.wake_us = std::max(due, now_us_) + 1 + static_cast<int64_t>(Below(4'000));
    At(node.wake_us, {.kind = Step::Kind::kWake, .node = index});
  }

  void Broadcast(int from, const std::shared_ptr<const Heartbeat>& heartbeat) {
    for (int to = 0; to < scenario_.nodes; ++to) {
      if (to == from || !Reaches(from, to) || Percent(loss_)) continue;
      const int copies = Percent(duplicate_) ? 2 : 1;
      for (int i = 0; i < copies; ++i) {
        int64_t delay_us = 50 + static_cast<int64_t>(Below(1'000));
        if (delay_ms_ > 0 && Percent(30)) {
          delay_us += static_cast<int64_t>(Below(static_cast<uint64_t>(delay_ms_) * 1000));
        }
        At(now_us_ + delay_us, {.kind = Step::Kind::kArrive, .node = to, .heartbeat = heartbeat});
      }
    }
  }

  bool Reaches(int from, int to) const {
    for (const Fault& fault : on_) {
      if (fault.kind == Fault::Kind::kCut && fault.node == from && fault.other == to) return false;
      if (fault.kind == Fault::Kind::kPartition &&
          (fault.node >> from & 1) != (fault.node >> to & 1))
        return false;
    }
    return true;
  }

  void Turn(const Fault& fault, int step) {
    if (step > 0) {
      on_.push_back(fault);
    } else {
      const auto same = [&](const Fault& f) { return f.ToString() == fault.ToString(); };
      on_.erase(std::ranges::find_if(on_, same));
    }
    Node& node = nodes_[static_cast<size_t>(fault.node % scenario_.nodes)];
    const int index = static_cast<int>(&node - nodes_.data());
    switch (fault.kind) {
      case Fault::Kind::kCrash:
        node.crashed += step;
        if (step > 0) node.election.reset();
        if (node.crashed == 0) Start(index);
        return;
      case Fault::Kind::kPause:
        node.paused += step;
        if (node.runs()) Resume(index);
        return;
      case Fault::Kind::kDrain:
      case Fault::Kind::kUnfit:
        (fault.kind == Fault::Kind::kDrain ? node.draining : node.unfit) += step;
        if (node.election != nullptr) SetFitness(node);
        return Wake(index);
      case Fault::Kind::kLoss:
        loss_ = step > 0 ? fault.amount : 0;
        return;
      case Fault::Kind::kDelay:
        delay_ms_ = step > 0 ? fault.amount : 0;
        return;
      case Fault::Kind::kDuplicate:
        duplicate_ = step > 0 ? fault.amount : 0;
        return;
      case Fault::Kind::kCut:
      case Fault::Kind::kPartition:
        return;
    }
  }

  // Either the timer or the socket is served first.
  void Resume(int index) {
    Node& node = nodes_[static_cast<size_t>(index)];
    if (Percent(50)) Wake(index);
    for (const auto& heartbeat : std::exchange(node.socket, {})) {
      node.election->Receive(*heartbeat, Local(node));
    }
    Wake(index);
  }

  // What the process tells the kernel.
  void Push(Node& node) {
    const std::vector<Election::Holding> holdings = node.election->Holdings();
    for (int address = 0; address < scenario_.addresses; ++address) {
      Kernel& kernel = node.kernel[static_cast<size_t>(address)];
      const auto held = std::ranges::find(holdings, KeyOf(address), &Election::Holding::address);
      Compare(address);
      if (held != holdings.end()) {
        if (kernel.until_us <= now_us_) kernel.begin_us = now_us_;
        kernel.until_us = Global(node, held->until);
        kernel.pushed = true;
      } else if (kernel.pushed) {
        kernel.until_us = std::min(kernel.until_us, now_us_);
        kernel.pushed = false;
      }
    }
    node.election->TakeEvents();
  }

  // How long any two have answered for the address at the same time, up to now.
  void Compare(int address) {
    for (size_t a = 0; a < nodes_.size(); ++a) {
      for (size_t b = 0; b < a; ++b) {
        const Kernel& one = nodes_[a].kernel[static_cast<size_t>(address)];
        const Kernel& two = nodes_[b].kernel[static_cast<size_t>(address)];
        const int64_t begin = std::max(one.begin_us, two.begin_us);
        const int64_t end = std::min({one.until_us, two.until_us, now_us_});
        if (end > begin) TakeOverlap(address, end - begin);
      }
    }
  }

  void TakeOverlap(int address, int64_t us) {
    if (scenario_.nodes == 2 && scenario_.network_faults()) return;
    longest_overlap_us_ = std::max(longest_overlap_us_, us);
    const int64_t bound_us = absl::ToInt64Microseconds(SimulatedConfig().lease) * 102 / 100;
    if (us <= bound_us || !violation_.empty()) return;
    violation_ = absl::StrCat("at ", now_us_ / 1000, " ms two nodes have answered for address ",
                              address, " for ", us, " us");
  }

  // Once everything has been still for a while: whoever can be owned, is, and by one. A planned
  // move may be under way, so what looks wrong gets a second look.
  void CheckOwned() {
    const std::string first = std::exchange(suspicion_, "");
    for (int address = 0; address < scenario_.addresses; ++address) CheckOwned(address);
    if (suspicion_.empty()) return;
    if (!first.empty() && violation_.empty()) violation_ = suspicion_;
    if (first.empty()) At(now_us_ + 25'000, {.kind = Step::Kind::kCheck});
  }

  void CheckOwned(int address) {
    Compare(address);
    int owners = 0, candidates = 0;
    for (int node = 0; node < scenario_.nodes; ++node) {
      owners += nodes_[node].kernel[static_cast<size_t>(address)].until_us > now_us_;
      candidates += CanOwn(node, address);
    }
    const bool split = scenario_.nodes == 2 && (!Reaches(0, 1) || !Reaches(1, 0));
    if (candidates == 0 ? owners <= 1 : owners == 1 || (split && owners == 2)) return;
    suspicion_ = absl::StrCat("at ", now_us_ / 1000, " ms address ", address, " has ", owners,
                              " owners, and ", candidates, " nodes could own it");
  }

  bool CanOwn(int index, int address) const {
    const Node& node = nodes_[static_cast<size_t>(index)];
    if (!node.runs() || node.unfit > 0 || !scenario_.IsMember(index, address)) return false;
    int links = 1;
    for (int other = 0; other < scenario_.nodes; ++other) {
      links += other != index && nodes_[static_cast<size_t>(other)].runs() &&
               Reaches(index, other) && Reaches(other, index);
    }
    return scenario_.nodes <= 2 || links >= scenario_.nodes / 2 + 1;
  }

  const Scenario scenario_;
  std::mt19937_64 random_;
  std::vector<Node> nodes_;
  std::priority_queue<Step> steps_;
  std::vector<Fault> on_;
  uint64_t order_ = 0;
  int64_t now_us_ = 0;
  int loss_ = 0, duplicate_ = 0, delay_ms_ = 0;
  int64_t longest_overlap_us_ = 0;
  std::string suspicion_;
  std::string violation_;
};

}  // namespace sluice::election
