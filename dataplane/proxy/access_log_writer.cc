#include "dataplane/proxy/access_log_writer.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "dataplane/proxy/access_log_format.h"
#include "dataplane/stream/access_log.h"

namespace sluice::proxy {

AccessLogWriter::AccessLogWriter(int fd) : fd_(fd), thread_([this] { Run(); }) {}

AccessLogWriter::~AccessLogWriter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void AccessLogWriter::Take(std::string batch) {
  {
    const std::lock_guard lock(mutex_);
    if (queued_bytes_ + batch.size() <= kMaxQueuedBytes) {
      queued_bytes_ += batch.size();
      queue_.push_back(std::move(batch));
      batch.clear();
    }
  }
  if (!batch.empty()) return CountDropped(batch);
  wake_.notify_one();
}

void AccessLogWriter::CountDropped(std::string_view batch) {
  stream::AccessRecord record;
  uint64_t count = 0;
  while (stream::AccessLog::Decode(batch, record)) ++count;
  dropped_.fetch_add(count, std::memory_order_relaxed);
}

void AccessLogWriter::Run() {
  ::pthread_setname_np(::pthread_self(), "access-log");
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const std::string batch = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    Write(batch);
    lock.lock();
    queued_bytes_ -= batch.size();
  }
}

void AccessLogWriter::Write(std::string_view batch) {
  const auto format = format_.load(std::memory_order_relaxed);
  std::string text;
  stream::AccessRecord record;
  uint64_t count = 0;
  for (std::string_view rest = batch; stream::AccessLog::Decode(rest, record); ++count) {
    AppendLine(record, format, text);
  }
  std::string_view left = text;
  while (!left.empty()) {
    const ssize_t n = ::write(fd_, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {  // a reader that is gone, a full disk: what cannot be said is counted
      dropped_.fetch_add(count, std::memory_order_relaxed);
      return;
    }
    left.remove_prefix(static_cast<size_t>(n));
  }
  lines_.fetch_add(count, std::memory_order_relaxed);
}

}  // namespace sluice::proxy
