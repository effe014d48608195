// What the echo backend answers. The part of the path behind "/~" picks a behaviour; any other path
// gets a JSON description of the request.
//   /~size/N          N bytes, with a Content-Length
//   /~chunks/N/BYTES  N chunks of that size, then a trailer
//   /~slow/N/MS       N lines, one each MS milliseconds, chunked
//   /~delay/MS        the description, after MS milliseconds
//   /~status/CODE     the description, with that status
//   /~hints           a 103 before the description
//   /~short/N         announces 2 N bytes, sends N and closes
//   /~reset           closes without an answer
//   /~early           answers before the request's body has come, and closes
// Threads: none of its own; plain values.
#pragma once

#include <cstdint>
#include <string>

#include "echo/request.h"

namespace sluice::lab {

// A response as pieces to be written one after the other.
struct Response {
  std::string head;          // goes first, with what is small enough to be at hand
  uint64_t piece_count = 0;  // then so many pieces
  std::string piece;         //
  uint64_t interval_ms = 0;  // one each so often; 0: as fast as they are taken
  std::string tail;          // and this at the end
  uint64_t delay_ms = 0;     // before anything is sent
  bool close = false;        // after the last byte
};

struct Pod {
  std::string name;
  std::string peer;  // the other end of the connection, "ADDRESS:PORT"
};

// True if the answer does not wait for the request's body.
bool AnswersEarly(const Request& request);

Response MakeResponse(const Pod& pod, const Request& request, const BodyReader& body);

}  // namespace sluice::lab
