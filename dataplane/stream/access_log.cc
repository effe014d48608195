#include "dataplane/stream/access_log.h"

#include <algorithm>
#include <cstring>

namespace sluice::stream {
namespace {

// The fixed part of an encoded record; the text fields follow, each a length and its bytes.
struct Fixed {
  int64_t wall_ms;
  uint64_t duration_us;
  uint64_t bytes_in;
  uint64_t bytes_out;
  int32_t status;
  core::FaultCode fault;
  uint8_t retries;
};

template <typename Record, typename Function>
void ForEachText(Record& record, Function function) {
  for (auto* text :
       {&record.client, &record.protocol, &record.method, &record.scheme, &record.host,
        &record.target, &record.user_agent, &record.listener, &record.route, &record.endpoint}) {
    function(*text);
  }
}

}  // namespace

AccessLog::AccessLog(core::EventLoop& loop, Sink sink)
    : loop_(loop),
      sink_(std::move(sink)),
      timer_([](void* self) { static_cast<AccessLog*>(self)->Flush(); }, this) {}

AccessLog::~AccessLog() { Flush(); }

void AccessLog::Append(const AccessRecord& record) {
  if (!sink_) return;
  const Fixed fixed = {record.wall_ms, record.duration_us, record.bytes_in, record.bytes_out,
                       record.status,  record.fault,       record.retries};
  batch_.append(reinterpret_cast<const char*>(&fixed), sizeof fixed);
  ForEachText(record, [&](std::string_view text) {
    const auto size = static_cast<uint16_t>(std::min(text.size(), kFieldBytes));
    batch_.append(reinterpret_cast<const char*>(&size), sizeof size);
    batch_.append(text.data(), size);
  });
  if (batch_.size() >= kBatchBytes) return Flush();
  if (!timer_.armed()) loop_.timers().Arm(timer_, kFlushMs);
}

void AccessLog::Flush() {
  timer_.Cancel();
  if (batch_.empty() || !sink_) return;
  sink_(std::move(batch_));
  batch_ = {};
  batch_.reserve(kBatchBytes + 16 * 1024);
}

bool AccessLog::Decode(std::string_view& batch, AccessRecord& record) {
  Fixed fixed;
  if (batch.size() < sizeof fixed) return false;
  std::memcpy(&fixed, batch.data(), sizeof fixed);
  batch.remove_prefix(sizeof fixed);
  record.wall_ms = fixed.wall_ms;
  record.duration_us = fixed.duration_us;
  record.bytes_in = fixed.bytes_in;
  record.bytes_out = fixed.bytes_out;
  record.status = fixed.status;
  record.fault = fixed.fault;
  record.retries = fixed.retries;
  ForEachText(record, [&](std::string_view& text) {
    uint16_t size;
    std::memcpy(&size, batch.data(), sizeof size);
    text = batch.substr(sizeof size, size);
    batch.remove_prefix(sizeof size + size);
  });
  return true;
}

}  // namespace sluice::stream
