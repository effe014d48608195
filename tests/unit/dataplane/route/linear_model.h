// The reference for the route table: what the Snapshot says, read in the plainest way. Slow.
#pragma once

#include <re2/re2.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dataplane/http/message.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::testing {

// Larger is more specific; -1: no match. "*.x" matches names below x.
inline int HostScore(std::string_view pattern, std::string_view host) {
  if (pattern.empty()) return 0;
  if (pattern == host) return 1000;
  if (!absl::StartsWith(pattern, "*.")) return -1;
  const std::string_view suffix = pattern.substr(1);
  const bool below = host.size() > suffix.size() && absl::EndsWith(host, suffix);
  return below ? static_cast<int>(suffix.size()) : -1;
}

inline bool PathFits(const snapshot::Match& match, std::string_view path) {
  switch (match.path_type()) {
    case snapshot::Match::PATH_TYPE_EXACT:
      return path == match.path();
    case snapshot::Match::PATH_TYPE_REGEX:
      return RE2::FullMatch(path, match.path());
    default:
      if (match.path() == "/") return absl::StartsWith(path, "/");
      return path == match.path() || absl::StartsWith(path, absl::StrCat(match.path(), "/"));
  }
}

inline bool ValueFits(const snapshot::ValueMatch& match, std::optional<std::string> value) {
  if (!value) return false;
  return match.regex() ? RE2::FullMatch(*value, match.value()) : *value == match.value();
}

inline std::optional<std::string> HeaderOf(const http::RequestHead& head, const std::string& name) {
  std::optional<std::string> joined;
  for (const http::Header& header : head.headers) {
    if (header.name == name)
      joined = joined ? absl::StrCat(*joined, ", ", header.value) : std::string(header.value);
  }
  return joined;
}

// Without escapes: the random tests make none.
inline std::optional<std::string> QueryOf(const http::RequestHead& head, const std::string& name) {
  for (const std::string_view pair : absl::StrSplit(head.query(), '&')) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(pair, absl::MaxSplits('=', 1));
    if (parts.first == name) return parts.second;
  }
  return std::nullopt;
}

inline bool IsGrpcRequest(const http::RequestHead& head) {
  return RE2::FullMatch(HeaderOf(head, "content-type").value_or(""),
                        "(?i)application/grpc([+;].*)?");
}

inline bool Fits(const snapshot::Match& match, const http::RequestHead& head) {
  if (match.grpc() && !IsGrpcRequest(head)) return false;
  if (!PathFits(match, head.path())) return false;
  if (!match.method().empty() && match.method() != head.method) return false;
  for (const auto& header : match.headers()) {
    if (!ValueFits(header, HeaderOf(head, header.name()))) return false;
  }
  for (const auto& query : match.query()) {
    if (!ValueFits(query, QueryOf(head, query.name()))) return false;
  }
  return true;
}

// The most specific of `patterns` (with their indexes) for `host`.
template <typename Elements, typename Accept>
std::optional<int> MostSpecific(const Elements& elements, std::string_view host, Accept accept) {
  std::optional<int> best;
  int best_score = -1;
  for (int i = 0; i < elements.size(); ++i) {
    const int score = accept(elements.Get(i)) ? HostScore(elements.Get(i).hostname(), host) : -1;
    if (score > best_score) {
      best_score = score;
      best = i;
    }
  }
  return best;
}

// "404", "421" or "<listener id> <rule id> <match index in its host>".
inline std::string LinearAnswer(const snapshot::Snapshot& snapshot, uint32_t port, int listener,
                                const http::RequestHead& head) {
  const auto owner = MostSpecific(snapshot.listeners(), head.host,
                                  [&](const auto& l) { return l.port() == port; });
  if (!owner) return "404";
  if (listener >= 0 && *owner != listener) return "421";
  const std::string& owner_id = snapshot.listeners(*owner).id();
  const auto host = MostSpecific(snapshot.hosts(), head.host,
                                 [&](const auto& h) { return h.listener_id() == owner_id; });
  if (!host) return "404";
  for (int i = 0; i < snapshot.hosts(*host).matches_size(); ++i) {
    const snapshot::Match& match = snapshot.hosts(*host).matches(i);
    if (Fits(match, head)) return absl::StrCat(owner_id, " ", match.rule_id(), " ", match.index());
  }
  return "404";
}

}  // namespace sluice::testing
