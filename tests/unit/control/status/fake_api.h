// An API server in memory, for tests: objects by path, resourceVersions, optimistic concurrency,
// status subresources, merge patches, lists and watches. Requests and events wait until Answer; a
// test may refuse requests by `fault` and change objects in between, as others would.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "control/kube/client.h"
#include "control/kube/cluster_source.h"

namespace sluice::status {

class FakeApi : public kube::Client {
 public:
  using Json = nlohmann::json;

  // Answers a request in the server's place; nothing: the server answers itself.
  std::function<std::optional<kube::Response>(const kube::Request&)> fault;

  // As if anybody had written it.
  void Put(const std::string& path, Json object) { Store(path, std::move(object)); }
  void Change(const std::string& path, const std::function<void(Json&)>& change) {
    Json object = objects_.at(path);
    change(object);
    Put(path, std::move(object));
  }
  void Remove(const std::string& path) {
    auto found = objects_.find(path);
    found->second["metadata"]["resourceVersion"] = absl::StrCat(++version_);
    events_.push_back({version_, "DELETED", path, found->second});
    objects_.erase(found);
  }
  // Null: there is none.
  Json Get(const std::string& path) const {
    auto found = objects_.find(path);
    return found == objects_.end() ? Json() : found->second;
  }
  std::optional<kube::Known> Known(const std::string& path) const {
    auto found = objects_.find(path);
    if (found == objects_.end()) return std::nullopt;
    const Json& object = found->second;
    return kube::Known{.uid = object["metadata"].value("uid", ""),
                       .resource_version = object["metadata"]["resourceVersion"],
                       .generation = object["metadata"].value("generation", 0),
                       .status = object.contains("status") ? object["status"].dump() : ""};
  }

  // Answers the oldest `count` requests, then tells of events; returns how many requests there
  // were.
  int Answer(int count = 1000000) {
    int answered = 0;
    for (; answered < count && !waiting_.empty(); ++answered) {
      auto [request, on_done, alive] = std::move(waiting_.front());
      waiting_.pop_front();
      if (!*alive) continue;
      on_done(AnswerTo(request));
    }
    for (size_t i = 0; i < watches_.size(); ++i) TellEvents(i);
    return answered;
  }
  size_t waiting() const {
    return static_cast<size_t>(
        std::ranges::count_if(waiting_, [](const Waiting& call) { return *call.alive; }));
  }
  // "PATCH /apis/...", since the last call.
  std::vector<std::string> TakeLog() { return std::exchange(log_, {}); }
  const kube::Request& last() const { return last_; }

  std::unique_ptr<kube::Call> Send(kube::Request request,
                                   std::function<void(const kube::Response&)> on_done) override {
    static constexpr const char* kNames[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    log_.push_back(absl::StrCat(kNames[static_cast<int>(request.method)], " ", request.path));
    last_ = request;
    auto alive = std::make_shared<bool>(true);
    waiting_.push_back({std::move(request), std::move(on_done), alive});
    return std::make_unique<Pending>(alive);
  }
  std::unique_ptr<kube::Call> Watch(kube::Request request,
                                    std::function<void(std::string_view)> on_line,
                                    std::function<void(const kube::Response&)>) override {
    const std::string from = "resourceVersion=";
    const std::string since = request.path.substr(request.path.find(from) + from.size());
    auto alive = std::make_shared<bool>(true);
    watches_.push_back(
        {CollectionOf(request.path), std::stoi(since), std::move(on_line), alive, false});
    return std::make_unique<Pending>(alive);
  }

  static kube::Response Refusal(int code) {
    kube::Response response;
    response.code = code;
    response.body =
        Json{{"kind", "Status"}, {"message", "no"}, {"details", {{"name", "x"}}}}.dump();
    return response;
  }
  static kube::Response Lost() {
    kube::Response response;
    response.transport = absl::UnavailableError("connection reset");
    return response;
  }

 private:
  struct Pending : kube::Call {
    explicit Pending(std::shared_ptr<bool> flag) : alive(std::move(flag)) {}
    ~Pending() override { *alive = false; }
    std::shared_ptr<bool> alive;
  };
  struct Waiting {
    kube::Request request;
    std::function<void(const kube::Response&)> on_done;
    std::shared_ptr<bool> alive;
  };

  struct Event {
    int version;
    const char* type;
    std::string path;
    Json object;
  };
  struct Watcher {
    std::string collection;
    int since;
    std::function<void(std::string_view)> on_line;
    std::shared_ptr<bool> alive;
    bool stands;
  };

  void Store(const std::string& path, Json object) {
    const bool there = objects_.contains(path);
    object["metadata"]["resourceVersion"] = absl::StrCat(++version_);
    objects_[path] = object;
    events_.push_back({version_, there ? "MODIFIED" : "ADDED", path, std::move(object)});
  }

  static std::string CollectionOf(std::string_view path) {
    return std::string(path.substr(0, path.find('?')));
  }
  // Also of the collection over all namespaces.
  static bool IsIn(const std::string& collection, std::string path) {
    path = path.substr(0, path.rfind('/'));
    if (path == collection) return true;
    const size_t at = path.find("/namespaces/");
    if (at == path.npos) return false;
    const size_t end = path.find('/', at + 12);
    return end != path.npos && path.erase(at, end - at) == collection;
  }

  void TellEvents(size_t watch) {
    if (*watches_[watch].alive && !std::exchange(watches_[watch].stands, true)) {
      const auto on_line = watches_[watch].on_line;
      on_line("");
    }
    for (size_t i = 0; i < events_.size(); ++i) {
      Watcher& watcher = watches_[watch];
      const Event& event = events_[i];
      if (!*watcher.alive) return;
      if (event.version <= watcher.since || !IsIn(watcher.collection, event.path)) continue;
      watcher.since = event.version;
      const auto on_line = watcher.on_line;
      on_line(Json{{"type", event.type}, {"object", event.object}}.dump());
    }
  }

  kube::Response List(const std::string& collection) const {
    Json list = {{"metadata", {{"resourceVersion", absl::StrCat(version_)}}},
                 {"items", Json::array()}};
    for (const auto& [path, object] : objects_) {
      if (IsIn(collection, path)) list["items"].push_back(object);
    }
    return Fine(list, 200);
  }

  kube::Response AnswerTo(const kube::Request& request) {
    if (fault) {
      if (std::optional<kube::Response> refusal = fault(request)) return *std::move(refusal);
    }
    std::string_view path = request.path;
    const bool status = absl::ConsumeSuffix(&path, "/status");
    const Json body = Json::parse(request.body, nullptr, false);
    if (request.method == kube::Method::kPost) return Create(path, body);
    if (path.find('?') != path.npos) return List(CollectionOf(path));
    auto found = objects_.find(std::string(path));
    if (found == objects_.end()) return Refusal(404);
    switch (request.method) {
      case kube::Method::kDelete: {
        const Json wanted = body.is_object() ? body.value("preconditions", Json()) : Json();
        if (wanted.contains("uid") && wanted["uid"] != found->second["metadata"]["uid"]) {
          return Refusal(409);
        }
        Remove(std::string(path));
        return Fine({{"kind", "Status"}}, 200);
      }
      case kube::Method::kMergePatch:
      case kube::Method::kPut:
        return Update(found->first, body, request.method == kube::Method::kPut, status);
      default:
        return Fine(found->second, 200);
    }
  }

  kube::Response Create(std::string_view collection, Json body) {
    const std::string path =
        absl::StrCat(collection, "/", body["metadata"]["name"].get<std::string>());
    if (objects_.contains(path)) return Refusal(409);
    body["metadata"]["uid"] = absl::StrCat("uid-", version_ + 1);
    body["metadata"]["generation"] = 1;
    Put(path, std::move(body));
    return Fine(objects_[path], 201);
  }

  kube::Response Update(const std::string& path, const Json& body, bool whole, bool status) {
    const Json object = objects_.at(path);
    const std::string given = body.value("metadata", Json::object()).value("resourceVersion", "");
    if (!given.empty() && object["metadata"]["resourceVersion"] != given) return Refusal(409);
    Json next = object;
    if (status && whole) {
      next["status"] = body.value("status", Json());
    } else if (status) {
      next["status"].merge_patch(body.value("status", Json()));
    } else if (whole) {
      next = body;
    } else {
      next.merge_patch(body);
    }
    if (next != object) Store(path, std::move(next));
    return Fine(objects_.at(path), 200);
  }

  static kube::Response Fine(const Json& body, int code) {
    kube::Response response;
    response.code = code;
    response.body = body.dump();
    return response;
  }

  int version_ = 100;
  std::map<std::string, Json> objects_;
  std::vector<Event> events_;
  std::deque<Waiting> waiting_;
  std::vector<Watcher> watches_;
  std::vector<std::string> log_;
  kube::Request last_;
};

}  // namespace sluice::status
