// An Explanation for programs.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tools/gwctl/explain.h"
#include "tools/gwctl/phrases.h"
#include "tools/gwctl/yaml.h"

namespace sluice::gwctl {
namespace {

std::string_view NameOf(Explanation::Answer answer) {
  switch (answer) {
    case Explanation::Answer::kForwarded:
      return "forwarded";
    case Explanation::Answer::kRedirected:
      return "redirected";
    case Explanation::Answer::kRefused:
      return "refused";
  }
}

std::string_view NameOf(Candidate::Fate fate) {
  switch (fate) {
    case Candidate::Fate::kWon:
      return "won";
    case Candidate::Fate::kOutranked:
      return "outranked";
    case Candidate::Fate::kMismatch:
      return "mismatch";
  }
}

std::string_view NameOf(ReceivedHeader::Origin origin) {
  switch (origin) {
    case ReceivedHeader::Origin::kClient:
      return "client";
    case ReceivedHeader::Origin::kSluice:
      return "sluice";
    case ReceivedHeader::Origin::kRemoved:
      return "removed";
  }
}

Document RuleDocument(const Explanation& e) {
  Document filters = Document::array();
  for (const snapshot::Filter& filter : e.rule->filters()) filters.push_back(Phrase(filter));
  return {{"route", e.rule->route()},
          {"rule", e.rule->id()},
          {"match", e.match->index()},
          {"matchText", Phrase(*e.match)},
          {"filters", std::move(filters)},
          {"requestTimeoutMs", e.rule->request_timeout_ms()},
          {"backendTimeoutMs", e.rule->backend_timeout_ms()}};
}

Document ShareDocument(const Share& share) {
  return {{"cluster", share.cluster},
          {"percent", share.percent},
          {"status", share.status},
          {"endpoints", share.endpoints},
          {"filters", share.filters}};
}

Document ReceivedDocument(const Received& received) {
  Document headers = Document::array();
  for (const ReceivedHeader& header : received.headers) {
    headers.push_back(
        {{"name", header.name}, {"value", header.value}, {"origin", NameOf(header.origin)}});
  }
  return {{"method", received.method},
          {"target", received.target},
          {"authority", received.authority},
          {"protocol", received.protocol},
          {"headers", std::move(headers)}};
}

Document CandidateDocument(const Candidate& candidate) {
  return {{"hostname", candidate.hostname},    {"rule", candidate.match->rule_id()},
          {"match", candidate.match->index()}, {"matchText", Phrase(*candidate.match)},
          {"result", NameOf(candidate.fate)},  {"why", candidate.why}};
}

}  // namespace

std::string ToJsonText(const Explanation& e) {
  Document out = {{"answer", NameOf(e.answer)}, {"status", e.status}, {"why", e.why}};
  if (!e.location.empty()) out["location"] = e.location;
  out["hints"] = e.hints;
  if (e.vip) out["vip"] = e.vip->address();
  if (e.listener) out["listener"] = e.listener->id();
  if (e.certificate) out["certificate"] = ToString(e.certificate->secret);
  if (e.rule) out["rule"] = RuleDocument(e);
  out["backends"] = Document::array();
  for (const Share& share : e.shares) out["backends"].push_back(ShareDocument(share));
  for (const Received& received : e.received) out["received"] = ReceivedDocument(received);
  out["candidates"] = Document::array();
  for (const Candidate& c : e.candidates) out["candidates"].push_back(CandidateDocument(c));
  return ToJson(out);
}

}  // namespace sluice::gwctl
