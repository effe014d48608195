// Client over libcurl: TLS by BoringSSL that trusts the configured authorities alone, HTTP/2 with
// all requests and watches on one connection (HTTP/1.1 works, with one connection a watch). Lives
// on its loop's thread; outlives its Calls. A connection that is dead is noticed by the kernel
// (keepalive, unacknowledged bytes), or because a probe gets no answer: then all that was under way
// ends as Unavailable, and the next request makes a connection of its own. A refused token is read
// again from its file at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "control/kube/client.h"
#include "control/kube/config.h"
#include "dataplane/core/event_loop.h"

namespace sluice::kube {

struct CurlClientOptions {
  std::string user_agent = "sluice";
  // With a watch under way and nothing heard for `silence`, a probe is sent; it has `probe` time.
  absl::Duration silence = absl::Seconds(15);
  absl::Duration probe = absl::Seconds(5);
  size_t max_body_bytes = size_t{16} << 20;
  size_t max_line_bytes = size_t{8} << 20;  // etcd takes objects of 1.5 MB
};

class CurlClient : public Client {
 public:
  CurlClient(core::EventLoop& loop, Config config, CurlClientOptions options = {});
  ~CurlClient() override;  // REQUIRES: no Call is left

  std::unique_ptr<Call> Send(Request request,
                             std::function<void(const Response&)> on_done) override;
  std::unique_ptr<Call> Watch(Request request, std::function<void(std::string_view line)> on_line,
                              std::function<void(const Response&)> on_end) override;

  const std::string& server() const;
  // Connections opened so far.
  uint64_t connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::kube
