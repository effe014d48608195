// Takes generations to the proxy and learns what became of them. A state machine without I/O: its
// inputs are what was compiled and what the proxy says, its outputs are the calls of Outputs.
// One thread.
// Invariants: one Update is under way at a time, and the newest generation goes next; numbers only
// grow, also past those of a former agent; a generation that was refused is not sent again to the
// same proxy; statuses change only when the proxy has answered, or did not for too long.
// Flow: compile -> *Publisher* -> proxy -> Ack -> packet path and statuses.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/compile/compile.h"
#include "control/publish/certificate_store.h"
#include "control/publish/final_statuses.h"
#include "dataplane/channel/channel.pb.h"
#include "dataplane/channel/part_set.h"

namespace sluice::publish {

// One compiled configuration under its number. Immutable.
struct Publication {
  uint64_t generation = 0;
  compile::Compiled compiled;
  channel::PartSet parts;
  std::vector<CertificatePtr> certificates;  // that it uses

  std::vector<std::string> CertificateIds() const;  // sorted
};
using PublicationPtr = std::shared_ptr<const Publication>;

// What is known at present, for statuses, gwctl and metrics.
struct Report {
  uint64_t latest = 0;   // number of the newest generation; 0: none yet
  uint64_t applied = 0;  // that the proxy serves; 0: none that we know of
  std::string refused;   // why the newest was refused; "": it was not
  bool proxy_connected = false;
  compile::Statuses statuses;

  bool operator==(const Report&) const = default;
};

class Publisher {
 public:
  struct Outputs {
    // To the connected proxy. Holds private keys: the receiver wipes it (channel::WipeKeys).
    std::function<void(channel::Message update)> send;
    // The proxy serves this one: its VIPs may go to the packet path.
    std::function<void(const Publication&)> on_applied;
    std::function<void(const Report&)> on_report;
  };

  explicit Publisher(Outputs outputs) : outputs_(std::move(outputs)) {}

  // A new configuration. One that changes nothing for the proxy keeps its number, and only its
  // statuses are taken over.
  void Publish(compile::Compiled compiled, const CertificateStore& certificates);

  // The generation that the proxy serves, if it is the newest, complete and with its private keys:
  // for SaveLastGood. Wipe it (channel::WipeKeys).
  std::optional<channel::Message> Complete() const;
  // Instead of a first Publish: serves what a former agent saved, without statuses.
  // InvalidArgument: it does not fit together. REQUIRES: nothing was published yet.
  absl::Status Restore(const channel::Update& saved);

  void ProxyConnected(const channel::Hello& hello);
  void ProxyGone();
  // InvalidArgument: an answer to nothing that was asked; the link should be closed.
  absl::Status ProxyAnswered(const channel::Ack& ack);
  // The proxy has not answered for so long that users should know.
  void ProxyIsLate();

  bool waiting() const { return latest_ != nullptr && outcome_ == Outcome::kPending; }
  const Report& report() const { return report_; }
  PublicationPtr latest() const { return latest_; }

 private:
  bool SameForProxy(const Publication& next) const;
  void SendIfDue();
  channel::Message UpdateTo(const Publication& publication, const channel::HeldParts& held) const;
  void Decide(Outcome outcome, const std::string& why);

  Outputs outputs_;
  PublicationPtr latest_;
  Outcome outcome_ = Outcome::kPending;  // of latest_
  bool connected_ = false;
  channel::HeldParts held_;   // by the connected proxy
  PublicationPtr under_way_;  // sent and not answered
  Report report_;
};

}  // namespace sluice::publish
