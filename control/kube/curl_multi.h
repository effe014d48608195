// libcurl's multi handle driven by an event loop: its sockets are watched by the loop's epoll, its
// timeout is a timer. Lives on the loop's thread. libcurl's own callbacks only note what happened;
// `on_turn` is called outside of them, so it may add and remove handles.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "control/kube/precise_timer.h"
#include "dataplane/core/event_loop.h"

namespace sluice::kube {

class CurlMulti {
 public:
  struct Done {
    CURL* easy;
    CURLcode code;
  };

  // `on_turn` gets what has ended, after each time that libcurl has worked. It may not destroy
  // this.
  CurlMulti(core::EventLoop& loop, std::function<void(std::vector<Done>)> on_turn);
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;
  ~CurlMulti();  // REQUIRES: every handle has been removed

  void Add(CURL* easy);
  void Remove(CURL* easy);

 private:
  struct Socket;

  static int OnSocket(CURL* easy, curl_socket_t fd, int what, void* self, void* socket);
  static int OnTimeout(CURLM* multi, long timeout_ms, void* self);
  static void OnReady(void* socket, uint32_t events);
  void Watch(curl_socket_t fd, int what);
  void Act(curl_socket_t fd, int events);

  core::EventLoop& loop_;
  std::function<void(std::vector<Done>)> on_turn_;
  PreciseTimer timer_;
  std::map<curl_socket_t, std::unique_ptr<Socket>> sockets_;
  CURLM* multi_;
};

}  // namespace sluice::kube
