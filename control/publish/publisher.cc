#include "control/publish/publisher.h"

#include <algorithm>
#include <utility>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "absl/strings/str_cat.h"

namespace sluice::publish {
namespace {

constexpr const char* kNoAnswer = "no proxy has applied this configuration yet";

bool HoldsExactly(const channel::HeldParts& held, const Publication& publication) {
  const std::vector<std::string> hashes = publication.parts.Hashes();
  return hashes.size() == held.hashes.size() &&
         std::ranges::all_of(hashes,
                             [&](const std::string& hash) { return held.hashes.contains(hash); }) &&
         std::ranges::all_of(publication.certificates, [&](const CertificatePtr& certificate) {
           return held.certificate_ids.contains(certificate->info().id);
         });
}

}  // namespace

std::vector<std::string> Publication::CertificateIds() const {
  std::vector<std::string> ids;
  ids.reserve(certificates.size());
  for (const CertificatePtr& certificate : certificates) ids.push_back(certificate->info().id);
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  return ids;
}

void Publisher::Publish(compile::Compiled compiled, const CertificateStore& certificates) {
  auto next = std::make_shared<Publication>();
  absl::StatusOr<channel::PartSet> parts = channel::PartSet::Split(
      compiled.snapshot, latest_ == nullptr ? channel::PartSet() : latest_->parts);
  if (parts.ok()) std::swap(next->parts, *parts);
  for (const compile::CertificateUse& use : compiled.certificates) {
    if (CertificatePtr certificate = certificates.Find(use))
      next->certificates.push_back(std::move(certificate));
  }
  next->compiled = std::move(compiled);
  const bool same = parts.ok() && SameForProxy(*next);
  next->generation = report_.latest + (same ? 0 : 1);
  report_.latest = next->generation;
  latest_ = std::move(next);
  if (!parts.ok()) {  // the compiler never makes such a Snapshot
    Decide(Outcome::kRefused, std::string(parts.status().message()));
  } else if (same) {
    if (outcome_ != Outcome::kPending) Decide(outcome_, report_.refused);
  } else {
    outcome_ = Outcome::kPending;
    report_.refused.clear();
    SendIfDue();
  }
}

bool Publisher::SameForProxy(const Publication& next) const {
  return latest_ != nullptr && latest_->parts.Digest() == next.parts.Digest() &&
         latest_->CertificateIds() == next.CertificateIds();
}

std::optional<channel::Message> Publisher::Complete() const {
  if (latest_ == nullptr || outcome_ != Outcome::kApplied) return std::nullopt;
  return UpdateTo(*latest_, {});
}

absl::Status Publisher::Restore(const channel::Update& saved) {
  CHECK(latest_ == nullptr);
  auto restored = std::make_shared<Publication>();
  absl::StatusOr<channel::PartSet> parts = channel::PartSet().Edit(saved);
  if (!parts.ok()) return parts.status();
  absl::StatusOr<snapshot::Snapshot> snapshot = parts->Assemble();
  if (!snapshot.ok()) return snapshot.status();
  for (const channel::Certificate& certificate : saved.certificates().certificates()) {
    const std::string_view id = certificate.id();
    auto parsed = certs::Certificate::Parse({.name = id.substr(0, id.rfind('@')),
                                             .chain_pem = certificate.chain_pem(),
                                             .key_pem = certificate.key_pem()});
    if (!parsed.ok()) return parsed.status();
    restored->certificates.push_back(
        std::make_shared<const certs::Certificate>(*std::move(parsed)));
  }
  restored->parts = *std::move(parts);
  restored->compiled.snapshot = *std::move(snapshot);
  restored->generation = report_.latest = std::max(report_.latest, saved.generation());
  latest_ = std::move(restored);
  outcome_ = Outcome::kPending;
  SendIfDue();
  return absl::OkStatus();
}

void Publisher::ProxyConnected(const channel::Hello& hello) {
  connected_ = true;
  under_way_ = nullptr;
  held_ = {.generation = hello.generation()};
  held_.hashes.insert(hello.have_parts().begin(), hello.have_parts().end());
  held_.certificate_ids.insert(hello.have_certificates().begin(), hello.have_certificates().end());
  report_.proxy_connected = true;
  report_.applied = hello.generation();
  if (latest_ == nullptr) {
    report_.latest = std::max(report_.latest, hello.generation());
    outputs_.on_report(report_);
    return;
  }
  if (hello.generation() == latest_->generation && HoldsExactly(held_, *latest_)) {
    Decide(Outcome::kApplied, "");
    return;
  }
  // A proxy that is new to this agent, or this agent to it: what it holds is of another numbering.
  if (hello.generation() >= latest_->generation) {
    auto renumbered = std::make_shared<Publication>(*latest_);
    renumbered->generation = report_.latest = hello.generation() + 1;
    latest_ = std::move(renumbered);
  }
  outcome_ = Outcome::kPending;
  report_.refused.clear();
  outputs_.on_report(report_);
  SendIfDue();
}

void Publisher::ProxyGone() {
  connected_ = false;
  under_way_ = nullptr;
  held_ = {};
  report_.proxy_connected = false;
  outputs_.on_report(report_);
}

void Publisher::SendIfDue() {
  if (!connected_ || under_way_ != nullptr || latest_ == nullptr || outcome_ != Outcome::kPending)
    return;
  under_way_ = latest_;
  outputs_.send(UpdateTo(*under_way_, held_));
}

channel::Message Publisher::UpdateTo(const Publication& publication,
                                     const channel::HeldParts& held) const {
  channel::Message message;
  channel::Update& update = *message.mutable_update();
  update.set_generation(publication.generation);
  publication.parts.WriteDifference(held, update);
  for (std::string& id : publication.CertificateIds())
    *update.add_certificate_ids() = std::move(id);
  for (const CertificatePtr& certificate : publication.certificates) {
    if (held.certificate_ids.contains(certificate->info().id)) continue;
    channel::Certificate& out = *update.mutable_certificates()->add_certificates();
    out.set_id(certificate->info().id);
    out.set_chain_pem(certificate->ChainPem());
    const certs::SecretBytes key = certificate->key().EncodePem();
    out.set_key_pem(key.RevealText().data(), key.RevealText().size());
  }
  return message;
}

absl::Status Publisher::ProxyAnswered(const channel::Ack& ack) {
  if (under_way_ == nullptr || ack.generation() != under_way_->generation) {
    return absl::InvalidArgumentError(
        absl::StrCat("an answer to generation ", ack.generation(), " which was not sent"));
  }
  const PublicationPtr answered = std::exchange(under_way_, nullptr);
  if (ack.resend()) {
    if (held_.generation == 0 && held_.hashes.empty()) {
      return absl::InvalidArgumentError("the proxy cannot take a complete generation either");
    }
    held_ = {};
  } else if (ack.error().empty()) {
    held_ = {.generation = answered->generation};
    for (std::string& hash : answered->parts.Hashes()) held_.hashes.insert(std::move(hash));
    for (std::string& id : answered->CertificateIds()) held_.certificate_ids.insert(std::move(id));
    report_.applied = answered->generation;
    outputs_.on_applied(*answered);
    if (answered->generation == latest_->generation) Decide(Outcome::kApplied, "");
  } else if (answered->generation == latest_->generation) {
    Decide(Outcome::kRefused, ack.error());
  }
  SendIfDue();
  return absl::OkStatus();
}

void Publisher::ProxyIsLate() {
  if (!waiting()) return;
  report_.statuses = FinalStatuses(latest_->compiled.statuses, Outcome::kPending, kNoAnswer);
  outputs_.on_report(report_);
}

void Publisher::Decide(Outcome outcome, const std::string& why) {
  outcome_ = outcome;
  report_.refused = outcome == Outcome::kRefused ? why : "";
  report_.statuses =
      FinalStatuses(latest_->compiled.statuses, outcome,
                    absl::StrCat("the proxy refused generation ", latest_->generation, ": ", why));
  outputs_.on_report(report_);
}

}  // namespace sluice::publish
