// The file that holds the keys of heartbeats, looked at every so often, so that keys can be changed
// without a restart. One that cannot be read is reported, and the keys in use stay. One
// thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control/election/heartbeat_keys.h"
#include "dataplane/core/event_loop.h"

namespace sluice::agent {

class HeartbeatKeyFile {
 public:
  using Give = std::function<void(election::HeartbeatKeys)>;

  HeartbeatKeyFile(core::EventLoop& loop, std::string path, Give give,
                   absl::Duration every = absl::Seconds(2));

  // Reads it for the first time: an error is one of the start.
  absl::Status Start();

 private:
  // What changes when a file is written or replaced.
  struct Mark {
    ino_t inode = 0;
    off_t size = 0;
    timespec modified = {};
  };

  void Look();
  absl::Status Read();
  Mark MarkNow() const;

  core::EventLoop& loop_;
  const std::string path_;
  const Give give_;
  const uint64_t every_ms_;
  Mark read_;
  core::Timer look_;
};

}  // namespace sluice::agent
