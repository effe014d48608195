#include "control/status/node_reporter.h"

#include <algorithm>
#include <utility>

#include "absl/log/log.h"
#include "control/kube/resource.h"

namespace sluice::status {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kGapMs = 100;       // between two reports of a node
constexpr uint64_t kGapByNodeMs = 20;  // and more where there are many

uint64_t Ms(absl::Duration duration) {
  return static_cast<uint64_t>(absl::ToInt64Milliseconds(duration));
}

// What makes `after` of `before` as a merge patch (RFC 7396).
Json Difference(const Json& before, const Json& after) {
  if (!before.is_object() || !after.is_object()) return after;
  Json patch = Json::object();
  for (const auto& [key, value] : before.items()) {
    if (!after.contains(key)) patch[key] = nullptr;
  }
  for (const auto& [key, value] : after.items()) {
    auto old = before.find(key);
    if (old == before.end()) {
      patch[key] = value;
    } else if (*old != value) {
      patch[key] = Difference(*old, value);
    }
  }
  return patch;
}

}  // namespace

NodeReporter::NodeReporter(core::EventLoop& loop, kube::Client& client, NodeReporterOptions options)
    : loop_(loop),
      client_(client),
      options_(std::move(options)),
      backoff_(absl::Milliseconds(500), absl::Seconds(30),
               [this] { return std::uniform_real_distribution<double>()(random_); }),
      timer_([](void* self) { static_cast<NodeReporter*>(self)->Plan(); }, this) {}

void NodeReporter::Say(NodeReport report, size_t nodes) {
  nodes_ = nodes;
  const absl::Duration lag = report.lag;
  if (report_) report.lag = report_->lag;
  if (!report_ || report != *report_) changed_ = true;
  report_ = std::move(report);
  report_->lag = lag;
  Plan();
}

void NodeReporter::Stop() {
  report_.reset();
  call_.reset();
  timer_.Cancel();
}

void NodeReporter::Plan() {
  if (!report_ || call_ != nullptr) return;
  uint64_t due = not_before_ms_;
  if (sent_ms_ != 0) {
    const uint64_t gap = std::max(kGapMs, kGapByNodeMs * nodes_);
    due = std::max(due, sent_ms_ + (changed_ ? gap : Ms(options_.refresh)));
  }
  if (due <= loop_.now_ms()) return Send();
  loop_.timers().Arm(timer_, due - loop_.now_ms());
}

void NodeReporter::Send() {
  changed_ = false;
  sent_ms_ = loop_.now_ms();
  sent_ = ToJson(*report_, options_.wall_clock());
  const std::string path = kube::ObjectPath(kNodeReports, {"", report_->node});
  kube::Request request{.path = path, .body = {}, .deadline = options_.deadline};
  if (server_ && server_->is_null()) {
    const Json object = {{"apiVersion", kube::ApiVersion(kNodeReports)},
                         {"kind", kNodeReports.kind},
                         {"metadata", {{"name", report_->node}}},
                         {"status", sent_}};
    request.method = kube::Method::kPost;
    request.path = kube::CollectionPath(kNodeReports);
    request.body = object.dump(-1, ' ', false, Json::error_handler_t::replace);
  } else if (server_) {
    request.method = kube::Method::kMergePatch;
    request.body = Json{{"status", Difference(*server_, sent_)}}.dump(
        -1, ' ', false, Json::error_handler_t::replace);
  }
  call_ = client_.Send(std::move(request),
                       [this](const kube::Response& response) { OnAnswer(response); });
}

void NodeReporter::OnAnswer(const kube::Response& response) {
  const std::unique_ptr<kube::Call> ended = std::move(call_);
  const bool read = !server_;
  if (response.transport.ok() && response.code == 404) {
    if (server_ && server_->is_null()) {  // the kind is not there
      not_before_ms_ = loop_.now_ms() + Ms(backoff_.Next());
    }
    server_ = Json();
    changed_ = true;
  } else if (response.transport.ok() && response.code == 409) {
    server_.reset();
    changed_ = true;
  } else if (!response.ok()) {
    if (backoff_.failures() == 0) {
      LOG(WARNING) << "the NodeReport cannot be written, which is tried again: "
                   << response.ToStatus().message();
    }
    changed_ = true;
    not_before_ms_ = loop_.now_ms() + Ms(response.retry_after.value_or(backoff_.Next()));
  } else {
    backoff_.Reset();
    const Json object = Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
    server_ = object.is_object() ? object.value("status", Json::object()) : Json::object();
    changed_ |= read;
  }
  if (read && not_before_ms_ <= loop_.now_ms()) sent_ms_ = 0;  // reading was no report
  Plan();
}

}  // namespace sluice::status
