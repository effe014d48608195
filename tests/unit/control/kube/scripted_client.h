// A kube::Client whose answers a test gives one by one, whenever it likes.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "control/kube/client.h"

namespace sluice::kube {

class ScriptedClient : public Client {
 public:
  // One request; `open` until it has ended or was cancelled.
  struct Exchange {
    Request request;
    std::function<void(const Response&)> on_end;
    std::function<void(std::string_view)> on_line;  // null: not a watch
    bool open = true;
  };

  std::unique_ptr<Call> Send(Request request,
                             std::function<void(const Response&)> on_done) override {
    return Start({std::move(request), std::move(on_done), nullptr});
  }
  std::unique_ptr<Call> Watch(Request request, std::function<void(std::string_view)> on_line,
                              std::function<void(const Response&)> on_end) override {
    return Start({std::move(request), std::move(on_end), std::move(on_line)});
  }

  // The oldest that is open, which must be the only one.
  std::string OpenPath() const {
    std::string paths;
    for (const auto& exchange : exchanges_) {
      if (exchange->open) paths += (paths.empty() ? "" : " and ") + exchange->request.path;
    }
    return paths;
  }
  const Request& OpenRequest() const { return Open()->request; }

  void Answer(int code, std::string body = "") {
    End({.transport = {}, .code = code, .body = std::move(body), .retry_after = {}});
  }
  void End(const Response& response) {
    const std::shared_ptr<Exchange> exchange = Open();
    exchange->open = false;
    exchange->on_end(response);
  }
  // Stops, as the client does, once the call is cancelled.
  void Line(std::string_view line) {
    const std::shared_ptr<Exchange> exchange = Open();
    CHECK(exchange->on_line != nullptr);
    exchange->on_line(line);
  }

 private:
  class ScriptedCall : public Call {
   public:
    explicit ScriptedCall(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    ScriptedCall(const ScriptedCall&) = delete;
    ScriptedCall& operator=(const ScriptedCall&) = delete;
    ~ScriptedCall() override { exchange_->open = false; }

   private:
    std::shared_ptr<Exchange> exchange_;
  };

  std::unique_ptr<Call> Start(Exchange exchange) {
    exchanges_.push_back(std::make_shared<Exchange>(std::move(exchange)));
    return std::make_unique<ScriptedCall>(exchanges_.back());
  }
  std::shared_ptr<Exchange> Open() const {
    for (const auto& exchange : exchanges_) {
      if (exchange->open) return exchange;
    }
    LOG(FATAL) << "nothing is under way";
  }

  std::vector<std::shared_ptr<Exchange>> exchanges_;
};

}  // namespace sluice::kube
