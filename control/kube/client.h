// The seam to a Kubernetes API server: requests out, answers and watch events in. Twice there: over
// libcurl (curl_client.h) and as a script in tests. Lives on one loop's thread; nothing blocks, and
// callbacks come from the loop, never from within Send or Watch.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace sluice::kube {

enum class Method { kGet, kPost, kPut, kMergePatch, kDelete };  // kMergePatch: RFC 7396

struct Request {
  Method method = Method::kGet;
  std::string path;                             // with its query: "/api/v1/services?limit=500"
  std::string body;                             // JSON; empty: none
  std::string accept = "application/json";      // or with ";as=...": metadata alone, a table
  absl::Duration deadline = absl::Seconds(30);  // of the whole answer; a watch: of silence
};

struct Response {
  // Not ok: no complete answer came, and the rest means nothing. ResourceExhausted: it was larger
  // than the client takes.
  absl::Status transport;
  int code = 0;  // HTTP status
  std::string body;
  std::optional<absl::Duration> retry_after;

  bool ok() const { return transport.ok() && code >= 200 && code < 300; }
  // OK, or what went wrong as a phrase for people: the transport's error, or the message and reason
  // of the API's own Status object (metav1.Status). Codes: 401 Unauthenticated, 403
  // PermissionDenied, 404 NotFound, 409 Aborted, 410 OutOfRange, 422 InvalidArgument, 429
  // ResourceExhausted, other 4xx FailedPrecondition, 5xx and transport Unavailable.
  absl::Status ToStatus() const;
};

// What went wrong, of an answer's code and its body or of the object in a watch's ERROR event.
absl::Status ErrorOf(int code, std::string_view body);

// A request under way. Destroying it cancels it: no callback comes any more. It may be destroyed
// from within its own callback.
class Call {
 public:
  virtual ~Call() = default;
};

class Client {
 public:
  virtual ~Client() = default;

  [[nodiscard]] virtual std::unique_ptr<Call> Send(
      Request request, std::function<void(const Response&)> on_done) = 0;

  // A GET whose answer comes line by line and does not end by itself. `on_line` gets each line of a
  // 200 without its end, and before them an empty one: the watch stands. `on_end` comes once, with
  // the body only if the code is not 200.
  [[nodiscard]] virtual std::unique_ptr<Call> Watch(
      Request request, std::function<void(std::string_view line)> on_line,
      std::function<void(const Response&)> on_end) = 0;
};

}  // namespace sluice::kube
