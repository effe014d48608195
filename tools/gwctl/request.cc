#include "tools/gwctl/request.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dataplane/http/connection_fields.h"
#include "dataplane/http/request_target.h"
#include "dataplane/snapshot/syntax.h"

namespace sluice::gwctl {
namespace {

absl::Status Wrong(std::string_view what) { return absl::InvalidArgumentError(what); }

absl::Status ParseUrl(std::string_view url, Request& request) {
  const bool https = absl::ConsumePrefix(&url, "https://");
  if (!https && !absl::ConsumePrefix(&url, "http://")) {
    return Wrong("write the URL with its scheme, such as https://www.example.com/path");
  }
  url = url.substr(0, url.find('#'));  // a fragment stays with the client
  const size_t end = std::min(url.find_first_of("/?"), url.size());
  core::ArenaPool pool;
  core::Arena arena(pool);
  const auto authority = http::ParseAuthority(arena, url.substr(0, end));
  if (!authority || authority->host.empty()) {
    return Wrong(absl::StrCat("\"", url.substr(0, end), "\" is no host with an optional port"));
  }
  request.https = https;
  request.host = authority->host;
  request.authority = authority->text;
  request.port = https ? 443 : 80;
  int port = request.port;
  if (!authority->port.empty() && absl::SimpleAtoi(authority->port, &port)) {
    request.port = static_cast<uint16_t>(port);
  }
  std::string_view target = url.substr(end);
  request.target = absl::StrCat(target.starts_with('/') ? "" : "/", target);
  return absl::OkStatus();
}

absl::Status ParseHeader(std::string_view text, Request& request) {
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  if (colon == std::string_view::npos || !snapshot::IsToken(name)) {
    return Wrong(absl::StrCat("write -H 'Name: value', not \"", text, "\""));
  }
  const std::string_view value = absl::StripAsciiWhitespace(text.substr(colon + 1));
  if (!snapshot::IsHeaderValue(value)) {
    return Wrong(absl::StrCat("the value of -H ", name, " cannot be sent"));
  }
  request.headers.emplace_back(absl::AsciiStrToLower(name), value);
  return absl::OkStatus();
}

}  // namespace

bool Request::by_address() const { return core::Address::Parse(address(), port).has_value(); }

std::string Request::address() const {
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

std::string Request::server_name() const { return by_address() ? "" : host; }

absl::StatusOr<Request> ParseRequest(const Options& options) {
  Request request;
  if (absl::Status url = ParseUrl(options.url, request); !url.ok()) return url;
  request.method = options.method;
  if (!snapshot::IsToken(request.method)) {
    return Wrong(absl::StrCat("\"", request.method, "\" is no method"));
  }
  for (const std::string& header : options.headers) {
    if (absl::Status parsed = ParseHeader(header, request); !parsed.ok()) return parsed;
  }
  const auto client = core::Address::Parse(options.from, 0);
  if (!client) return Wrong(absl::StrCat("--from: \"", options.from, "\" is no IP address"));
  request.client = *client;
  return request;
}

core::FaultCode MakeHead(const Request& request, http::RequestHead& head) {
  head.version = http::Version::kHttp11;
  head.method = request.method;
  head.scheme = request.https ? "https" : "http";
  bool has_host = false;
  for (const auto& [name, value] : request.headers) {
    has_host |= name == "host";
    head.headers.Add(name, value);
  }
  if (!has_host) head.headers.Add("host", request.authority);
  if (!http::TakeConnectionFields(head.headers, head.version)) return core::FaultCode::kBadRequest;
  return http::ReadTarget(head, request.target);
}

}  // namespace sluice::gwctl
