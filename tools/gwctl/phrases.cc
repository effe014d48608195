#include "tools/gwctl/phrases.h"

#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sluice::gwctl {
namespace {

std::string Phrase(std::string_view noun, const snapshot::ValueMatch& value) {
  return absl::StrCat(noun, " ", value.name(), value.regex() ? " ~ \"" : " = \"", value.value(),
                      "\"");
}

std::string Phrase(std::string_view which, const snapshot::HeaderModifier& modifier) {
  const auto join = [](const auto& headers) {
    return absl::StrJoin(headers, ", ", [](std::string* out, const snapshot::Header& header) {
      absl::StrAppend(out, header.name(), ": ", header.value());
    });
  };
  std::vector<std::string> parts;
  if (!modifier.set().empty()) parts.push_back(absl::StrCat("set ", join(modifier.set())));
  if (!modifier.add().empty()) parts.push_back(absl::StrCat("add ", join(modifier.add())));
  if (!modifier.remove().empty()) {
    parts.push_back(absl::StrCat("remove ", absl::StrJoin(modifier.remove(), ", ")));
  }
  return absl::StrCat(which, " headers: ", absl::StrJoin(parts, "; "));
}

// Nothing if the path stays.
void AddPath(const snapshot::PathModifier& path, std::vector<std::string>& parts) {
  if (path.type() == snapshot::PathModifier::TYPE_FULL) {
    parts.push_back(absl::StrCat("path ", path.value()));
  } else if (path.type() == snapshot::PathModifier::TYPE_PREFIX) {
    parts.push_back(absl::StrCat("prefix ", path.value().empty() ? "/" : path.value()));
  }
}

std::string Phrase(const snapshot::Redirect& redirect) {
  std::vector<std::string> parts;
  if (!redirect.scheme().empty()) parts.push_back(absl::StrCat("scheme ", redirect.scheme()));
  if (!redirect.hostname().empty()) parts.push_back(absl::StrCat("host ", redirect.hostname()));
  if (redirect.port() != 0) parts.push_back(absl::StrCat("port ", redirect.port()));
  AddPath(redirect.path(), parts);
  return absl::StrCat("redirect ", redirect.status(), parts.empty() ? "" : " to ",
                      absl::StrJoin(parts, ", "));
}

std::string Phrase(const snapshot::Rewrite& rewrite) {
  std::vector<std::string> parts;
  if (!rewrite.hostname().empty()) parts.push_back(absl::StrCat("host ", rewrite.hostname()));
  AddPath(rewrite.path(), parts);
  return absl::StrCat("rewrite to ", absl::StrJoin(parts, ", "));
}

}  // namespace

std::string_view Name(snapshot::Match::PathType type) {
  switch (type) {
    case snapshot::Match::PATH_TYPE_EXACT:
      return "Exact";
    case snapshot::Match::PATH_TYPE_REGEX:
      return "RegularExpression";
    default:
      return "PathPrefix";
  }
}

std::string Phrase(const snapshot::Match& match) {
  std::string text = absl::StrCat(Name(match.path_type()), " ", match.path());
  if (!match.method().empty()) absl::StrAppend(&text, ", method ", match.method());
  for (const auto& header : match.headers()) absl::StrAppend(&text, ", ", Phrase("header", header));
  for (const auto& query : match.query()) absl::StrAppend(&text, ", ", Phrase("query", query));
  return text;
}

std::string Phrase(const snapshot::Filter& filter) {
  switch (filter.kind_case()) {
    case snapshot::Filter::kRequestHeaders:
      return Phrase("request", filter.request_headers());
    case snapshot::Filter::kResponseHeaders:
      return Phrase("response", filter.response_headers());
    case snapshot::Filter::kRedirect:
      return Phrase(filter.redirect());
    case snapshot::Filter::kRewrite:
      return Phrase(filter.rewrite());
    case snapshot::Filter::KIND_NOT_SET:
      break;
  }
  return "nothing";
}

std::string Phrase(const snapshot::Rule& rule) {
  const std::string_view id = rule.id();
  return absl::StrCat(id.substr(0, id.find('/')), " ", rule.route(), ", rule ",
                      id.substr(id.rfind('/') + 1), rule.name().empty() ? "" : " (", rule.name(),
                      rule.name().empty() ? "" : ")");
}

}  // namespace sluice::gwctl
