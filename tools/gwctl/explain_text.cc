// An Explanation for people.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/gwctl/explain.h"
#include "tools/gwctl/made.h"
#include "tools/gwctl/phrases.h"
#include "tools/gwctl/table.h"
#include "tools/gwctl/words.h"

namespace sluice::gwctl {
namespace {

constexpr size_t kNameWidth = 13;
constexpr size_t kMostEndpoints = 4;

class Page {
 public:
  void Line(std::string_view name, std::string_view value) {
    absl::StrAppend(&text_, name, std::string(kNameWidth - name.size(), ' '), value, "\n");
  }
  // The first line carries the name.
  void Lines(std::string_view name, const std::vector<std::string>& values) {
    for (const std::string& value : values) Line(std::exchange(name, ""), value);
  }
  void Add(std::string_view text) { text_.append(text); }
  std::string Take() && { return std::move(text_); }

 private:
  std::string text_;
};

std::string VipText(const Explanation& e, const view::View& view) {
  const snapshot::Vip& vip = *e.vip;
  std::string text = vip.address();
  if (const std::string pool = PoolOf(view, vip.address()); !pool.empty()) {
    absl::StrAppend(&text, " of pool ", pool);
  }
  absl::StrAppend(&text, vip.announce() ? ", announced" : ", not announced");
  if (!vip.interfaces().empty()) {
    absl::StrAppend(&text, " on ", absl::StrJoin(vip.interfaces(), ", "));
  }
  const std::string owned = OwnedText(view, vip.address());
  if (owned != "Unknown")
    absl::StrAppend(&text, owned == "True" ? ", owned" : ", not owned", " by this node");
  return text;
}

std::string ListenerText(const snapshot::Listener& listener) {
  const bool https = listener.protocol() == snapshot::Listener::PROTOCOL_HTTPS;
  return absl::StrCat(listener.id(), " (", https ? "HTTPS" : "HTTP", ", port ", listener.port(),
                      ", ", listener.hostname().empty() ? "any host" : listener.hostname(), ")");
}

std::string CertificateText(const view::CertificateFacts& facts, absl::Time now) {
  return absl::StrCat(ToString(facts.secret), " for ", absl::StrJoin(facts.dns_names, ", "),
                      ", until ", Date(facts.not_after), " (", TimeLeft(facts.not_after, now), ")");
}

std::string TimeoutText(const snapshot::Rule& rule) {
  std::vector<std::string> parts;
  if (rule.request_timeout_ms() != 0) {
    parts.push_back(absl::StrCat("request ", rule.request_timeout_ms(), " ms"));
  }
  if (rule.backend_timeout_ms() != 0) {
    parts.push_back(absl::StrCat("backend ", rule.backend_timeout_ms(), " ms"));
  }
  return parts.empty() ? "none" : absl::StrJoin(parts, ", ");
}

std::string ShareText(const Share& share) {
  std::string text = absl::StrCat(std::round(share.percent * 10) / 10, "% ",
                                  share.cluster.empty() ? "(unresolved)" : share.cluster);
  if (share.status != 0) {
    absl::StrAppend(&text, ": answered ", share.status);
  } else {
    const size_t shown = std::min(share.endpoints.size(), kMostEndpoints);
    absl::StrAppend(&text, " -> ",
                    absl::StrJoin(share.endpoints.begin(), share.endpoints.begin() + shown, ", "));
    if (shown < share.endpoints.size()) {
      absl::StrAppend(&text, " and ", share.endpoints.size() - shown, " more");
    }
  }
  for (const std::string& filter : share.filters) absl::StrAppend(&text, "; ", filter);
  return text;
}

std::string AnswerText(const Explanation& e) {
  return e.status == 0 ? e.why : absl::StrCat(e.status, ": ", e.why);
}

void AddRule(const Explanation& e, Page& page) {
  page.Line("Route", Phrase(*e.rule));
  page.Line("Match", Phrase(*e.match));
  std::vector<std::string> filters, shares;
  for (const snapshot::Filter& filter : e.rule->filters()) filters.push_back(Phrase(filter));
  page.Lines("Filters", filters.empty() ? std::vector<std::string>{"none"} : filters);
  page.Line("Timeouts", TimeoutText(*e.rule));
  for (const Share& share : e.shares) shares.push_back(ShareText(share));
  page.Lines("Backends", shares);
}

void AddReceived(const Received& received, Page& page) {
  page.Add(absl::StrCat("\nThe backend receives (+ set by Sluice, - removed)\n    ",
                        received.method, " ", received.target, " ", received.protocol,
                        "\n    host: ", received.authority, "\n"));
  for (const ReceivedHeader& header : received.headers) {
    const char* mark = header.origin == ReceivedHeader::Origin::kSluice    ? "  + "
                       : header.origin == ReceivedHeader::Origin::kRemoved ? "  - "
                                                                           : "    ";
    page.Add(absl::StrCat(mark, header.name, ": ", header.value, "\n"));
  }
}

void AddCandidates(const Explanation& e, Page& page) {
  page.Add("\nMatches of the host, in the order in which they are tried\n");
  std::vector<Cells> rows;
  for (const Candidate& candidate : e.candidates) {
    const std::string& id = candidate.match->rule_id();
    const std::string result = candidate.fate == Candidate::Fate::kWon ? "wins"
                               : candidate.fate == Candidate::Fate::kOutranked
                                   ? absl::StrCat("outranked: ", candidate.why)
                                   : absl::StrCat("no: ", candidate.why);
    rows.push_back({candidate.hostname.empty() ? "*" : candidate.hostname, Phrase(*candidate.match),
                    absl::StrCat(id, "/", candidate.match->index()), result});
  }
  page.Add(FormatTable({"HOST", "MATCH", "ROUTE/RULE/MATCH", "RESULT"}, rows));
}

}  // namespace

std::string ToText(const Explanation& e, const view::View& view, absl::Time now) {
  Page page;
  page.Line("Request",
            absl::StrCat(e.request.method, " ", e.request.https ? "https" : "http", "://",
                         e.request.authority, e.request.target, " from ", e.request.client.ip()));
  if (e.vip) page.Line("VIP", VipText(e, view));
  if (e.listener) page.Line("Listener", ListenerText(*e.listener));
  if (e.certificate) page.Line("Certificate", CertificateText(*e.certificate, now));
  if (e.rule) AddRule(e, page);
  page.Line("Answer", AnswerText(e));
  page.Lines("Hints", e.hints);
  for (const Received& received : e.received) AddReceived(received, page);
  if (!e.candidates.empty()) AddCandidates(e, page);
  return std::move(page).Take();
}

}  // namespace sluice::gwctl
