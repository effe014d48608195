// The generation that the proxy serves, in the terms of the wire: its parts and certificates, which
// the next Update edits. One thread. Prepare changes nothing, so a refused update leaves no trace.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "certs/cert_set.h"
#include "dataplane/channel/channel.pb.h"
#include "dataplane/channel/part_set.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::proxy {

class HeldGeneration {
 public:
  struct Next {
    uint64_t number = 0;
    snapshot::Snapshot snapshot;
    std::shared_ptr<const certs::CertSet> certificates;
    channel::PartSet parts;
  };

  // FailedPrecondition: the update edits something else than what is held, and must be sent whole.
  // Any other error: it is wrong in itself.
  absl::StatusOr<Next> Prepare(const channel::Update& update) const;

  // `next` is being served.
  void Commit(Next next);

  // Says what is held.
  void WriteTo(channel::Hello& hello) const;

  uint64_t number() const { return number_; }

 private:
  uint64_t number_ = 0;
  channel::PartSet parts_;
  std::shared_ptr<const certs::CertSet> certificates_ = std::make_shared<const certs::CertSet>();
};

}  // namespace sluice::proxy
