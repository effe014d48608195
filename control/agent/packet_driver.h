// Drives the packet path from the agent's loop: announcements when they are due, device events,
// foreign claims, and each second the comparison of what is with what should be. One thread.
// Invariant: nothing is reconciled before the first VipTable is known, so that a restarted agent
// takes nothing away that its predecessor left.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/packet/packet_path.h"

namespace sluice::agent {

class PacketDriver {
 public:
  PacketDriver(core::EventLoop& loop, std::unique_ptr<packet::PacketPath> path);
  PacketDriver(const PacketDriver&) = delete;
  PacketDriver& operator=(const PacketDriver&) = delete;
  ~PacketDriver();

  void Apply(packet::VipTable table);
  packet::PacketPath& path() { return *path_; }
  const packet::VipTable& table() const { return table_; }
  uint64_t foreign_claims() const { return foreign_claims_; }

 private:
  void Announce();
  void OnDeviceEvents();
  void OnForeignClaims();
  void Reconcile();

  core::EventLoop& loop_;
  std::unique_ptr<packet::PacketPath> path_;
  packet::VipTable table_;
  core::Pollable on_devices_;
  core::Pollable on_claims_;
  core::Timer announce_;
  core::Timer reconcile_;
  bool reconcile_failing_ = false;
  uint64_t foreign_claims_ = 0;
};

}  // namespace sluice::agent
