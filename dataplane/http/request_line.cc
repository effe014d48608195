#include "dataplane/http/request_line.h"

#include "dataplane/http/chars.h"

namespace sluice::http {
namespace {

constexpr size_t kMaxMethodBytes = 32;

std::optional<Version> ParseVersion(std::string_view text) {
  if (text == "HTTP/1.1") return Version::kHttp11;
  if (text == "HTTP/1.0") return Version::kHttp10;
  return std::nullopt;
}

}  // namespace

std::optional<RequestLine> ParseRequestLine(std::string_view line) {
  constexpr size_t kVersionBytes = 8;
  RequestLine request;
  const size_t first = line.find(' ');
  if (first == std::string_view::npos || line.size() < first + kVersionBytes + 3) {
    return std::nullopt;
  }
  const size_t last = line.size() - kVersionBytes - 1;
  const std::optional<Version> version = ParseVersion(line.substr(last + 1));
  if (!version || line[last] != ' ') return std::nullopt;
  request.version = *version;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  if (request.method.empty() || request.method.size() > kMaxMethodBytes ||
      !AllAre(kTokenChar, request.method) || !AllAre(kQueryChar, request.target)) {
    return std::nullopt;
  }
  return request;
}

}  // namespace sluice::http
