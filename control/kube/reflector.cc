#include "control/kube/reflector.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "control/kube/json_scan.h"

namespace sluice::kube {
namespace {

constexpr int kRefusedWatches = 3;                      // then the list is made again
constexpr absl::Duration kStanding = absl::Seconds(5);  // a watch that lived so long was a good one
constexpr absl::Duration kLongestRetryAfter = absl::Minutes(1);

constexpr char kJson[] = "application/json";
constexpr char kMetadata[] = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
constexpr char kMetadataList[] = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

// For a query's value (RFC 3986 2.1).
std::string Escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' ||
                       c == '_' || c == '~';
    if (plain) {
      result += c;
    } else {
      absl::StrAppend(&result, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return result;
}

std::string NameOf(const Resource& resource) {
  return resource.group.empty() ? std::string(resource.plural)
                                : absl::StrCat(resource.plural, ".", resource.group);
}

}  // namespace

Reflector::Reflector(core::TimerWheel& timers, Client& client, ReflectorOptions options,
                     ReflectorHandlers handlers)
    : timers_(timers),
      client_(client),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      backoff_(options_.timing.shortest_wait, options_.timing.longest_wait, options_.random),
      wait_(
          [](void* self) {
            auto& reflector = *static_cast<Reflector*>(self);
            reflector.Go(reflector.next_);
          },
          this),
      page_(options_.page) {}

void Reflector::Start() { List(); }

void Reflector::RetryNow() {
  if (!wait_.armed()) return;
  wait_.Cancel();
  Go(next_);
}

void Reflector::RetryIfUnreachable() {
  if (unreachable_) RetryNow();
}

void Reflector::Go(Next next) { next == Next::kList ? List() : Watch(); }

std::string Reflector::Path() const {
  std::string path = absl::StrCat(CollectionPath(resource(), options_.in_namespace), "?");
  if (!options_.field_selector.empty()) {
    absl::StrAppend(&path, "fieldSelector=", Escaped(options_.field_selector), "&");
  }
  return path;
}

// ---- list ---------------------------------------------------------------------------------------

void Reflector::List() {
  ++list_;
  list_version_.clear();
  RequestPage("");
}

void Reflector::RequestPage(const std::string& continue_token) {
  continue_token_ = continue_token;
  std::string path = absl::StrCat(Path(), "limit=", page_);
  if (!continue_token.empty()) absl::StrAppend(&path, "&continue=", Escaped(continue_token));
  call_ = client_.Send({.path = std::move(path),
                        .body = "",
                        .accept = options_.metadata_only ? kMetadataList : kJson,
                        .deadline = options_.timing.list_deadline},
                       [this](const Response& response) { OnPage(response); });
}

void Reflector::OnPage(const Response& response) {
  if (absl::IsResourceExhausted(response.transport) && page_ > 1) {
    page_ = std::max(page_ / 4, 1);
    return List();
  }
  NoteReach(response);
  if (!response.ok()) return OnListRefused(response.ToStatus());
  const std::optional<ListText> page = ReadListText(response.body);
  if (!page) {
    Fail("list", absl::UnavailableError("the answer is cut off or malformed"));
    return Retry(Next::kList);
  }
  OnGoodPage(*page);
}

// All pages are of one moment; else a change between them might be in none of them.
void Reflector::OnGoodPage(const ListText& page) {
  const bool same_moment = list_version_.empty() || page.resource_version == list_version_;
  const bool goes_on = page.continue_token.empty() || page.continue_token != continue_token_;
  if (!same_moment || !goes_on) {
    Fail("list", absl::UnavailableError("the pages do not belong together"));
    return Retry(Next::kList);
  }
  list_version_ = page.resource_version;
  for (const ObjectText& item : page.items) Apply(item);
  if (page.continue_token.empty()) {
    FinishList();
  } else {
    RequestPage(page.continue_token);
  }
}

void Reflector::FinishList() {
  std::vector<gateway_api::NamespacedName> gone;
  for (const auto& [name, seen] : known_) {
    if (seen.list != list_) gone.push_back(name);
  }
  for (const gateway_api::NamespacedName& name : gone) Remove(name);
  version_ = list_version_;
  missing_since_ms_ = denied_since_ms_ = 0;
  missing_ = false;
  answered_ = true;
  refused_watches_ = 0;
  Healthy();
  Watch();
}

void Reflector::OnListRefused(const absl::Status& status) {
  if (absl::IsNotFound(status)) return OnMissing();
  Fail("list", status);
  if (absl::IsPermissionDenied(status)) return OnDenied();
  // The pages after the first have become too old.
  Retry(Next::kList);
}

// ---- watch --------------------------------------------------------------------------------------

void Reflector::Watch() {
  const absl::Duration length = backoff_.Jittered(options_.timing.watch_length);
  watch_began_ms_ = timers_.now_ms();
  call_ = client_.Watch(
      {.path = absl::StrCat(Path(), "watch=1&allowWatchBookmarks=true&resourceVersion=",
                            Escaped(version_), "&timeoutSeconds=", absl::ToInt64Seconds(length)),
       .body = "",
       .accept = options_.metadata_only ? kMetadata : kJson,
       .deadline = options_.timing.watch_silence},
      [this](std::string_view line) { OnLine(line); },
      [this](const Response& response) { OnWatchEnd(response); });
}

void Reflector::OnLine(std::string_view line) {
  if (failures_ > 0) Healthy();
  if (line.empty()) return;  // the watch stands
  refused_watches_ = 0;
  const std::optional<EventText> event = ReadEventText(line);
  if (event) return OnEvent(*event);
  Fail("watch", absl::UnavailableError("an event is malformed"));
  Retry(Next::kList);
}

void Reflector::OnEvent(const EventText& event) {
  if (event.type == "ERROR") return OnErrorEvent(event.object);
  if (event.type == "BOOKMARK") {
    const std::string_view version = ResourceVersionOf(event.object);
    if (!version.empty() && !IsOld(version)) version_ = version;
    backoff_.Reset();
    return;
  }
  const std::optional<ObjectText> object = ReadObjectText(event.object);
  const bool change = event.type == "ADDED" || event.type == "MODIFIED";
  if (!object || (!change && event.type != "DELETED")) {
    Fail("watch", absl::UnavailableError("an event is malformed"));
    return Retry(Next::kList);
  }
  if (IsOld(object->resource_version)) return;
  version_ = object->resource_version;
  backoff_.Reset();
  if (change) {
    Apply(*object);
  } else {
    Remove(object->name);
  }
}

void Reflector::OnErrorEvent(std::string_view status_object) {
  int code = 0;
  const bool whole = ForEachField(status_object, [&](std::string_view key, std::string_view value) {
    if (key == "code" && !absl::SimpleAtoi(value, &code)) code = 0;
  });
  const absl::Status status = ErrorOf(whole ? code : 0, status_object);
  if (!absl::IsOutOfRange(status)) Fail("watch", status);
  Retry(Next::kList);
}

void Reflector::OnWatchEnd(const Response& response) {
  const absl::Duration lived =
      absl::Milliseconds(static_cast<int64_t>(timers_.now_ms() - watch_began_ms_));
  if (lived >= kStanding) backoff_.Reset();
  if (response.ok()) {  // the server ends a watch now and then
    return lived >= kStanding ? Watch() : Retry(Next::kWatch);
  }
  NoteReach(response);
  const absl::Status status = response.ToStatus();
  if (absl::IsOutOfRange(status)) return Retry(Next::kList);
  if (absl::IsNotFound(status)) return Retry(Next::kList);  // which knows what a 404 means
  Fail("watch", status);
  if (absl::IsPermissionDenied(status)) return OnDenied();
  // An answer that is no may mean that this version is not known there: after a restore, say.
  const bool refused = response.transport.ok() || absl::IsResourceExhausted(response.transport);
  const bool again = refused && ++refused_watches_ >= kRefusedWatches;
  Retry(again ? Next::kList : Next::kWatch, &response);
}

// Versions of one watch only grow (KEP-5504: they may be compared as numbers).
bool Reflector::IsOld(std::string_view resource_version) const {
  uint64_t event = 0, seen = 0;
  return absl::SimpleAtoi(resource_version, &event) && absl::SimpleAtoi(version_, &seen) &&
         event <= seen;
}

void Reflector::Apply(const ObjectText& object) {
  Seen& seen = known_[object.name];
  seen.list = list_;
  if (seen.resource_version == object.resource_version) return;
  seen.resource_version = object.resource_version;
  handlers_.on_object(object, resource());
}

void Reflector::Remove(const gateway_api::NamespacedName& name) {
  const gateway_api::NamespacedName gone = name;  // it may be the key itself
  if (known_.erase(gone) > 0) handlers_.on_gone(gone);
}

// ---- failures -----------------------------------------------------------------------------------

// An answer, whatever it says, ends the wait for an API server that is gone.
void Reflector::NoteReach(const Response& response) {
  const bool was_unreachable = std::exchange(unreachable_, !response.transport.ok());
  if (was_unreachable && !unreachable_) backoff_.Reset();
}

bool Reflector::LastsSince(uint64_t& since_ms) {
  const uint64_t now = std::max<uint64_t>(timers_.now_ms(), 1);
  if (since_ms == 0) since_ms = now;
  return now - since_ms >=
         static_cast<uint64_t>(absl::ToInt64Milliseconds(options_.timing.certain));
}

// Another version of the kind may be there. What was there before must be gone for a while: an API
// server that starts does not know all kinds at once.
void Reflector::OnMissing() {
  chosen_ = (chosen_ + 1) % options_.versions.size();
  if (chosen_ != 0) return List();
  if (!LastsSince(missing_since_ms_) && !known_.empty()) {
    return Wait(Next::kList, backoff_.Jittered(options_.timing.certain / 5));
  }
  while (!known_.empty()) Remove(known_.begin()->first);
  missing_ = answered_ = true;
  version_.clear();
  Healthy();
  Wait(Next::kList, backoff_.Jittered(options_.timing.missing_wait));
}

// Roles that are missing for a moment must not look like a cluster without objects.
void Reflector::OnDenied() {
  if (!LastsSince(denied_since_ms_)) {
    return Wait(Next::kList, backoff_.Jittered(options_.timing.certain / 5));
  }
  const bool news = !std::exchange(answered_, true);
  if (news) handlers_.on_state();
  Wait(Next::kList, backoff_.Jittered(options_.timing.denied_wait));
}

void Reflector::Healthy() {
  failures_ = 0;
  health_ = absl::OkStatus();
  handlers_.on_state();
}

// A connection may break now and then; it is news only if the next try fails too.
void Reflector::Fail(std::string_view doing, const absl::Status& status) {
  if (++failures_ == 1 && answered_) return;
  const std::string where =
      options_.in_namespace.empty() ? "" : absl::StrCat(" in namespace ", options_.in_namespace);
  health_ = {status.code(), absl::StrCat("cannot ", doing, " ", NameOf(resource()), where, ": ",
                                         status.message())};
  handlers_.on_state();
}

void Reflector::Wait(Next next, absl::Duration delay) {
  call_.reset();
  next_ = next;
  timers_.Arm(wait_, static_cast<uint64_t>(absl::ToInt64Milliseconds(delay)));
}

void Reflector::Retry(Next next, const Response* response) {
  absl::Duration delay = backoff_.Next();
  if (response != nullptr && response->retry_after) {
    delay = std::max(delay, std::min(*response->retry_after, kLongestRetryAfter));
  }
  Wait(next, delay);
}

}  // namespace sluice::kube
