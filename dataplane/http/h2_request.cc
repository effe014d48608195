#include "dataplane/http/h2_request.h"

#include <cstring>
#include <new>

#include "absl/strings/match.h"
#include "dataplane/http/chars.h"
#include "dataplane/http/connection_fields.h"
#include "dataplane/http/field_reader.h"
#include "dataplane/http/request_target.h"

namespace sluice::http {
namespace {

using core::FaultCode;

}  // namespace

void H2Request::BeginHead(core::Arena& arena) {
  head_ = new (arena.Allocate(sizeof(RequestHead))) RequestHead(arena);
  head_->version = Version::kHttp2;
  list_ = &head_->headers;
}

void H2Request::BeginTrailers(core::Arena& arena) {
  list_ = &trailers(arena);
  count_.Restart();
  cookies_ = 0;
}

HeaderList& H2Request::trailers(core::Arena& arena) {
  if (trailers_ == nullptr) {
    trailers_ = new (arena.Allocate(sizeof(HeaderList))) HeaderList(arena);
  }
  return *trailers_;
}

H2Request::Verdict H2Request::Add(std::string_view name, bool name_is_static,
                                  std::string_view value, bool value_is_static) {
  const Verdict verdict = count_.Add(name.size(), value.size());
  if (verdict != Verdict::kTaken) return verdict;
  core::Arena& arena = list_->arena();
  if (!value_is_static) value = arena.Copy(value);
  if (name.starts_with(':')) {
    AddPseudo(name, value);
    return verdict;
  }
  if (!name_is_static && name.find('_') != name.npos && SpoofsKnownName(name)) return verdict;
  if (name == "cookie") ++cookies_;
  list_->Add(name_is_static ? name : arena.Copy(name), value);
  return verdict;
}

// libnghttp2 has checked that each comes once, first, and is not empty.
void H2Request::AddPseudo(std::string_view name, std::string_view value) {
  if (name == ":method") head_->method = value;
  if (name == ":scheme") scheme_ = value;
  if (name == ":path") path_ = value;
  if (name == ":authority") authority_ = value;
}

// HTTP/2 may split a cookie for better compression; one field is what HTTP/1 knows
// (RFC 9113 8.2.3).
void H2Request::MergeCookies() {
  size_t size = 0;
  for (const Header& header : head_->headers) {
    if (header.name == "cookie") size += header.value.size() + 2;
  }
  auto* text = static_cast<char*>(head_->headers.arena().Allocate(size));
  char* at = text;
  Header* first = nullptr;
  for (Header& header : head_->headers) {
    if (header.name != "cookie") continue;
    if (first == nullptr) {
      first = &header;
    } else {
      *at++ = ';';
      *at++ = ' ';
    }
    std::memcpy(at, header.value.data(), header.value.size());
    at += header.value.size();
  }
  head_->headers.Set("cookie", {text, static_cast<size_t>(at - text)});
}

FaultCode H2Request::FinishHead(bool end_stream, bool https) {
  if (count_.too_large()) return FaultCode::kHeadersTooLarge;
  if (head_->method == "CONNECT" || head_->method == "TRACE") return FaultCode::kMethodNotAllowed;
  if (!absl::EqualsIgnoreCase(scheme_, "http") && !absl::EqualsIgnoreCase(scheme_, "https")) {
    return FaultCode::kBadRequest;
  }
  head_->scheme = https ? "https" : "http";
  if (FaultCode code = ReadAuthority(); code != FaultCode::kNone) return code;
  if (path_ == "*") {
    if (head_->method != "OPTIONS") return FaultCode::kBadRequest;
    head_->target = path_;
  } else {
    const auto target = NormalizeTarget(head_->headers.arena(), path_);
    if (!target) return FaultCode::kBadRequest;
    head_->target = *target;
  }
  if (cookies_ > 1) MergeCookies();
  return ReadFields(end_stream);
}

// Host, where it comes beside :authority, must say the same (RFC 9113 8.3.1).
FaultCode H2Request::ReadAuthority() {
  core::Arena& arena = head_->headers.arena();
  std::optional<Authority> authority;
  if (!authority_.empty()) {
    authority = ParseAuthority(arena, authority_);
    if (!authority) return FaultCode::kBadRequest;
  }
  size_t hosts = 0;
  for (const Header& header : head_->headers) {
    if (header.known != Known::kHost) continue;
    const auto host = ParseAuthority(arena, header.value);
    if (!host || ++hosts > 1) return FaultCode::kBadRequest;
    if (authority && !SameAuthority(*authority, *host, head_->scheme)) {
      return FaultCode::kBadRequest;
    }
    if (!authority) authority = host;
  }
  if (!authority) return FaultCode::kBadRequest;
  if (hosts > 0) head_->headers.Remove(Known::kHost);
  head_->authority = authority->text;
  head_->host = authority->host;
  return FaultCode::kNone;
}

// Framing and fields of one hop go to their members. libnghttp2 has refused those that HTTP/2 does
// not have, and lengths that are no numbers or come twice.
FaultCode H2Request::ReadFields(bool end_stream) {
  FaultCode code = FaultCode::kNone;
  if (!end_stream) head_->body.kind = BodyLength::Kind::kUnknown;
  head_->headers.RemoveIf([&](const Header& header) {
    switch (header.known) {
      case Known::kContentLength:
        if (!end_stream) SetBodyLength(static_cast<uint64_t>(ParseContentLength(header.value)));
        return true;
      case Known::kExpect:
        if (!absl::EqualsIgnoreCase(header.value, "100-continue")) {
          code = FaultCode::kExpectationFailed;
        }
        head_->expect_continue = true;
        return true;
      case Known::kTe:
        head_->te_trailers = true;
        return true;
      default:
        return IsFraming(header.known);
    }
  });
  return code;
}

void H2Request::SetBodyLength(uint64_t bytes) {
  head_->body = bytes == 0 ? BodyLength{} : BodyLength{BodyLength::Kind::kKnown, bytes};
}

bool H2Request::FinishTrailers() { return !count_.too_large() && CleanTrailers(*trailers_); }

}  // namespace sluice::http
