// Parses the fields of an HTTP/1 head (RFC 9112 5) into a HeaderList, strictly and a line at a
// time: one copy of a line into the arena holds its name, lower-cased on the way, and its value.
// A line that comes in pieces waits in the arena, within the limits, for its end.
// One thread. A test compares it with llhttp, which reads chunked bodies and their trailers.
#pragma once

#include <string_view>

#include "dataplane/core/limits.h"
#include "dataplane/http/message.h"

namespace sluice::http {

class FieldParser {
 public:
  enum class Result : uint8_t {
    kMore,      // all was taken, and the head goes on
    kDone,      // the empty line was taken
    kBad,       // not HTTP: bare CR or LF, control, fold, space before the colon, no colon ...
    kTooLarge,  // a limit is exceeded
  };

  explicit FieldParser(const core::Limits& limits) : limits_(limits) {}

  // REQUIRES: `list` outlives the section.
  void Begin(HeaderList& list);
  // Sets `taken` to what belongs to the section.
  Result Parse(std::string_view text, size_t& taken);

 private:
  Result KeepPiece(std::string_view piece);
  Result AddLine(std::string_view line);

  const core::Limits& limits_;
  HeaderList* list_ = nullptr;
  std::string_view carry_;  // the begin of a line, in the arena
  size_t section_bytes_ = 0;
  size_t fields_ = 0;
};

}  // namespace sluice::http
