// Keeps track of one kind's objects on an API server: lists them page by page, watches from there,
// and tells of each difference once. Lives on one loop's thread; time is the wheel's.
// Invariants: what it told of is what the server had at resource_version(), but for the pages of a
// list that is under way; a deletion that was missed is found by the next list; an object is told
// of again only if its resourceVersion is another one. Nothing is lost by a failure: the last known
// objects stay, and health() says why nothing newer comes.
// In the flow: API server -> *Reflector* -> ClusterSource.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control/kube/backoff.h"
#include "control/kube/client.h"
#include "control/kube/object_text.h"
#include "control/kube/resource.h"
#include "dataplane/core/timer_wheel.h"

namespace sluice::kube {

struct ReflectorTiming {
  absl::Duration shortest_wait = absl::Milliseconds(50);
  absl::Duration longest_wait = absl::Seconds(10);
  absl::Duration denied_wait = absl::Seconds(30);   // 403, once it has lasted for `certain`
  absl::Duration missing_wait = absl::Seconds(15);  // 404 likewise
  // An API server that starts answers 403 and 404 for a moment: they count once they have lasted.
  absl::Duration certain = absl::Seconds(10);
  absl::Duration list_deadline = absl::Seconds(60);
  absl::Duration watch_silence = absl::Minutes(4);  // bookmarks come once a minute
  absl::Duration watch_length = absl::Minutes(10);  // at most; the server ends it, and it resumes
};

struct ReflectorOptions {
  std::vector<Resource> versions;  // of one kind: the first that the server has is used
  std::string in_namespace;        // "": all
  std::string field_selector;      // "type=kubernetes.io/tls"; "": none
  bool metadata_only = false;      // nothing but apiVersion, kind and metadata is wanted
  int page = 500;
  ReflectorTiming timing = {};
  std::function<double()> random;  // in [0, 1)
};

struct ReflectorHandlers {
  std::function<void(const ObjectText&, const Resource&)> on_object;  // new, or changed
  std::function<void(const gateway_api::NamespacedName&)> on_gone;
  std::function<void()> on_state;  // answered() or health() may have changed
};

class Reflector {
 public:
  Reflector(core::TimerWheel& timers, Client& client, ReflectorOptions options,
            ReflectorHandlers handlers);
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  void Start();
  // Now, if it waits for its next try.
  void RetryNow();
  // The server answers others: now, if its last try got no answer at all.
  void RetryIfUnreachable();

  // It is known what there is: listed once, or the server has no such kind, or refuses to say.
  bool answered() const { return answered_; }
  // The server has no such kind (404).
  bool missing() const { return missing_; }
  // Not ok: why nothing newer can be known at present, as a phrase with verb and resource.
  const absl::Status& health() const { return health_; }
  // The newest seen; "": none yet.
  const std::string& resource_version() const { return version_; }
  const Resource& resource() const { return options_.versions[chosen_]; }
  size_t size() const { return known_.size(); }

 private:
  // An object that was told of.
  struct Seen {
    std::string resource_version;
    uint32_t list = 0;  // the last list that had it
  };
  enum class Next { kList, kWatch };

  std::string Path() const;
  void Go(Next next);

  void List();
  void RequestPage(const std::string& continue_token);
  void OnPage(const Response& response);
  void OnGoodPage(const ListText& page);
  void FinishList();
  void OnListRefused(const absl::Status& status);

  void Watch();
  void OnLine(std::string_view line);
  void OnEvent(const EventText& event);
  void OnErrorEvent(std::string_view status_object);
  void OnWatchEnd(const Response& response);
  void Apply(const ObjectText& object);
  void Remove(const gateway_api::NamespacedName& name);
  bool IsOld(std::string_view resource_version) const;

  void NoteReach(const Response& response);
  void OnMissing();
  void OnDenied();
  bool LastsSince(uint64_t& since_ms);
  void Healthy();
  void Fail(std::string_view doing, const absl::Status& status);
  void Wait(Next next, absl::Duration delay);
  void Retry(Next next, const Response* response = nullptr);

  core::TimerWheel& timers_;
  Client& client_;
  ReflectorOptions options_;
  ReflectorHandlers handlers_;
  Backoff backoff_;
  core::Timer wait_;
  Next next_ = Next::kList;
  std::unique_ptr<Call> call_;

  size_t chosen_ = 0;  // of options_.versions
  int page_;
  std::map<gateway_api::NamespacedName, Seen> known_;
  std::string version_;
  uint32_t list_ = 0;         // counts lists
  std::string list_version_;  // of the pages so far; "": none came
  std::string continue_token_;
  int refused_watches_ = 0;  // one after the other
  uint64_t watch_began_ms_ = 0;
  uint64_t missing_since_ms_ = 0, denied_since_ms_ = 0;  // 0: they are not

  int failures_ = 0;          // one after the other
  bool unreachable_ = false;  // the last try got no answer
  bool answered_ = false;
  bool missing_ = false;
  absl::Status health_;
};

}  // namespace sluice::kube
