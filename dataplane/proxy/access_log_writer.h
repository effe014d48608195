// The thread that formats and writes the access log, so that no worker ever waits for a disk or a
// pipe. Workers hand over batches; when the writer falls behind by kMaxQueuedBytes, batches are
// dropped and counted.
// Threads: Take, SetFormat and the counters from any; the rest from the owner.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::proxy {

class AccessLogWriter {
 public:
  static constexpr size_t kMaxQueuedBytes = size_t{16} << 20;

  // Writes to `fd`, which stays the caller's.
  explicit AccessLogWriter(int fd);
  AccessLogWriter(const AccessLogWriter&) = delete;
  AccessLogWriter& operator=(const AccessLogWriter&) = delete;
  ~AccessLogWriter();  // writes what is queued

  // A batch as stream::AccessLog encodes it. Never blocks for long: a lock around a push.
  void Take(std::string batch);
  void SetFormat(snapshot::Settings::AccessLog format) {
    format_.store(format, std::memory_order_relaxed);
  }

  uint64_t lines() const { return lines_.load(std::memory_order_relaxed); }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }  // records

 private:
  void Run();
  void Write(std::string_view batch);
  void CountDropped(std::string_view batch);

  const int fd_;
  std::atomic<snapshot::Settings::AccessLog> format_ = snapshot::Settings::ACCESS_LOG_JSON;
  std::atomic<uint64_t> lines_ = 0;
  std::atomic<uint64_t> dropped_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> queue_;  // guarded by mutex_
  size_t queued_bytes_ = 0;        // guarded by mutex_
  bool stop_ = false;              // guarded by mutex_
  std::thread thread_;
};

}  // namespace sluice::proxy
