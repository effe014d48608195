// The keys that all nodes share, from the Secret `sluice-keys`: of heartbeats and of TLS session
// tickets. The leader makes the Secret if there is none; one that exists, whoever made it, is used.
//   data:
//     heartbeat: one key a line, 16 to 256 printable characters; two while a new one is brought in
//     ticket:    one key a line, 64 hexadecimal digits (32 bytes), the newest first; likewise two
// Keys are never logged, and what is wrong is told without its content.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/kube/backoff.h"
#include "control/kube/client.h"
#include "dataplane/core/event_loop.h"
#include "gateway-api/metadata.h"
#include "gateway-api/private_bytes.h"
#include "gateway-api/secret.h"

namespace sluice::status {

inline constexpr char kKeysSecret[] = "sluice-keys";

struct SharedKeys {
  gateway_api::PrivateBytes heartbeat;             // as election::HeartbeatKeys::Parse takes it
  std::vector<gateway_api::PrivateBytes> tickets;  // 32 bytes each, the newest first

  bool operator==(const SharedKeys&) const = default;
};

// InvalidArgument says what is wrong with which line. Pure.
absl::StatusOr<SharedKeys> ReadKeys(const gateway_api::Secret& secret);

struct KeyMakerOptions {
  std::string namespace_;
  std::function<bool()> may_write;
  absl::Duration deadline = absl::Seconds(5);
};

// Lives on the loop's thread.
class KeyMaker {
 public:
  KeyMaker(core::EventLoop& loop, kube::Client& client, KeyMakerOptions options);
  KeyMaker(const KeyMaker&) = delete;
  KeyMaker& operator=(const KeyMaker&) = delete;

  // `found`: the Secret as the API server has it; null: there is none, and it is made. One that was
  // there before and was deleted is made again with the same keys, so that no node is cut off.
  void Look(const gateway_api::Secret* found);
  // Leads no more.
  void Stop();

 private:
  void Make();
  void OnMade(const kube::Response& response);

  core::EventLoop& loop_;
  kube::Client& client_;
  KeyMakerOptions options_;
  std::mt19937_64 random_{std::random_device{}()};  // of waits, not of keys
  gateway_api::PrivateBytes heartbeat_, ticket_;    // as they were last
  std::unique_ptr<kube::Call> call_;
  kube::Backoff backoff_;
  bool made_ = false;  // the watch will tell of it
  core::Timer retry_;
};

}  // namespace sluice::status
