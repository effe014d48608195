// A small API server in memory behind the Client seam: lists, watches, versions, field selectors by
// text. Answers come from the loop, as a Client's must.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/log/check.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "control/kube/client.h"
#include "dataplane/core/event_loop.h"

namespace sluice::kube {

class FakeApi : public Client {
 public:
  using Json = nlohmann::json;

  explicit FakeApi(core::EventLoop& loop)
      : loop_(loop), answer_([](void* self) { static_cast<FakeApi*>(self)->Pump(); }, this) {}

  // Makes a collection known ("/api/v1/services"); others are 404.
  void Serve(const std::string& collection) { collections_[collection]; }
  void Remove(const std::string& collection) { collections_.erase(collection); }

  // Creates or replaces; sets resourceVersion.
  void Put(const std::string& collection, std::string_view object) {
    Json json = Json::parse(object);
    json["metadata"]["resourceVersion"] = absl::StrCat(++version_);
    const std::string name = NameOf(json);
    Json& stored = collections_.at(collection)[name];
    const char* type = stored.is_null() ? "ADDED" : "MODIFIED";
    stored = std::move(json);
    Tell({version_, collection, type, stored});
  }
  void Delete(const std::string& collection, const std::string& name) {
    auto node = collections_.at(collection).extract(name);
    node.mapped()["metadata"]["resourceVersion"] = absl::StrCat(++version_);
    Tell({version_, collection, "DELETED", node.mapped()});
  }
  // New watches from before now, and pages of older lists, are refused from now on (410).
  void Compact() {
    pages_.clear();
    compacted_ = version_;
  }
  // "name@version" of all that is there.
  std::set<std::string> Objects(const std::string& collection) const {
    std::set<std::string> objects;
    for (const auto& [name, object] : collections_.at(collection)) {
      objects.insert(
          absl::StrCat(name, "@", object.at("metadata").at("resourceVersion").get<std::string>()));
    }
    return objects;
  }
  void BreakWatches() {
    for (const auto& call : calls_) {
      if (call->on_line != nullptr && call->open) call->broken = true;
    }
    loop_.Defer(answer_);
  }

  enum class Fault { kNone, kLater, kTwice, kCut, kBroken, kGone, kError };

  bool down = false;
  std::set<std::string> denied;  // collections that may not be read
  std::set<std::string> paths;   // that were asked for, without versions and limits
  // Asked before each event of a watch and each page of a list.
  std::function<Fault()> fault = [] { return Fault::kNone; };

  std::unique_ptr<Call> Send(Request request,
                             std::function<void(const Response&)> on_done) override {
    return Start(std::move(request), std::move(on_done), nullptr);
  }
  std::unique_ptr<Call> Watch(Request request, std::function<void(std::string_view)> on_line,
                              std::function<void(const Response&)> on_end) override {
    return Start(std::move(request), std::move(on_end), std::move(on_line));
  }

 private:
  struct Pending {
    std::string collection, query;
    std::function<void(const Response&)> on_end;
    std::function<void(std::string_view)> on_line;
    bool open = true;
    bool broken = false;
    bool begun = false;
    int64_t version = 0;  // of the last event that was sent
  };
  struct Event {
    int64_t version;
    std::string collection, type;
    Json object;
  };
  class PendingCall : public Call {
   public:
    explicit PendingCall(std::shared_ptr<Pending> pending) : pending_(std::move(pending)) {}
    PendingCall(const PendingCall&) = delete;
    PendingCall& operator=(const PendingCall&) = delete;
    ~PendingCall() override { pending_->open = false; }

   private:
    std::shared_ptr<Pending> pending_;
  };

  static std::string NameOf(const Json& object) {
    const Json& meta = object.at("metadata");
    const std::string space = meta.value("namespace", "");
    return absl::StrCat(space, space.empty() ? "" : "/", meta.value("name", ""));
  }

  std::unique_ptr<Call> Start(Request request, std::function<void(const Response&)> on_end,
                              std::function<void(std::string_view)> on_line) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(request.path, absl::MaxSplits('?', 1));
    std::string asked = parts.first;
    for (std::string_view field : absl::StrSplit(parts.second, '&')) {
      if (absl::StartsWith(field, "fieldSelector=")) absl::StrAppend(&asked, "?", field);
    }
    paths.insert(asked);
    calls_.push_back(std::make_shared<Pending>(
        Pending{parts.first, parts.second, std::move(on_end), std::move(on_line)}));
    loop_.Defer(answer_);
    return std::make_unique<PendingCall>(calls_.back());
  }

  // "/api/v1/namespaces/ns/secrets" is a part of "/api/v1/secrets".
  static std::pair<std::string, std::string> Split(const std::string& path) {
    std::vector<std::string> parts = absl::StrSplit(path, '/');
    if (parts.size() < 4 || parts[parts.size() - 3] != "namespaces") return {path, ""};
    const std::string space = parts[parts.size() - 2], plural = parts.back();
    parts.resize(parts.size() - 3);
    return {absl::StrCat(absl::StrJoin(parts, "/"), "/", plural), space};
  }
  static bool Selects(const Pending& call, const Json& object) {
    const std::string space = Split(call.collection).second;
    if (!space.empty() && object.at("metadata").value("namespace", "") != space) return false;
    for (std::string_view field : absl::StrSplit(call.query, '&')) {
      if (absl::ConsumePrefix(&field, "fieldSelector=type%3d")) {
        const std::string type = object.value("type", "");
        if (absl::StrReplaceAll(type, {{"/", "%2f"}}) != field) return false;
      } else if (absl::ConsumePrefix(&field, "fieldSelector=metadata.name%3d")) {
        if (object.at("metadata").value("name", "") != field) return false;
      }
    }
    return true;
  }

  static std::string Parameter(const Pending& call, std::string_view name) {
    for (std::string_view field : absl::StrSplit(call.query, '&')) {
      if (absl::ConsumePrefix(&field, name) && absl::ConsumePrefix(&field, "=")) {
        return std::string(field);
      }
    }
    return "";
  }

  void Tell(Event event) {
    history_.push_back(std::move(event));
    loop_.Defer(answer_);
  }

  void Pump() {
    std::erase_if(calls_, [](const auto& call) { return !call->open; });
    for (const auto& call : std::vector(calls_)) {
      if (!call->open) continue;
      if (down || std::exchange(call->broken, false)) {
        Break(*call);
      } else if (denied.contains(Split(call->collection).first)) {
        Refuse(*call, 403, "{}");
      } else if (!collections_.contains(Split(call->collection).first)) {
        Refuse(*call, 404, "404 page not found");
      } else if (call->on_line == nullptr) {
        SendPage(*call);
      } else {
        SendEvents(*call);
      }
    }
  }

  static void End(Pending& call, const Response& response) {
    call.open = false;
    call.on_end(response);
  }
  static void Break(Pending& call) {
    End(call, {.transport = absl::UnavailableError("down"), .body = {}, .retry_after = {}});
  }
  static void Refuse(Pending& call, int code, std::string body) {
    End(call, {.transport = {}, .code = code, .body = std::move(body), .retry_after = {}});
  }

  void SendEvents(Pending& call) {
    if (!std::exchange(call.begun, true)) {
      CHECK(absl::SimpleAtoi(Parameter(call, "resourceVersion"), &call.version));
      if (call.version < compacted_) return Refuse(call, 410, "{}");
      call.on_line("");
    }
    for (const Event& event : std::vector(history_)) {
      const bool wanted = event.version > call.version &&
                          event.collection == Split(call.collection).first &&
                          Selects(call, event.object);
      if (call.open && wanted && !SendEvent(call, event)) return;
    }
  }
  // False: no more for now.
  bool SendEvent(Pending& call, const Event& event) {
    const std::string line = Json{{"type", event.type}, {"object", event.object}}.dump();
    switch (fault()) {
      case Fault::kNone:
        break;
      case Fault::kLater:
        loop_.Defer(answer_);
        return false;
      case Fault::kTwice:
        call.on_line(line);
        break;
      case Fault::kCut:
        call.on_line(line.substr(0, line.size() / 2));
        return false;
      case Fault::kBroken:
        Break(call);
        return false;
      case Fault::kGone:
        call.on_line(R"({"type":"ERROR","object":{"code":410}})");
        return false;
      case Fault::kError:
        call.on_line(R"({"type":"ERROR","object":{"code":500}})");
        return false;
    }
    if (call.open) call.on_line(line);
    call.version = event.version;
    return call.open;
  }

  void SendPage(Pending& call) {
    std::string body = PageOf(call);
    if (body.empty()) return Refuse(call, 410, "{}");
    switch (fault()) {
      case Fault::kNone:
      case Fault::kTwice:
        return Refuse(call, 200, std::move(body));
      case Fault::kLater:
        return loop_.Defer(answer_);
      case Fault::kCut:
        return Refuse(call, 200, body.substr(0, body.size() / 2));
      case Fault::kBroken:
        return Break(call);
      case Fault::kGone:
        return Refuse(call, 410, "{}");
      case Fault::kError:
        return Refuse(call, 500, "{}");
    }
  }
  // A list is of one moment, whatever happens while its pages are fetched. "": that is forgotten.
  std::string PageOf(const Pending& call) {
    std::string token = Parameter(call, "continue");
    if (token.empty()) {
      Json items = Json::array();
      for (const auto& [name, object] : collections_[Split(call.collection).first]) {
        if (Selects(call, object)) items.push_back(object);
      }
      token = absl::StrCat("t", ++tokens_);
      pages_[token] = {{"metadata", {{"resourceVersion", absl::StrCat(version_)}}},
                       {"items", std::move(items)}};
    }
    auto found = pages_.find(token);
    if (found == pages_.end()) return "";
    Json page = found->second;
    size_t limit = 0;
    CHECK(absl::SimpleAtoi(Parameter(call, "limit"), &limit));
    Json rest = page;
    Json& items = page["items"];
    if (items.size() > limit) {
      rest["items"].erase(rest["items"].begin(),
                          rest["items"].begin() + static_cast<int64_t>(limit));
      items.erase(items.begin() + static_cast<int64_t>(limit), items.end());
      const std::string next = absl::StrCat("t", ++tokens_);
      pages_[next] = std::move(rest);
      page["metadata"]["continue"] = next;
    }
    return page.dump();
  }

  core::EventLoop& loop_;
  core::Deferred answer_;
  std::vector<std::shared_ptr<Pending>> calls_;
  std::map<std::string, std::map<std::string, Json>> collections_;
  std::vector<Event> history_;
  std::map<std::string, Json> pages_;  // what is left of lists, by token
  int64_t version_ = 100, compacted_ = 0, tokens_ = 0;
};

}  // namespace sluice::kube
