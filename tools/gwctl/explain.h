// What happens to a request, step by step as in the data plane, and why: the steps are the data
// plane's own code (listener groups, route table, filters, forwarding fields), applied to the
// View's Snapshot. Pure; pointers lead into the View, which must outlive the result.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/view/view.h"
#include "tools/gwctl/candidates.h"
#include "tools/gwctl/request.h"

namespace sluice::gwctl {

// A backend's part of the requests.
struct Share {
  std::string cluster;  // "namespace/service:port"; "": unresolved
  double percent = 0;
  int status = 0;  // what its requests are answered; 0: by the backend
  std::vector<std::string> endpoints;
  std::vector<std::string> filters;
};

struct ReceivedHeader {
  enum class Origin { kClient, kSluice, kRemoved };
  std::string name, value;
  Origin origin = Origin::kClient;
};

// What the first backend that answers gets to see.
struct Received {
  std::string method, target, authority, protocol;
  std::vector<ReceivedHeader> headers;
};

struct Explanation {
  enum class Answer { kForwarded, kRedirected, kRefused };

  Request request;
  const snapshot::Vip* vip = nullptr;
  const snapshot::Listener* listener = nullptr;         // that serves the request
  const view::CertificateFacts* certificate = nullptr;  // https only
  std::vector<Candidate> candidates;
  const snapshot::Rule* rule = nullptr;
  const snapshot::Match* match = nullptr;
  std::vector<Share> shares;
  std::vector<Received> received;  // one at most

  Answer answer = Answer::kRefused;
  int status = 0;                  // HTTP; 0: the backend's own, or there is no HTTP answer
  std::string location;            // of a redirect
  std::string why;                 // what the answer is, in a sentence
  std::vector<std::string> hints;  // what may have been meant
};

// An error only if the Snapshot cannot be used: it breaks its own rules.
absl::StatusOr<Explanation> Explain(const view::View& view, const Request& request,
                                    const std::string& vip);

std::string ToText(const Explanation& explanation, const view::View& view, absl::Time now);
std::string ToJsonText(const Explanation& explanation);

}  // namespace sluice::gwctl
