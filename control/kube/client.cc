#include "control/kube/client.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace sluice::kube {
namespace {

absl::StatusCode CodeOf(int http) {
  switch (http) {
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return absl::StatusCode::kAborted;
    case 410:
      return absl::StatusCode::kOutOfRange;
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 429:
      return absl::StatusCode::kResourceExhausted;
    default:
      return http >= 300 && http < 500 ? absl::StatusCode::kFailedPrecondition
                                       : absl::StatusCode::kUnavailable;
  }
}

std::string TextAt(const nlohmann::json& object, const char* key) {
  auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

absl::Status ErrorOf(int code, std::string_view body) {
  const nlohmann::json status = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  const std::string message = TextAt(status, "message"), reason = TextAt(status, "reason");
  std::string phrase = absl::StrCat("HTTP ", code, reason.empty() ? "" : " ", reason);
  if (!message.empty()) absl::StrAppend(&phrase, ": ", message.substr(0, 1000));
  return {CodeOf(code), phrase};
}

absl::Status Response::ToStatus() const {
  if (!transport.ok()) return absl::UnavailableError(transport.message());
  return ok() ? absl::OkStatus() : ErrorOf(code, body);
}

}  // namespace sluice::kube
