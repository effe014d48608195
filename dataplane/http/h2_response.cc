#include "dataplane/http/h2_response.h"

#include <new>

#include "dataplane/http/connection_fields.h"
#include "dataplane/http/field_reader.h"

namespace sluice::http {

void H2Response::BeginHead(core::Arena& arena) {
  head_ = new (arena.Allocate(sizeof(ResponseHead))) ResponseHead(arena);
  list_ = &head_->headers;
  status_ = {};
  count_.Restart();
}

void H2Response::BeginTrailers(core::Arena& arena) {
  list_ = &trailers(arena);
  count_.Restart();
}

HeaderList& H2Response::trailers(core::Arena& arena) {
  if (trailers_ == nullptr) {
    trailers_ = new (arena.Allocate(sizeof(HeaderList))) HeaderList(arena);
  }
  return *trailers_;
}

H2Response::Verdict H2Response::Add(std::string_view name, bool name_is_static,
                                    std::string_view value, bool value_is_static) {
  const Verdict verdict = count_.Add(name.size(), value.size());
  if (verdict != Verdict::kTaken) return verdict;
  core::Arena& arena = list_->arena();
  if (!value_is_static) value = arena.Copy(value);
  if (name == ":status") {
    status_ = value;
    return verdict;
  }
  if (!name_is_static && name.find('_') != name.npos && SpoofsKnownName(name)) return verdict;
  list_->Add(name_is_static ? name : arena.Copy(name), value);
  return verdict;
}

bool H2Response::FinishHead(bool end_stream, bool head_request) {
  if (count_.too_large() || !ReadStatus()) return false;
  if (!is_final()) {
    head_->headers.RemoveIf([](const Header& header) { return IsFraming(header.known); });
    return !end_stream && ++informational_ <= limits_.informational_responses;
  }
  ReadFields(end_stream, head_request);
  return true;
}

// Three digits (libnghttp2 has seen to that), and none of the ranges that nobody has defined.
bool H2Response::ReadStatus() {
  if (status_.size() != 3) return false;
  for (char c : status_) {
    if (c < '0' || c > '9') return false;
    head_->status = head_->status * 10 + (c - '0');
  }
  return head_->status >= 100 && head_->status <= 599 && head_->status != 101;
}

void H2Response::ReadFields(bool end_stream, bool head_request) {
  int64_t length = -1;
  if (const Header* field = head_->headers.Find(Known::kContentLength)) {
    length = ParseContentLength(field->value);
  }
  head_->headers.RemoveIf([](const Header& header) { return IsFraming(header.known); });
  if (head_request || head_->status == 204 || head_->status == 304) {
    if (head_->status != 204) head_->declared_length = length;
  } else if (!end_stream) {
    head_->body.kind = length >= 0 ? BodyLength::Kind::kKnown : BodyLength::Kind::kUnknown;
    if (length >= 0) head_->body.bytes = static_cast<uint64_t>(length);
  }
}

bool H2Response::FinishTrailers() { return !count_.too_large() && CleanTrailers(*trailers_); }

}  // namespace sluice::http
