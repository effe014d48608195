// Collects fields, which a parser hands over in pieces, into a HeaderList: names in lower case,
// values trimmed, all of it in the list's arena and within the limits. A field that spells a field
// we act on with '_' for '-' is dropped, since backends that fold both would take it for ours.
// One thread.
#pragma once

#include <string_view>

#include "dataplane/core/limits.h"
#include "dataplane/http/message.h"

namespace sluice::http {

class FieldReader {
 public:
  explicit FieldReader(const core::Limits& limits) : limits_(limits) {}

  // Starts a section (a head, or trailers). REQUIRES: `list` outlives the section.
  void Begin(HeaderList& list);

  // A piece of the next name or value. False: a limit is exceeded.
  bool AddName(std::string_view piece);
  bool AddValue(std::string_view piece);
  void EndField();

 private:
  bool Count(size_t bytes);

  const core::Limits& limits_;
  HeaderList* list_ = nullptr;
  std::string_view name_;
  std::string_view value_;
  size_t section_bytes_ = 0;
  size_t field_bytes_ = 0;
  size_t fields_ = 0;
  bool underscore_ = false;  // in name_
};

// True for a name such as x_forwarded_for or content_length.
bool SpoofsKnownName(std::string_view lower_name);

}  // namespace sluice::http
