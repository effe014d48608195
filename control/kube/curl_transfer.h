// One request over libcurl, and what came of it so far: bytes are gathered while libcurl works, and
// handed on by Deliver, outside of its callbacks. Lives on its client's loop; shared by its Call,
// and by the client for the length of a delivery, so that a callback may destroy its own Call.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/kube/client.h"
#include "control/kube/config.h"

namespace sluice::kube {

class Transfer {
 public:
  struct Handlers {
    std::function<void(std::string_view line)> on_line;  // null: not a watch
    std::function<void(const Response&)> on_end;
  };
  struct Limits {
    size_t max_body_bytes;
    size_t max_line_bytes;
  };

  // `on_bytes` is called from within libcurl's callbacks, whenever anything came.
  Transfer(Request request, Handlers handlers, Limits limits,
           std::function<void(Transfer&)> on_bytes);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer();

  // Makes the handle ready to be added to a multi handle.
  void Prepare(const Config& config, const std::string& user_agent);
  CURL* easy() { return easy_; }
  const Request& request() const { return request_; }
  bool is_watch() const { return handlers_.on_line != nullptr; }

  // It has ended, as libcurl says or for a reason of ours; Deliver says so. The first reason
  // counts.
  void End(CURLcode code, const std::string& server);
  void End(absl::Status transport);
  bool ended() const { return ended_; }
  const Response& response() const { return response_; }
  // libcurl opened a connection for it.
  bool opened_connection() const;

  // Hands on the lines that are complete, and the end if it came. Stops once Cancel was called.
  void Deliver();
  void Cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }

 private:
  void SetTarget(const Config& config);
  void SetRequest();
  void SetHeaders(const Config& config, const std::string& user_agent);
  void SetCallbacks();
  static size_t OnHeader(char* data, size_t size, size_t count, void* self);
  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  bool Take(std::string_view bytes);
  void DeliverLines();
  long Code() const;

  Request request_;
  Handlers handlers_;
  Limits limits_;
  std::function<void(Transfer&)> on_bytes_;
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  char error_[CURL_ERROR_SIZE] = {};
  std::string bytes_;    // of a watch: what is not handed on yet
  size_t scanned_ = 0;   // of bytes_: no end of line in there
  absl::Status broken_;  // why OnBody takes no more
  Response response_;
  bool open_ = false;  // of a watch: a 200 has begun
  bool open_delivered_ = false;
  bool ended_ = false;
  bool end_delivered_ = false;
  bool cancelled_ = false;
};

}  // namespace sluice::kube
