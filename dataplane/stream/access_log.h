// What is said of each finished request, gathered by its worker and handed over in batches. A
// worker only copies a few fields; another thread formats and writes them. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dataplane/core/event_loop.h"
#include "dataplane/core/fault.h"

namespace sluice::stream {

struct AccessRecord {
  int64_t wall_ms = 0;  // Unix time at the request's end
  uint64_t duration_us = 0;
  uint64_t bytes_in = 0;   // request body
  uint64_t bytes_out = 0;  // response body
  int status = 0;          // 0: none was sent
  core::FaultCode fault = core::FaultCode::kNone;
  uint8_t retries = 0;
  // Views that need to live only for the call of Append.
  std::string_view client;    // address:port
  std::string_view protocol;  // "HTTP/1.1", "HTTP/2"
  std::string_view method;
  std::string_view scheme;
  std::string_view host;
  std::string_view target;
  std::string_view user_agent;
  std::string_view listener;
  std::string_view route;
  std::string_view endpoint;
};

class AccessLog {
 public:
  // Takes over a batch of encoded records; called on the worker's thread, must not block.
  using Sink = std::function<void(std::string batch)>;

  AccessLog(core::EventLoop& loop, Sink sink);
  ~AccessLog();

  void Append(const AccessRecord& record);
  // Hands over what has been gathered.
  void Flush();

  // Takes the first record off `batch`, whose bytes the views then point into; false: none left.
  static bool Decode(std::string_view& batch, AccessRecord& record);

 private:
  static constexpr size_t kBatchBytes = 64 * 1024;
  static constexpr size_t kFieldBytes = 1024;  // longer fields are cut
  static constexpr uint64_t kFlushMs = 200;

  core::EventLoop& loop_;
  Sink sink_;
  std::string batch_;
  core::Timer timer_;
};

}  // namespace sluice::stream
