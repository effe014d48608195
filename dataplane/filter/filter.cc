#include "dataplane/filter/filter.h"

#include <charconv>

#include "dataplane/filter/paths.h"

namespace sluice::filter {
namespace {

using snapshot::Filter;

constexpr uint32_t kHttpPort = 80;
constexpr uint32_t kHttpsPort = 443;

// The order within one modifier: set, add, remove.
void ModifyHeaders(const snapshot::HeaderModifier& modifier, http::HeaderList& headers) {
  for (const snapshot::Header& header : modifier.set()) headers.Set(header.name(), header.value());
  for (const snapshot::Header& header : modifier.add()) headers.Add(header.name(), header.value());
  for (const std::string& name : modifier.remove()) headers.Remove(name);
}

// A scheme that the filter names brings its own port; else the listener's stays.
uint32_t RedirectPort(const snapshot::Redirect& redirect, const RequestContext& context) {
  if (redirect.port() != 0) return redirect.port();
  if (redirect.scheme() == "http") return kHttpPort;
  if (redirect.scheme() == "https") return kHttpsPort;
  return context.listener_port;
}

// ":8443", or "" where the scheme implies the port.
std::string_view PortSuffix(std::string_view scheme, uint32_t port, core::Arena& arena) {
  if (port == (scheme == "https" ? kHttpsPort : kHttpPort)) return "";
  char digits[8];
  const auto end = std::to_chars(digits, digits + sizeof digits, port).ptr;
  return arena.Concat({":", std::string_view(digits, end)});
}

// An IPv6 literal stands in brackets.
std::string_view HostText(std::string_view host, core::Arena& arena) {
  const bool bare_ipv6 = !host.starts_with('[') && host.find(':') != std::string_view::npos;
  return bare_ipv6 ? arena.Concat({"[", host, "]"}) : EscapeUri(host, arena);
}

LocalRedirect MakeRedirect(const snapshot::Redirect& redirect, const RequestContext& context,
                           const http::RequestHead& head) {
  core::Arena& arena = head.headers.arena();
  const std::string_view scheme = redirect.scheme().empty() ? head.scheme : redirect.scheme();
  const std::string_view host = redirect.hostname().empty() ? head.host : redirect.hostname();
  const std::string_view port = PortSuffix(scheme, RedirectPort(redirect, context), arena);
  const std::string_view path =
      ModifyPath(redirect.path(), head.path(), context.matched_prefix, arena);
  const std::string_view target = EscapeUri(JoinTarget(path, head.target, arena), arena);
  return {static_cast<int>(redirect.status()),
          arena.Concat({scheme, "://", HostText(host, arena), port, target})};
}

void RewriteUrl(const snapshot::Rewrite& rewrite, const RequestContext& context,
                http::RequestHead& head) {
  if (!rewrite.hostname().empty()) head.authority = head.host = rewrite.hostname();
  if (rewrite.path().type() == snapshot::PathModifier::TYPE_NONE) return;
  core::Arena& arena = head.headers.arena();
  const std::string_view path =
      ModifyPath(rewrite.path(), head.path(), context.matched_prefix, arena);
  head.target = JoinTarget(path, head.target, arena);
}

}  // namespace

std::optional<LocalRedirect> ApplyToRequest(std::span<const Filter> filters,
                                            const RequestContext& context,
                                            http::RequestHead& head) {
  for (const Filter& filter : filters) {
    switch (filter.kind_case()) {
      case Filter::kRequestHeaders:
        ModifyHeaders(filter.request_headers(), head.headers);
        break;
      case Filter::kRewrite:
        RewriteUrl(filter.rewrite(), context, head);
        break;
      case Filter::kRedirect:
        return MakeRedirect(filter.redirect(), context, head);
      case Filter::kResponseHeaders:
      case Filter::KIND_NOT_SET:
        break;
    }
  }
  return std::nullopt;
}

void ApplyToResponse(std::span<const Filter> filters, http::ResponseHead& head) {
  for (const Filter& filter : filters) {
    if (filter.has_response_headers()) ModifyHeaders(filter.response_headers(), head.headers);
  }
}

}  // namespace sluice::filter
