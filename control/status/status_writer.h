// Writes statuses to the API server: what users shall read, wherever it differs from what is there.
// Lives on the loop's thread.
// An object's whole status goes in one request: a JSON merge patch to its status subresource that
// carries the resourceVersion which it was made from. So it costs one round trip and no copy of the
// spec, whatever was written in between refuses it (409: read again, merge again), and fields of
// the status that we do not write are never sent.
// Invariants: one write an object at a time, paced (pace.h); nothing is sent while may_write() is
// false, and nothing when nothing would change; a write leaves within the call that asked for it,
// if pace and parallelism let it. Gateways go before routes, as who waits looks at them first.
// In the flow: publish -> *StatusWriter* -> API server.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "control/compile/status.h"
#include "control/kube/backoff.h"
#include "control/kube/client.h"
#include "control/kube/cluster_source.h"
#include "control/status/coverage.h"
#include "control/status/latest.h"
#include "control/status/merge.h"
#include "control/status/pace.h"
#include "dataplane/core/event_loop.h"
#include "gateway-api/object_set.h"

namespace sluice::status {

struct StatusWriterOptions {
  std::function<bool()> may_write;  // asked before each write
  // What the API server has, as far as the watch told.
  std::function<const kube::Known*(std::string_view kind, const gateway_api::NamespacedName&)>
      known;
  std::function<absl::Time()> wall_clock = absl::Now;
  size_t parallel = 16;
  // Shorter than the time between losing the lease and another's having it.
  absl::Duration deadline = absl::Seconds(5);
};

class StatusWriter {
 public:
  struct Counters {
    uint64_t writes = 0;     // that succeeded
    uint64_t conflicts = 0;  // refused for a version that was not the newest
    uint64_t failures = 0;   // other refusals and lost answers
  };

  StatusWriter(core::EventLoop& loop, kube::Client& client, StatusWriterOptions options);
  StatusWriter(const StatusWriter&) = delete;
  StatusWriter& operator=(const StatusWriter&) = delete;

  // What users shall read from now on, of all objects that are ours to judge. May be called
  // whether or not it may write.
  void Want(const compile::Statuses& statuses);

  // Compares everything with what the API server has: after may_write() became true, and from time
  // to time, because others may write too. `covered`: what the last Want was made from; an object
  // that is newer was not judged yet, so what a former leader said of it stays.
  void Review(const gateway_api::ObjectSet& objects, const Versions& covered);

  // may_write() became false: forgets what is under way.
  void Stop();

  // Nothing waits and nothing is under way.
  bool idle() const { return ready_.empty() && later_.empty() && under_way_ == 0; }
  const Counters& counters() const { return counters_; }

 private:
  struct Entry {
    compile::ObjectKey key;
    Latest latest;
    Pace pace;
    std::string settled;  // version at which there was nothing to write
    std::unique_ptr<kube::Call> call;
    bool again = false;  // to be looked at once more when the call has ended
    uint64_t ready = 0;  // place in ready_, and
    uint64_t later = 0;  // in later_; 0: not there
    uint64_t later_ms = 0;
  };

  void Changed(const compile::ObjectKey& key);
  void ReviewObject(const compile::ObjectKey& key, bool wanted, const Versions& covered);
  const kube::Known* Look(Entry& entry);
  Json Wanted(const compile::ObjectKey& key) const;

  void Queue(Entry& entry);
  void Delay(Entry& entry, uint64_t wait_ms);
  void Unqueue(Entry& entry);
  void OnTimer();
  void ArmTimer();
  void Pump();
  void Consider(Entry& entry);

  void Write(Entry& entry, const kube::Known& base, const Json& patch);
  void OnWritten(Entry& entry, const std::string& base, const kube::Response& response);
  void Read(Entry& entry, const std::string& base);
  void OnRead(Entry& entry, const std::string& base, const kube::Response& response);
  void OnMissing(Entry& entry, const std::string& base, const kube::Response& response);
  void OnFailure(Entry& entry, const kube::Response& response);
  void Pause(const kube::Response& response);
  void Finish(Entry& entry);
  void Tell(const Entry& entry, const absl::Status& status);

  std::string PathOf(const compile::ObjectKey& key, std::string_view subresource) const;

  core::EventLoop& loop_;
  kube::Client& client_;
  StatusWriterOptions options_;
  std::mt19937_64 random_{std::random_device{}()};

  compile::Statuses wanted_;
  std::map<compile::ObjectKey, Entry> entries_;
  std::map<std::tuple<int, uint64_t>, Entry*> ready_;       // by rank of the kind, then in order
  std::map<std::tuple<uint64_t, uint64_t>, Entry*> later_;  // by time
  uint64_t sequence_ = 0;
  size_t under_way_ = 0;
  uint64_t paused_until_ms_ = 0;
  kube::Backoff backoff_;
  std::map<std::string, int> told_;           // by kind: the last code that was logged
  std::map<std::string, size_t> version_of_;  // by kind: which of its versions the server has
  core::Timer timer_;
  core::Deferred more_;  // objects to look at in the next turn
  Counters counters_;
};

}  // namespace sluice::status
