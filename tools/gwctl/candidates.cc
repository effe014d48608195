#include "tools/gwctl/candidates.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "control/compile/hostnames.h"
#include "dataplane/route/conditions.h"
#include "dataplane/snapshot/regex.h"
#include "tools/gwctl/phrases.h"

namespace sluice::gwctl {
namespace {

using gateway_api::NamespacedName;
using snapshot::Match;

bool RegexFits(const std::string& pattern, std::string_view text) {
  const auto regex = snapshot::CompileRegex(pattern);
  return regex.ok() && RE2::FullMatch(text, **regex);
}

bool PathFits(const Match& match, std::string_view path) {
  const std::string& wanted = match.path();
  switch (match.path_type()) {
    case Match::PATH_TYPE_EXACT:
      return path == wanted;
    case Match::PATH_TYPE_REGEX:
      return RegexFits(wanted, path);
    default:
      return wanted == "/" || path == wanted ||
             (path.starts_with(wanted) && path[wanted.size()] == '/');
  }
}

std::string WhyNotPath(const Match& match, std::string_view path) {
  if (PathFits(match, path)) return "";
  switch (match.path_type()) {
    case Match::PATH_TYPE_EXACT:
      return absl::StrCat("the path is ", path);
    case Match::PATH_TYPE_REGEX:
      return absl::StrCat("the path ", path, " does not match");
    default:
      return absl::StrCat("the path ", path, " is not below ", match.path());
  }
}

std::string WhyNotValue(std::string_view noun, const snapshot::ValueMatch& match,
                        std::optional<std::string_view> text) {
  if (!text) return absl::StrCat("there is no ", noun, " ", match.name());
  if (match.regex() ? RegexFits(match.value(), *text) : *text == match.value()) return "";
  return absl::StrCat(noun, " ", match.name(), " is \"", *text, "\"");
}

// Exact names before wildcards, longer ones before shorter ones, "" last.
bool MoreSpecific(std::string_view a, std::string_view b) {
  const auto rank = [](std::string_view name) {
    return name.empty() ? 0 : name.starts_with("*.") ? 1 : 2;
  };
  return std::pair(rank(a), a.size()) > std::pair(rank(b), b.size());
}

std::vector<const snapshot::Host*> HostsFor(const snapshot::Snapshot& snapshot,
                                            std::string_view listener_id, std::string_view host) {
  std::vector<const snapshot::Host*> hosts;
  for (const snapshot::Host& candidate : snapshot.hosts()) {
    if (candidate.listener_id() == listener_id && compile::Covers(candidate.hostname(), host)) {
      hosts.push_back(&candidate);
    }
  }
  std::ranges::sort(hosts, [](const snapshot::Host* a, const snapshot::Host* b) {
    return MoreSpecific(a->hostname(), b->hostname());
  });
  return hosts;
}

// "HTTPRoute/ns/name/3" -> {"ns", "name"}.
NamespacedName RouteOf(std::string_view rule_id) {
  rule_id.remove_prefix(rule_id.find('/') + 1);
  rule_id.remove_suffix(rule_id.size() - rule_id.rfind('/'));
  const size_t slash = rule_id.find('/');
  return {std::string(rule_id.substr(0, slash)), std::string(rule_id.substr(slash + 1))};
}

// The first rule of precedence that tells them apart (HTTPRouteMatch; control/compile/matches.h).
std::string WhyOutranked(const view::View& view, const Match& winner, const Match& loser) {
  if (winner.path_type() != loser.path_type()) {
    return absl::StrCat(Name(winner.path_type()), " goes before ", Name(loser.path_type()));
  }
  if (winner.path().size() != loser.path().size()) return "a longer path goes first";
  if (winner.method().empty() != loser.method().empty()) return "a match with a method goes first";
  if (winner.headers_size() != loser.headers_size()) return "more headers go first";
  if (winner.query_size() != loser.query_size()) return "more query parameters go first";
  const NamespacedName a = RouteOf(winner.rule_id()), b = RouteOf(loser.rule_id());
  if (a == b) return "it comes later in its route";
  const auto* route_a = view.objects.Find<gateway_api::HttpRoute>(a);
  const auto* route_b = view.objects.Find<gateway_api::HttpRoute>(b);
  const bool older =
      route_a && route_b && route_a->meta.creation_time < route_b->meta.creation_time;
  return absl::StrCat("HTTPRoute ", ToString(a), older ? " is older" : " comes first by its name");
}

}  // namespace

std::string WhyNot(const Match& match, const http::RequestHead& head) {
  if (std::string why = WhyNotPath(match, head.path()); !why.empty()) return why;
  if (!match.method().empty() && match.method() != head.method) {
    return absl::StrCat("the method is ", head.method);
  }
  for (const snapshot::ValueMatch& header : match.headers()) {
    std::string why = WhyNotValue("header", header, route::HeaderValue(head, header.name()));
    if (!why.empty()) return why;
  }
  for (const snapshot::ValueMatch& query : match.query()) {
    std::string why = WhyNotValue("query parameter", query, route::QueryValue(head, query.name()));
    if (!why.empty()) return why;
  }
  return "";
}

std::vector<Candidate> Walk(const view::View& view, std::string_view listener_id,
                            const http::RequestHead& head) {
  std::vector<Candidate> walk;
  const Match* winner = nullptr;
  const snapshot::Host* first = nullptr;
  for (const snapshot::Host* host : HostsFor(view.snapshot, listener_id, head.host)) {
    if (first == nullptr) first = host;
    for (const Match& match : host->matches()) {
      Candidate& candidate = walk.emplace_back(Candidate{host->hostname(), &match});
      if (host != first) {
        candidate.fate = Candidate::Fate::kOutranked;
        candidate.why = absl::StrCat("the hostname ", first->hostname(), " is more specific");
        continue;
      }
      candidate.why = WhyNot(match, head);
      if (!candidate.why.empty()) continue;
      candidate.fate = winner == nullptr ? Candidate::Fate::kWon : Candidate::Fate::kOutranked;
      if (winner != nullptr) candidate.why = WhyOutranked(view, *winner, match);
      if (winner == nullptr) winner = &match;
    }
  }
  return walk;
}

const Candidate* Winner(const std::vector<Candidate>& candidates) {
  const auto found = std::ranges::find(candidates, Candidate::Fate::kWon, &Candidate::fate);
  return found == candidates.end() ? nullptr : &*found;
}

}  // namespace sluice::gwctl
