// The first line of an HTTP/1 request (RFC 9112 3), strictly: token SP target SP HTTP/1.0 or 1.1.
// What a target may be is for request_target.h to say. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "dataplane/http/message.h"

namespace sluice::http {

struct RequestLine {
  std::string_view method;
  std::string_view target;  // not empty, of characters that a query may have
  Version version = Version::kHttp11;
};

// `line` is without its CRLF.
std::optional<RequestLine> ParseRequestLine(std::string_view line);

}  // namespace sluice::http
