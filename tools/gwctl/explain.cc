#include "tools/gwctl/explain.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "certs/names.h"
#include "dataplane/core/fault.h"
#include "dataplane/filter/filter.h"
#include "dataplane/route/route_table.h"
#include "dataplane/snapshot/listener_groups.h"
#include "dataplane/snapshot/validate.h"
#include "dataplane/stream/forwarded.h"
#include "tools/gwctl/hints.h"
#include "tools/gwctl/made.h"
#include "tools/gwctl/phrases.h"

namespace sluice::gwctl {
namespace {

using core::FaultCode;
using snapshot::GroupId;
using snapshot::Listener;

// The steps share what they found; each returns false once the answer is known.
class Explainer {
 public:
  Explainer(const view::View& view, const route::RouteTable& table, const Request& request)
      : view_(view),
        snapshot_(view.snapshot),
        table_(table),
        groups_(view.snapshot),
        arena_(pool_),
        head_(arena_) {
    out_.request = request;
  }

  bool Arrive(const std::string& vip);
  bool ShakeHands();
  bool ReadHead();
  bool Route();
  bool ApplyRule();
  void ChooseBackend();

  Explanation Take() && { return std::move(out_); }

 private:
  bool Refuse(int status, std::string why) {
    out_.status = status;
    out_.why = std::move(why);
    return false;
  }
  bool Refuse(FaultCode code, std::string why) {
    return Refuse(core::HttpStatus(code), std::move(why));
  }
  const Listener& ListenerAt(uint32_t index) const {
    return snapshot_.listeners(static_cast<int>(index));
  }
  void ChooseCertificate(const Listener& listener);
  Share MakeShare(const snapshot::Backend& backend, uint32_t total_weight) const;
  void Receive(const snapshot::Backend& backend, const route::Backend& resolved);
  void CompareHeaders(Received& received) const;

  const view::View& view_;
  const snapshot::Snapshot& snapshot_;
  const route::RouteTable& table_;
  const snapshot::ListenerGroups groups_;
  core::ArenaPool pool_;
  core::Arena arena_;
  http::RequestHead head_;
  core::Address local_;
  GroupId group_ = 0;  // in groups_
  uint32_t sni_listener_ = route::RouteTable::kAnyListener;
  const route::Rule* rule_ = nullptr;
  filter::RequestContext context_;
  std::string local_port_;
  std::string client_ip_;
  Explanation out_;
};

// The address that the client asks for; "": any, as only the client's resolver knows.
std::string WantedAddress(const Request& request, const std::string& vip) {
  if (!vip.empty()) return vip;
  return request.by_address() ? request.address() : "";
}

// The first VIP that serves the host; else the first that has the port at all.
bool Explainer::Arrive(const std::string& vip) {
  const Request& request = out_.request;
  const std::string wanted = WantedAddress(request, vip);
  for (const snapshot::Vip& candidate : snapshot_.vips()) {
    if (!wanted.empty() && candidate.address() != wanted) continue;
    const auto local = core::Address::Parse(candidate.address(), request.port);
    const auto group = local ? groups_.Find(*local) : std::nullopt;
    if (!group) continue;
    const bool fits = groups_.FindListener(*group, request.host).has_value();
    if (out_.vip != nullptr && !fits) continue;
    out_.vip = &candidate;
    local_ = *local;
    group_ = *group;
    if (fits) break;
  }
  if (out_.vip != nullptr) return true;
  out_.hints = HintsForPort(view_, request.port);
  const std::string who = wanted.empty() ? "no VIP has" : absl::StrCat(wanted, " does not have");
  return Refuse(
      0, absl::StrCat("the connection is refused: ", who, " a listener at port ", request.port));
}

void Explainer::ChooseCertificate(const Listener& listener) {
  const std::string name = out_.request.server_name();
  auto best = certs::NameMatch::kNone;
  for (const std::string& id : listener.certificate_ids()) {
    const view::CertificateFacts* facts = FindCertificateById(view_, id);
    if (facts == nullptr) continue;
    const certs::NameMatch match = certs::MatchNames(facts->dns_names, name);
    if (out_.certificate != nullptr && match <= best) continue;
    out_.certificate = facts;
    best = match;
  }
}

bool Explainer::ShakeHands() {
  const Request& request = out_.request;
  const bool https = groups_.protocol(group_) == Listener::PROTOCOL_HTTPS;
  if (https != request.https) {
    return Refuse(0, absl::StrCat("port ", request.port, " speaks ",
                                  https ? "TLS: the server takes no plain HTTP"
                                        : "plain HTTP: the TLS handshake fails"));
  }
  if (!https) return true;
  const auto index = groups_.FindListener(group_, request.server_name());
  if (!index) {
    out_.hints = HintsForHost(view_, request.port, request.host);
    return Refuse(0,
                  absl::StrCat("the TLS handshake fails (unrecognized_name): no listener of port ",
                               request.port, " serves ",
                               request.by_address() ? "clients that name no host" : request.host));
  }
  sni_listener_ = *index;
  out_.listener = &ListenerAt(*index);
  ChooseCertificate(*out_.listener);
  return true;
}

bool Explainer::ReadHead() {
  const FaultCode code = MakeHead(out_.request, head_);
  if (code == FaultCode::kNone) return true;
  return Refuse(code,
                absl::StrCat("the request is refused before routing (", core::FlagName(code), ")"));
}

bool Explainer::Route() {
  const route::Result result = table_.Find(table_.FindPort(local_).value(), sni_listener_, head_);
  const std::string host(head_.host);
  if (result.outcome == route::Outcome::kMisdirected) {
    return Refuse(
        FaultCode::kMisdirected,
        absl::StrCat("misdirected: the TLS handshake chose listener ", out_.listener->id(),
                     ", but ", host, " belongs to listener ", ListenerAt(result.listener).id(),
                     "; the client is to open another connection"));
  }
  out_.hints = HintsForHost(view_, out_.request.port, host);
  // Index 0 stands for none as well; only a listener of this group can own the host.
  const auto owner = groups_.FindListener(group_, host);
  if (!owner) {
    return Refuse(FaultCode::kNoRoute,
                  absl::StrCat("no listener of port ", out_.request.port, " serves ", host));
  }
  out_.listener = &ListenerAt(*owner);
  out_.candidates = Walk(view_, out_.listener->id(), head_);
  if (result.outcome == route::Outcome::kNoRoute) {
    return Refuse(
        FaultCode::kNoRoute,
        out_.candidates.empty()
            ? absl::StrCat("no route of listener ", out_.listener->id(), " has the host ", host)
            : absl::StrCat("routes serve ", host, ", but no match fits"));
  }
  rule_ = result.rule;
  out_.rule = &snapshot_.rules(static_cast<int>(result.rule->index));
  out_.match = Winner(out_.candidates) ? Winner(out_.candidates)->match : result.match;
  out_.hints.clear();
  return true;
}

bool Explainer::ApplyRule() {
  client_ip_ = out_.request.client.ip();
  local_port_ = absl::StrCat(out_.request.port);
  std::vector<stream::Cidr> trusted;
  for (const std::string& text : snapshot_.settings().trusted_proxies()) {
    if (auto cidr = stream::Cidr::Parse(text)) trusted.push_back(*cidr);
  }
  stream::SetForwarded(head_, {out_.request.client, client_ip_, local_port_, out_.request.https},
                       trusted);
  const bool prefix = out_.match->path_type() == snapshot::Match::PATH_TYPE_PREFIX;
  context_ = {out_.request.port, prefix ? std::string_view(out_.match->path()) : ""};
  const auto redirect = filter::ApplyToRequest(rule_->filters, context_, head_);
  if (!redirect) return true;
  out_.answer = Explanation::Answer::kRedirected;
  out_.status = redirect->status;
  out_.location = redirect->location;
  out_.why = absl::StrCat("redirected to ", out_.location);
  return false;
}

Share Explainer::MakeShare(const snapshot::Backend& backend, uint32_t total_weight) const {
  Share share{.cluster = backend.cluster_id()};
  share.percent = total_weight == 0 ? 0 : 100.0 * backend.weight() / total_weight;
  for (const auto& one : backend.filters()) share.filters.push_back(Phrase(one));
  if (share.cluster.empty()) {
    share.status = core::HttpStatus(FaultCode::kUnresolvedBackend);
    return share;
  }
  const snapshot::EndpointSet* set = FindEndpoints(snapshot_, share.cluster);
  if (set != nullptr) {
    for (const snapshot::Endpoint& endpoint : set->endpoints()) {
      const auto address =
          core::Address::Parse(endpoint.address(), static_cast<uint16_t>(endpoint.port()));
      share.endpoints.push_back(address ? address->text() : endpoint.address());
    }
  }
  if (share.endpoints.empty()) share.status = core::HttpStatus(FaultCode::kNoEndpoint);
  return share;
}

void Explainer::ChooseBackend() {
  bool received = false;
  for (int i = 0; i < out_.rule->backends_size(); ++i) {
    const snapshot::Backend& backend = out_.rule->backends(i);
    const Share& share = out_.shares.emplace_back(MakeShare(backend, rule_->total_weight));
    if (received || share.status != 0 || backend.weight() == 0) continue;
    received = true;
    Receive(backend, rule_->backends[static_cast<size_t>(i)]);
  }
  const bool serves_all = std::ranges::all_of(
      out_.shares, [](const Share& share) { return share.status == 0 || share.percent == 0; });
  if (received) {
    out_.answer = Explanation::Answer::kForwarded;
    out_.why = serves_all ? "forwarded" : "forwarded in part; the rest cannot be served";
    if (!serves_all) out_.hints = HintsForBackends(view_, *out_.rule);
    return;
  }
  out_.hints = HintsForBackends(view_, *out_.rule);
  if (rule_->total_weight == 0) {
    Refuse(FaultCode::kUnresolvedBackend, "the rule has no backend with a weight");
    return;
  }
  const bool unresolved = std::ranges::all_of(
      out_.shares, [](const Share& share) { return share.cluster.empty() || share.percent == 0; });
  if (unresolved) {
    Refuse(FaultCode::kUnresolvedBackend, "no backend of the rule could be resolved");
  } else {
    Refuse(FaultCode::kNoEndpoint, "no backend of the rule has an endpoint that is ready");
  }
}

void Explainer::Receive(const snapshot::Backend& backend, const route::Backend& resolved) {
  if (const auto redirect = filter::ApplyToRequest(resolved.filters, context_, head_)) return;
  Received& received = out_.received.emplace_back();
  received.method = head_.method;
  received.target = head_.target;
  received.authority = head_.authority;
  received.protocol = "HTTP/1.1";
  for (const snapshot::Cluster& cluster : snapshot_.clusters()) {
    const bool h2c = cluster.protocol() == snapshot::Cluster::PROTOCOL_H2C;
    if (cluster.id() == backend.cluster_id() && h2c) received.protocol = "HTTP/2";
  }
  CompareHeaders(received);
}

void Explainer::CompareHeaders(Received& received) const {
  using Origin = ReceivedHeader::Origin;
  const auto& sent = out_.request.headers;
  std::vector<std::pair<std::string, std::string>> seen;
  for (const http::Header& header : head_.headers) seen.emplace_back(header.name, header.value);
  for (const auto& pair : seen) {
    const bool same = std::ranges::find(sent, pair) != sent.end();
    received.headers.push_back({pair.first, pair.second, same ? Origin::kClient : Origin::kSluice});
  }
  for (const auto& pair : sent) {
    if (pair.first == "host" || std::ranges::find(seen, pair) != seen.end()) continue;
    received.headers.push_back({pair.first, pair.second, Origin::kRemoved});
  }
}

}  // namespace

absl::StatusOr<Explanation> Explain(const view::View& view, const Request& request,
                                    const std::string& vip) {
  if (absl::Status valid = snapshot::Validate(view.snapshot); !valid.ok()) return valid;
  auto table = route::RouteTable::Build(view.snapshot);
  if (!table.ok()) return table.status();
  Explainer explainer(view, **table, request);
  if (explainer.Arrive(vip) && explainer.ShakeHands() && explainer.ReadHead() &&
      explainer.Route() && explainer.ApplyRule()) {
    explainer.ChooseBackend();
  }
  return std::move(explainer).Take();
}

}  // namespace sluice::gwctl
