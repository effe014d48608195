// Builds a response's heads (1xx and the final one) and trailers from the fields of HTTP/2 header
// blocks, with the checks that libnghttp2 leaves to us: sizes and counts, the status, fields that
// are of one hop. One thread.
#pragma once

#include <string_view>

#include "dataplane/core/limits.h"
#include "dataplane/http/h2_field_count.h"
#include "dataplane/http/message.h"

namespace sluice::http {

class H2Response {
 public:
  using Verdict = H2FieldCount::Verdict;

  explicit H2Response(const core::Limits& limits) : limits_(limits), count_(limits) {}

  // Starts a section of fields: heads first, then perhaps trailers.
  void BeginHead(core::Arena& arena);
  void BeginTrailers(core::Arena& arena);

  // `name` is in lower case (RFC 9113 8.2.1). Static text is kept as it is, all other is copied.
  Verdict Add(std::string_view name, bool name_is_static, std::string_view value,
              bool value_is_static);

  // False: the head is refused. `end_stream`: no body follows; `head_request`: none may.
  bool FinishHead(bool end_stream, bool head_request);
  bool FinishTrailers();

  ResponseHead& head() { return *head_; }
  bool is_final() const { return head_->status >= 200; }
  // Made if none came.
  HeaderList& trailers(core::Arena& arena);

 private:
  bool ReadStatus();
  void ReadFields(bool end_stream, bool head_request);

  const core::Limits& limits_;
  H2FieldCount count_;
  ResponseHead* head_ = nullptr;
  HeaderList* trailers_ = nullptr;
  HeaderList* list_ = nullptr;  // of the section that is being read
  std::string_view status_;
  int informational_ = 0;
};

}  // namespace sluice::http
