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

#include "absl/strings/match.h"
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
    const bool is_new = stored.is_null();
    stored = std::move(json);
    Tell(collection, is_new ? "ADDED" : "MODIFIED", stored);
  }
  void Delete(const std::string& collection, const std::string& name) {
    auto node = collections_.at(collection).extract(name);
    node.mapped()["metadata"]["resourceVersion"] = absl::StrCat(++version_);
    Tell(collection, "DELETED", node.mapped());
  }
  void BreakWatches() {
    for (const auto& call : calls_) {
      if (call->on_line != nullptr && call->open) call->broken = true;
    }
    loop_.Defer(answer_);
  }

  bool down = false;
  std::set<std::string> denied;  // collections that may not be read
  std::set<std::string> paths;   // that were asked for, without versions and limits

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
    std::vector<std::string> lines;
    bool open = true;
    bool broken = false;
    bool begun = false;
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
        Pending{parts.first, parts.second, std::move(on_end), std::move(on_line), {}}));
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

  void Tell(const std::string& collection, std::string_view type, const Json& object) {
    for (const auto& call : calls_) {
      const bool watches = call->on_line != nullptr && Split(call->collection).first == collection;
      if (!watches || !Selects(*call, object)) continue;
      call->lines.push_back(Json{{"type", type}, {"object", object}}.dump());
    }
    loop_.Defer(answer_);
  }

  void Pump() {
    std::erase_if(calls_, [](const auto& call) { return !call->open; });
    for (const auto& call : std::vector(calls_)) {
      if (!call->open) continue;
      if (down || std::exchange(call->broken, false)) {
        End(*call, {.transport = absl::UnavailableError("down"), .body = {}, .retry_after = {}});
      } else if (denied.contains(Split(call->collection).first)) {
        End(*call, {.transport = {}, .code = 403, .body = "{}", .retry_after = {}});
      } else if (!collections_.contains(Split(call->collection).first)) {
        End(*call, {.transport = {}, .code = 404, .body = "404 page not found", .retry_after = {}});
      } else if (call->on_line == nullptr) {
        End(*call, {.transport = {}, .code = 200, .body = ListOf(*call), .retry_after = {}});
      } else {
        if (!std::exchange(call->begun, true)) call->on_line("");
        for (const std::string& line : std::exchange(call->lines, {})) {
          if (call->open) call->on_line(line);
        }
      }
    }
  }
  static void End(Pending& call, const Response& response) {
    call.open = false;
    call.on_end(response);
  }
  std::string ListOf(const Pending& call) {
    Json items = Json::array();
    for (const auto& [name, object] : collections_[Split(call.collection).first]) {
      if (Selects(call, object)) items.push_back(object);
    }
    return Json{{"metadata", {{"resourceVersion", absl::StrCat(version_)}}}, {"items", items}}
        .dump();
  }

  core::EventLoop& loop_;
  core::Deferred answer_;
  std::vector<std::shared_ptr<Pending>> calls_;
  std::map<std::string, std::map<std::string, Json>> collections_;
  int64_t version_ = 100;
};

}  // namespace sluice::kube
