// Builds a request head from the fields of an HTTP/2 header block, with the checks that libnghttp2
// leaves to us: sizes and counts, Host against :authority, target, scheme, what a backend that
// speaks HTTP/1 could read otherwise. One thread.
#pragma once

#include <string_view>

#include "dataplane/core/fault.h"
#include "dataplane/core/limits.h"
#include "dataplane/http/h2_field_count.h"
#include "dataplane/http/message.h"

namespace sluice::http {

class H2Request {
 public:
  using Verdict = H2FieldCount::Verdict;

  explicit H2Request(const core::Limits& limits) : count_(limits) {}

  // Starts a section of fields; the head must come first, trailers may follow.
  void BeginHead(core::Arena& arena);
  void BeginTrailers(core::Arena& arena);

  // `name` is in lower case (RFC 9113 8.2.1). Static text is kept as it is, all other is copied.
  Verdict Add(std::string_view name, bool name_is_static, std::string_view value,
              bool value_is_static);

  // kNone: head() is complete.
  core::FaultCode FinishHead(bool end_stream, bool https);
  // False: they break the protocol.
  bool FinishTrailers();

  RequestHead& head() { return *head_; }
  // Made if none came.
  HeaderList& trailers(core::Arena& arena);

 private:
  void AddPseudo(std::string_view name, std::string_view value);
  void MergeCookies();
  core::FaultCode ReadAuthority();
  core::FaultCode ReadFields(bool end_stream);
  void SetBodyLength(uint64_t bytes);

  H2FieldCount count_;
  RequestHead* head_ = nullptr;
  HeaderList* trailers_ = nullptr;
  HeaderList* list_ = nullptr;  // of the section that is being read
  std::string_view scheme_;
  std::string_view path_;
  std::string_view authority_;
  size_t cookies_ = 0;
};

}  // namespace sluice::http
