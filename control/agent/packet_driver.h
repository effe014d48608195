// Drives the packet path from the agent's loop: announcements when they are due, device events,
// foreign claims, and each second the comparison of what is with what should be. One thread.
// Invariant: nothing is reconciled before the first VipTable is known, so that a restarted agent
// takes nothing away that its predecessor left.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/agent/vip_ownership.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/packet/packet_path.h"

namespace sluice::agent {

class PacketDriver {
 public:
  PacketDriver(core::EventLoop& loop, std::unique_ptr<packet::PacketPath> path);
  PacketDriver(const PacketDriver&) = delete;
  PacketDriver& operator=(const PacketDriver&) = delete;
  ~PacketDriver();

  void Apply(packet::VipTable table);
  // From now on `ownership` decides which VIPs are held; null: nobody does, and there is no more
  // news. Not owned.
  void Follow(VipOwnership* ownership);
  // For VipOwnershipOptions::on_news: logs the lines, and announces what was taken over. The driver
  // outlives whoever calls it.
  std::function<void(const std::vector<std::string>&)> NewsDoor();
  // Called on this loop after each piece of news.
  void OnNews(std::function<void()> then) { on_news_ = std::move(then); }
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
  core::Mailbox mailbox_;
  VipOwnership* ownership_ = nullptr;
  std::function<void()> on_news_;
  bool reconcile_failing_ = false;
  uint64_t foreign_claims_ = 0;
};

}  // namespace sluice::agent
