#include "echo/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sluice::lab {
namespace {

constexpr size_t kReadBytes = 256 * 1024;

}  // namespace

Connection::Connection(int fd, Pod pod) : fd_(fd), pod_(std::move(pod)) {}

Connection::~Connection() { ::close(fd_); }

bool Connection::Advance(Clock::time_point now) {
  if (wake_at_ && *wake_at_ <= now) wake_at_.reset();
  if (wants_read() && !ReadSome()) return false;
  for (;;) {
    if (responding_) FillOutput(now);
    if (!WriteSome()) return false;
    if (!output_.empty() || wake_at_) return true;
    if (responding_) continue;
    if (close_when_sent_) return false;
    const bool had_request = HandleInput();
    if (!had_request && output_.empty() && !responding_) return !end_of_input_ && !close_when_sent_;
  }
}

bool Connection::ReadSome() {
  static thread_local char buffer[kReadBytes];
  const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
  if (count > 0) {
    input_.append(buffer, count);
  } else if (count == 0) {
    end_of_input_ = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    return false;
  }
  return true;
}

bool Connection::WriteSome() {
  while (!output_.empty()) {
    const ssize_t count = ::send(fd_, output_.data(), output_.size(), MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    output_.erase(0, count);
  }
  return true;
}

// True: it made progress that calls for another turn.
bool Connection::HandleInput() {
  if (state_ == State::kTunnel) {
    output_ = std::exchange(input_, {});
    return !output_.empty();
  }
  if (state_ == State::kHead) {
    if (!StartRequest()) return false;
    if (state_ == State::kTunnel) return true;
  }
  if (!AnswersEarly(request_)) {
    const ParseResult result = body_.Read(input_);
    if (result == ParseResult::kBad) close_when_sent_ = true;
    if (result != ParseResult::kDone) return !output_.empty();
  }
  state_ = State::kHead;
  Begin(MakeResponse(pod_, request_, body_), Clock::now());
  return true;
}

bool Connection::StartRequest() {
  const ParseResult result = ParseHead(input_, request_);
  if (result == ParseResult::kNeedMore) return false;
  if (result == ParseResult::kBad || !body_.Start(request_)) {
    output_ = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    close_when_sent_ = true;
    return false;
  }
  state_ = State::kBody;
  if (!request_.Header("upgrade").empty()) {
    output_ = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " +
              std::string(request_.Header("upgrade")) + "\r\nX-Pod: " + pod_.name + "\r\n\r\n";
    state_ = State::kTunnel;
  } else if (request_.Header("expect") == "100-continue") {
    output_ = "HTTP/1.1 100 Continue\r\n\r\n";
  }
  return true;
}

void Connection::Begin(Response response, Clock::time_point now) {
  response_ = std::move(response);
  responding_ = true;
  if (response_.delay_ms > 0) wake_at_ = now + std::chrono::milliseconds(response_.delay_ms);
}

void Connection::FillOutput(Clock::time_point now) {
  if (wake_at_ || !output_.empty()) return;
  if (!response_.head.empty()) {
    output_ = std::exchange(response_.head, {});
  } else if (response_.piece_count > 0) {
    --response_.piece_count;
    output_ = response_.piece;
    if (response_.interval_ms > 0)
      wake_at_ = now + std::chrono::milliseconds(response_.interval_ms);
  } else {
    output_ = std::exchange(response_.tail, {});
    responding_ = false;
    close_when_sent_ = response_.close;
  }
}

}  // namespace sluice::lab
