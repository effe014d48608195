// A fleet of one worker between clients and a backend of the test, with the program's main thread
// beside it. The test's thread drives; what it asks of the fleet is done when the call returns.
#pragma once

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dataplane/core/listen.h"
#include "dataplane/worker/fleet.h"
#include "loopback.h"

namespace sluice::worker {

class FleetFixture : public ::testing::Test {
 protected:
  FleetFixture() : mailbox_(loop_) {
    options_.access_log = [this](std::string batch) {
      std::lock_guard lock(log_mutex_);
      log_ += batch;
    };
    // The main thread of the product: runs what workers post to it.
    thread_ = std::thread([this] { loop_.Run(); });
  }
  ~FleetFixture() override {
    fleet_.reset();
    loop_.Stop();
    thread_.join();
  }

  // `text`: a snapshot with "$port" for the backend's; its listener "ns/gw/http" is served at
  // port_.
  void Start(uint16_t backend_port, const std::string& text) {
    fleet_ = std::make_unique<Fleet>(mailbox_, options_);
    Apply(backend_port, text);
    port_ = Serve("ns/gw/http");
  }
  // Returns the port at which `listener` is served alone.
  uint16_t Serve(const std::string& listener) {
    core::Fd fd = *core::ListenTcp(*core::Address::Parse("127.0.0.1", 0), false);
    const uint16_t port = PortOf(fd);
    fleet_->AddListeningSocket(0, {std::move(fd), listener});
    return port;
  }
  void Apply(uint16_t backend_port, const std::string& text) {
    snapshot::Snapshot snapshot;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
        absl::StrReplaceAll(text, {{"$port", absl::StrCat(backend_port)}}), &snapshot));
    auto generation = BuildGeneration(++number_, snapshot, certificates_, tickets_, current_.get());
    ASSERT_TRUE(generation.ok()) << generation.status();
    current_ = *generation;
    std::promise<void> applied;
    fleet_->Apply(current_, [&] { applied.set_value(); });
    applied.get_future().wait();
  }
  WorkerStats Stats() {
    std::promise<WorkerStats> stats;
    fleet_->Stats([&](std::vector<WorkerStats> all) { stats.set_value(all[0]); });
    return stats.get_future().get();
  }
  std::string Get(std::string_view target, std::string_view more = "") {
    Peer client = Peer::Connect(port_);
    client.Send(absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: a.example\r\n", more, "\r\n"));
    return client.ReadMessage();
  }

  // Whether `holds` comes true of the stats within `ms`.
  template <typename Predicate>
  bool Within(int ms, Predicate holds) {
    for (int waited = 0; !holds(Stats()); waited += 5) {
      if (waited >= ms) return false;
      poll(nullptr, 0, 5);
    }
    return true;
  }
  // Nothing is left of what clients did: no stream, no connection of theirs, no byte.
  bool Quiesces(int ms = 3000) {
    return Within(ms, [](const WorkerStats& stats) {
      return stats.streams.open == 0 && stats.connections.open == 0 && stats.buffers_in_use == 0;
    });
  }

  core::EventLoop loop_;
  core::Mailbox mailbox_;
  std::thread thread_;
  FleetOptions options_;
  std::shared_ptr<const certs::CertSet> certificates_ = std::make_shared<certs::CertSet>();
  tls::TicketKeys tickets_ = tls::TicketKeys::Random();
  std::shared_ptr<const Generation> current_;
  uint64_t number_ = 0;
  std::unique_ptr<Fleet> fleet_;
  uint16_t port_ = 0;
  std::mutex log_mutex_;
  std::string log_;  // guarded by log_mutex_
};

}  // namespace sluice::worker
