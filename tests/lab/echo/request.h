// The head of one HTTP/1.1 request as the echo backend sees it, and the reading of its body.
// A test backend: it trusts the gateway in front of it, and says "bad request" to anything odd.
// Threads: none of its own; plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::lab {

struct Request {
  std::string method;
  std::string path;
  std::string version;
  std::vector<std::pair<std::string, std::string>> headers;  // names as received

  // The value of the first header of that name (lower case); "" if there is none.
  std::string_view Header(std::string_view lower_name) const;
};

enum class ParseResult { kNeedMore, kDone, kBad };

// Takes one request head from the front of `input`.
ParseResult ParseHead(std::string& input, Request& request);

// Reads a request's body, counting its bytes and dropping them.
class BodyReader {
 public:
  // False: neither length nor chunks can be read.
  bool Start(const Request& request);
  // Takes what belongs to the body from the front of `input`.
  ParseResult Read(std::string& input);

  uint64_t bytes() const { return bytes_; }
  const std::vector<std::string>& trailers() const { return trailers_; }

 private:
  enum class State { kLength, kChunkSize, kChunkData, kTrailers, kDone, kBad };
  bool Step(std::string& input);
  bool Skip(std::string& input, State next);
  void TakeLine(std::string_view line);

  State state_ = State::kDone;
  uint64_t left_ = 0;
  uint64_t bytes_ = 0;
  std::vector<std::string> trailers_;
};

}  // namespace sluice::lab
