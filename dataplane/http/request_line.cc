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
  RequestLine request;
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == 0 || last == first) return std::nullopt;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  const std::optional<Version> version = ParseVersion(line.substr(last + 1));
  if (!version || request.target.empty()) return std::nullopt;
  request.version = *version;
  if (request.method.size() > kMaxMethodBytes || !AllAre(kTokenChar, request.method)) {
    return std::nullopt;
  }
  for (char c : request.target) {
    if (c <= ' ' || c > '~') return std::nullopt;
  }
  return request;
}

}  // namespace sluice::http
