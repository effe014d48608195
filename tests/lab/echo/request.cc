#include "echo/request.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace sluice::lab {
namespace {

constexpr size_t kMaxHeadBytes = 1 << 20;

bool EqualsLower(std::string_view name, std::string_view lower_name) {
  return std::equal(name.begin(), name.end(), lower_name.begin(), lower_name.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
}

bool ParseNumber(std::string_view text, int base, uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && (end == text.data() + text.size() || *end == ';');
}

// Cuts the next line, without its CRLF, off the front of `text`.
std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(text.size(), end + 2));
  return line;
}

}  // namespace

std::string_view Request::Header(std::string_view lower_name) const {
  for (const auto& [name, value] : headers) {
    if (EqualsLower(name, lower_name)) return value;
  }
  return {};
}

ParseResult ParseHead(std::string& input, Request& request) {
  const size_t end = input.find("\r\n\r\n");
  if (end == std::string::npos)
    return input.size() > kMaxHeadBytes ? ParseResult::kBad : ParseResult::kNeedMore;
  std::string_view head = std::string_view(input).substr(0, end + 2);
  request = {};
  const std::string_view line = TakeLine(head);
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return ParseResult::kBad;
  request.method = line.substr(0, first);
  request.path = line.substr(first + 1, last - first - 1);
  request.version = line.substr(last + 1);
  while (!head.empty()) {
    const std::string_view field = TakeLine(head);
    const size_t colon = field.find(':');
    if (colon == std::string_view::npos) return ParseResult::kBad;
    const size_t value = std::min(field.find_first_not_of(' ', colon + 1), field.size());
    request.headers.emplace_back(field.substr(0, colon), field.substr(value));
  }
  input.erase(0, end + 4);
  return ParseResult::kDone;
}

bool BodyReader::Start(const Request& request) {
  *this = {};
  if (EqualsLower(request.Header("transfer-encoding"), "chunked")) {
    state_ = State::kChunkSize;
    return true;
  }
  const std::string_view length = request.Header("content-length");
  if (length.empty()) return true;
  state_ = State::kLength;
  return ParseNumber(length, 10, left_);
}

ParseResult BodyReader::Read(std::string& input) {
  while (state_ != State::kDone && state_ != State::kBad) {
    if (!Step(input)) return ParseResult::kNeedMore;
  }
  return state_ == State::kDone ? ParseResult::kDone : ParseResult::kBad;
}

// False: more input is needed.
bool BodyReader::Step(std::string& input) {
  if (state_ == State::kLength) return Skip(input, State::kDone);
  if (state_ == State::kChunkData) return Skip(input, State::kChunkSize);
  const size_t end = input.find("\r\n");
  if (end == std::string::npos) return false;
  TakeLine(std::string_view(input).substr(0, end));
  input.erase(0, end + 2);
  return true;
}

bool BodyReader::Skip(std::string& input, State next) {
  const uint64_t taken = std::min<uint64_t>(left_, input.size());
  left_ -= taken;
  bytes_ += taken;
  input.erase(0, taken);
  if (left_ > 0) return false;
  if (next == State::kChunkSize) {
    if (input.size() < 2) return false;
    input.erase(0, 2);  // the CRLF behind a chunk
  }
  state_ = next;
  return true;
}

void BodyReader::TakeLine(std::string_view line) {
  if (state_ == State::kTrailers) {
    if (line.empty()) {
      state_ = State::kDone;
    } else {
      trailers_.emplace_back(line);
    }
    return;
  }
  if (!ParseNumber(line, 16, left_)) {
    state_ = State::kBad;
  } else {
    state_ = left_ == 0 ? State::kTrailers : State::kChunkData;
  }
}

}  // namespace sluice::lab
