#include "dataplane/snapshot/check.h"
#include "dataplane/snapshot/syntax.h"

namespace sluice::snapshot {
namespace {

absl::Status CheckModifiable(const std::string& name) {
  if (!IsModifiableHeader(name)) return Wrong("header \"", name, "\" may not be modified");
  return absl::OkStatus();
}

absl::Status CheckHeader(const Header& header) {
  if (!IsToken(header.name())) return Wrong("header name \"", header.name(), "\" is no token");
  if (!IsHeaderValue(header.value())) {
    return Wrong("the value of header \"", header.name(), "\" has invalid characters");
  }
  return CheckModifiable(header.name());
}

absl::Status CheckRemoved(const std::string& name) {
  if (!IsLowerToken(name)) return Wrong("header name \"", name, "\" is no lower-case token");
  return CheckModifiable(name);
}

absl::Status CheckModifier(const HeaderModifier& modifier) {
  if (absl::Status s = CheckEach("set", modifier.set(), CheckHeader); !s.ok()) return s;
  if (absl::Status s = CheckEach("add", modifier.add(), CheckHeader); !s.ok()) return s;
  return CheckEach("remove", modifier.remove(), CheckRemoved);
}

absl::Status CheckPathModifier(const PathModifier& path) {
  switch (path.type()) {
    case PathModifier::TYPE_NONE:
      return path.value().empty() ? absl::OkStatus() : Wrong("path: a value without a type");
    case PathModifier::TYPE_FULL:
    case PathModifier::TYPE_PREFIX:
      break;
    default:
      return Wrong("path: unknown type ", path.type());
  }
  if (path.value().empty() || IsAbsolutePath(path.value())) return absl::OkStatus();
  return Wrong("path: \"", path.value(), "\" is no absolute path");
}

absl::Status CheckNewHostname(const std::string& hostname) {
  if (hostname.empty() || IsHostname(hostname)) return absl::OkStatus();
  return Wrong("hostname \"", hostname, "\" is invalid");
}

absl::Status CheckRedirect(const Redirect& redirect) {
  if (redirect.scheme() != "" && redirect.scheme() != "http" && redirect.scheme() != "https") {
    return Wrong("scheme \"", redirect.scheme(), "\" is neither http nor https");
  }
  if (absl::Status s = CheckNewHostname(redirect.hostname()); !s.ok()) return s;
  if (redirect.port() > 65535) return Wrong("port ", redirect.port(), " is not in 0-65535");
  switch (redirect.status()) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return CheckPathModifier(redirect.path());
    default:
      return Wrong("status ", redirect.status(), " is no redirect");
  }
}

absl::Status CheckRewrite(const Rewrite& rewrite) {
  if (absl::Status s = CheckNewHostname(rewrite.hostname()); !s.ok()) return s;
  return CheckPathModifier(rewrite.path());
}

}  // namespace

absl::Status CheckFilter(const Filter& filter) {
  switch (filter.kind_case()) {
    case Filter::kRequestHeaders:
      return In("request_headers", CheckModifier(filter.request_headers()));
    case Filter::kResponseHeaders:
      return In("response_headers", CheckModifier(filter.response_headers()));
    case Filter::kRedirect:
      return In("redirect", CheckRedirect(filter.redirect()));
    case Filter::kRewrite:
      return In("rewrite", CheckRewrite(filter.rewrite()));
    case Filter::KIND_NOT_SET:
      break;
  }
  return Wrong("a filter of no known kind");
}

}  // namespace sluice::snapshot
