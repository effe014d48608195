#include "control/kube/curl_multi.h"

#include <utility>

#include "absl/log/check.h"

namespace sluice::kube {
namespace {

uint32_t EpollEvents(int what) {
  return ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) |
         ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
}

int CurlEvents(uint32_t events) {
  return ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
         ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
         ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
}

CURLM* NewMulti() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK_EQ(ready, CURLE_OK);
  CURLM* multi = curl_multi_init();
  CHECK(multi != nullptr);
  return multi;
}

}  // namespace

struct CurlMulti::Socket {
  CurlMulti& multi;
  curl_socket_t fd;
  core::Pollable pollable;
};

CurlMulti::CurlMulti(core::EventLoop& loop, std::function<void(std::vector<Done>)> on_turn)
    : loop_(loop),
      on_turn_(std::move(on_turn)),
      timer_(loop, [this] { Act(CURL_SOCKET_TIMEOUT, 0); }),
      multi_(NewMulti()) {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, OnSocket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, OnTimeout);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 4L);  // idle ones that are kept
}

CurlMulti::~CurlMulti() {
  curl_multi_cleanup(multi_);  // closes the connections; says so to OnSocket
  for (auto& [fd, socket] : sockets_) loop_.Remove(fd, socket->pollable);
}

void CurlMulti::Add(CURL* easy) { CHECK_EQ(curl_multi_add_handle(multi_, easy), CURLM_OK); }

void CurlMulti::Remove(CURL* easy) { CHECK_EQ(curl_multi_remove_handle(multi_, easy), CURLM_OK); }

int CurlMulti::OnSocket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  static_cast<CurlMulti*>(self)->Watch(fd, what);
  return 0;
}

void CurlMulti::Watch(curl_socket_t fd, int what) {
  auto found = sockets_.find(fd);
  if (what == CURL_POLL_REMOVE) {
    if (found == sockets_.end()) return;
    loop_.Remove(fd, found->second->pollable);
    sockets_.erase(found);
  } else if (found != sockets_.end()) {
    // A descriptor that was closed and came again is no longer registered.
    core::Pollable& pollable = found->second->pollable;
    CHECK(loop_.ModifyLevel(fd, pollable, EpollEvents(what)) ||
          loop_.AddLevel(fd, pollable, EpollEvents(what)));
  } else {
    auto socket = std::make_unique<Socket>(*this, fd);
    socket->pollable = {.on_ready = OnReady, .self = socket.get()};
    CHECK(loop_.AddLevel(fd, socket->pollable, EpollEvents(what)));
    sockets_.emplace(fd, std::move(socket));
  }
}

int CurlMulti::OnTimeout(CURLM*, long timeout_ms, void* self) {
  PreciseTimer& timer = static_cast<CurlMulti*>(self)->timer_;
  if (timeout_ms < 0) {
    timer.Cancel();
  } else {
    timer.Arm(absl::Milliseconds(timeout_ms));
  }
  return 0;
}

void CurlMulti::OnReady(void* socket, uint32_t events) {
  const auto& ready = *static_cast<Socket*>(socket);
  ready.multi.Act(ready.fd, CurlEvents(events));
}

void CurlMulti::Act(curl_socket_t fd, int events) {
  int running = 0;
  CHECK_EQ(curl_multi_socket_action(multi_, fd, events, &running), CURLM_OK);
  std::vector<Done> done;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) done.push_back({message->easy_handle, message->data.result});
  }
  on_turn_(std::move(done));
}

}  // namespace sluice::kube
