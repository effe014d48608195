#include "dataplane/proxy/serving.h"

#include "absl/log/log.h"

namespace sluice::proxy {

Serving::Serving(core::Mailbox& main, int workers, AccessLogWriter& access_log)
    : access_log_(access_log),
      fleet_(main, {.workers = workers, .access_log = [&access_log](std::string batch) {
                      access_log.Take(std::move(batch));
                    }}) {}

void Serving::UseTicketSecret(std::string_view secret) {
  if (tickets_ != nullptr || secret.size() != tls::TicketKeys::kSecretBytes) return;
  tickets_.reset(new tls::TicketKeys(std::span<const uint8_t, tls::TicketKeys::kSecretBytes>(
      reinterpret_cast<const uint8_t*>(secret.data()), secret.size())));
}

void Serving::Apply(uint64_t number, const snapshot::Snapshot& snapshot,
                    std::shared_ptr<const certs::CertSet> certificates,
                    std::function<void(absl::Status)> done) {
  if (tickets_ == nullptr) tickets_.reset(new tls::TicketKeys(tls::TicketKeys::Random()));
  auto built =
      worker::BuildGeneration(number, snapshot, std::move(certificates), *tickets_, current_.get());
  if (!built.ok()) {
    ++counters_.refused;
    LOG(ERROR) << "refused generation " << number << ", " << generation()
               << " serves on: " << built.status().message();
    done(built.status());
    return;
  }
  current_ = *std::move(built);
  access_log_.SetFormat(snapshot.settings().access_log());
  fleet_.Apply(current_, [this, number, done = std::move(done)] {
    ++counters_.applied;
    OpenWaiting();
    LOG(INFO) << "serving generation " << number;
    done(absl::OkStatus());
  });
}

void Serving::AddSocket(int worker, worker::ListeningSocket socket) {
  worker %= fleet_.size();
  if (open_) {
    fleet_.AddListeningSocket(worker, std::move(socket));
  } else {
    waiting_.emplace_back(worker, std::move(socket));
  }
}

void Serving::OpenWaiting() {
  open_ = true;
  for (auto& [worker, socket] : waiting_) fleet_.AddListeningSocket(worker, std::move(socket));
  waiting_.clear();
}

}  // namespace sluice::proxy
