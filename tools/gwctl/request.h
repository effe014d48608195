// The request that `explain` asks about: a URL, a method, headers and where it comes from, brought
// into the form that the data plane's codecs give to a request. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/core/address.h"
#include "dataplane/core/fault.h"
#include "dataplane/http/message.h"
#include "tools/gwctl/session.h"

namespace sluice::gwctl {

struct Request {
  bool https = false;
  std::string host;  // of the URL, lower case: what the client connects to, and its SNI
  uint16_t port = 0;
  std::string authority;  // host[:port] as the URL has it
  std::string target;     // path and query as the client sends them
  std::string method;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  core::Address client;

  bool by_address() const;          // the host is an IP address: there is no SNI
  std::string address() const;      // the host without the brackets of IPv6
  std::string server_name() const;  // SNI; "" without one
};

// InvalidArgument says what to write.
absl::StatusOr<Request> ParseRequest(const Options& options);

// As the codec hands it on: Host and what is of one hop is gone, the target is normal. A fault: the
// codec refuses such a request. Text is the request's or the arena's.
core::FaultCode MakeHead(const Request& request, http::RequestHead& head);

}  // namespace sluice::gwctl
