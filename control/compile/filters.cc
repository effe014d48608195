#include "control/compile/filters.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "control/compile/conditions.h"
#include "dataplane/snapshot/syntax.h"

namespace sluice::compile {
namespace {

using gateway_api::RouteFilter;

// "" or what is wrong with a header that a filter writes.
std::string CheckHeader(const gateway_api::HttpHeader& header) {
  if (!snapshot::IsModifiableHeader(header.name)) {
    return absl::StrCat("the header ", header.name, " may not be modified");
  }
  if (!snapshot::IsHeaderValue(header.value)) {
    return absl::StrCat("the value of the header ", header.name, " has invalid characters");
  }
  return "";
}

std::string CompileHeaders(const gateway_api::HeaderModifier& modifier,
                           snapshot::HeaderModifier& out) {
  for (const auto& header : modifier.set) {
    if (std::string wrong = CheckHeader(header); !wrong.empty()) return wrong;
    snapshot::Header* added = out.add_set();
    added->set_name(header.name);
    added->set_value(header.value);
  }
  for (const auto& header : modifier.add) {
    if (std::string wrong = CheckHeader(header); !wrong.empty()) return wrong;
    snapshot::Header* added = out.add_add();
    added->set_name(header.name);
    added->set_value(header.value);
  }
  for (const std::string& name : modifier.remove) {
    if (!snapshot::IsModifiableHeader(name)) {
      return absl::StrCat("the header ", name, " may not be removed");
    }
    out.add_remove(absl::AsciiStrToLower(name));
  }
  return "";
}

std::string CompilePath(const std::optional<gateway_api::PathModifier>& path,
                        snapshot::PathModifier* out) {
  if (!path) return "";
  if (!path->value.empty() && !snapshot::IsAbsolutePath(path->value)) {
    return absl::StrCat("the path '", path->value, "' is no absolute path");
  }
  bool full = path->type == gateway_api::PathModifier::Type::kReplaceFullPath;
  out->set_type(full ? snapshot::PathModifier::TYPE_FULL : snapshot::PathModifier::TYPE_PREFIX);
  out->set_value(path->value);
  return "";
}

std::string CompileRedirect(const gateway_api::RequestRedirect& redirect, snapshot::Redirect& out) {
  out.set_scheme(redirect.scheme);
  out.set_hostname(redirect.hostname);
  out.set_port(redirect.port);
  out.set_status(redirect.status_code);
  return redirect.path ? CompilePath(redirect.path, out.mutable_path()) : "";
}

std::string CompileRewrite(const gateway_api::UrlRewrite& rewrite, snapshot::Rewrite& out) {
  out.set_hostname(rewrite.hostname);
  return rewrite.path ? CompilePath(rewrite.path, out.mutable_path()) : "";
}

// "" or why the filter is not served.
std::string CompileFilter(const RouteFilter& filter, FilterPlace place, snapshot::Filter& out) {
  switch (filter.type) {
    case RouteFilter::Type::kRequestHeaderModifier:
      return CompileHeaders(*filter.request_header_modifier, *out.mutable_request_headers());
    case RouteFilter::Type::kResponseHeaderModifier:
      return CompileHeaders(*filter.response_header_modifier, *out.mutable_response_headers());
    case RouteFilter::Type::kRequestRedirect:
      if (place == FilterPlace::kBackend) break;
      return CompileRedirect(*filter.request_redirect, *out.mutable_redirect());
    case RouteFilter::Type::kUrlRewrite:
      if (place == FilterPlace::kBackend) break;
      return CompileRewrite(*filter.url_rewrite, *out.mutable_rewrite());
    case RouteFilter::Type::kRequestMirror:
    case RouteFilter::Type::kCors:
    case RouteFilter::Type::kExtensionRef:
    case RouteFilter::Type::kExternalAuth:
      break;
  }
  return absl::StrCat("the filter ", ToString(filter.type), " is not supported",
                      place == FilterPlace::kBackend ? " on a backendRef" : "");
}

}  // namespace

FilterPlan CompileFilters(const std::vector<RouteFilter>& filters, FilterPlace place) {
  FilterPlan plan;
  for (const RouteFilter& filter : filters) {
    snapshot::Filter compiled;
    std::string wrong = CompileFilter(filter, place, compiled);
    if (wrong.empty()) {
      plan.filters.push_back(std::move(compiled));
      continue;
    }
    if (plan.unsupported.empty()) plan.unsupported = wrong;
    if (filter.extension_ref && !plan.unresolved) {
      plan.unresolved = RouteInvalidKind(absl::StrCat(
          "extensionRef ", filter.extension_ref->name, ": the kind ", filter.extension_ref->group,
          "/", filter.extension_ref->kind, " is not supported"));
    }
  }
  return plan;
}

}  // namespace sluice::compile
