#include "control/kube/curl_transfer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/log/check.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sluice::kube {
namespace {

constexpr long kConnectTimeoutMs = 5'000;
constexpr unsigned kUnacknowledgedMs = 15'000;

// Keepalive probes do not see a peer that is gone while our own bytes wait for it; this does.
int OnSocketMade(void*, curl_socket_t fd, curlsocktype) {
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedMs, sizeof kUnacknowledgedMs);
  return CURL_SOCKOPT_OK;
}

const char* NameOf(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kMergePatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
  }
  return "GET";
}

void SetPem(CURL* easy, CURLoption option, const Material& material) {
  const std::string_view pem = material.Reveal();
  curl_blob blob = {.data = const_cast<char*>(pem.data()),  // copied, never written
                    .len = pem.size(),
                    .flags = CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, pem.empty() ? nullptr : &blob);
}

// With a name of its own for TLS, the URL has that name and the connection goes to the server.
struct Target {
  std::string url;
  std::string connect_to;  // "": where the URL says
};
Target TargetOf(const Config& config, std::string_view path) {
  if (config.tls_server_name.empty()) return {absl::StrCat(config.server, path), ""};
  const size_t start = config.server.find("://") + 3;
  const size_t end = std::min(config.server.find('/', start), config.server.size());
  std::string authority = config.server.substr(start, end - start);
  const size_t colon = authority.rfind(':');
  const bool has_port = colon != authority.npos && authority.find(']', colon) == authority.npos;
  const std::string port = has_port ? authority.substr(colon + 1) : "443";
  if (!has_port) absl::StrAppend(&authority, ":443");
  return {absl::StrCat(config.server.substr(0, start), config.tls_server_name, ":", port,
                       config.server.substr(end), path),
          absl::StrCat("::", authority)};
}

void SetTls(CURL* easy, const Config& config) {
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);  // the machine's trust does not count
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config.verify_server ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config.verify_server ? 2L : 0L);
  SetPem(easy, CURLOPT_CAINFO_BLOB, config.ca);
  SetPem(easy, CURLOPT_SSLCERT_BLOB, config.client_certificate);
  SetPem(easy, CURLOPT_SSLKEY_BLOB, config.client_key);
}

void SetConnection(CURL* easy, const Config& config) {
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, config.verify_server ? "https" : "https,http");
  curl_easy_setopt(easy, CURLOPT_PROXY, config.proxy.c_str());  // "": not even the environment's
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);  // rather a stream than another connection
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 10L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPCNT, 3L);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, OnSocketMade);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // a name that is being resolved stops nothing
}

}  // namespace

Transfer::Transfer(Request request, Handlers handlers, Limits limits,
                   std::function<void(Transfer&)> on_bytes)
    : request_(std::move(request)),
      handlers_(std::move(handlers)),
      limits_(limits),
      on_bytes_(std::move(on_bytes)),
      easy_(curl_easy_init()) {
  CHECK(easy_ != nullptr);
}

Transfer::~Transfer() {
  curl_easy_cleanup(easy_);
  for (curl_slist* line = headers_; line != nullptr; line = line->next) {
    gateway_api::WipeMemory(line->data, std::strlen(line->data));
  }
  curl_slist_free_all(headers_);
  curl_slist_free_all(connect_to_);
  // It may have held Secrets.
  gateway_api::WipeMemory(bytes_.data(), bytes_.size());
  gateway_api::WipeMemory(response_.body.data(), response_.body.size());
}

void Transfer::Prepare(const Config& config, const std::string& user_agent) {
  SetTarget(config);
  SetRequest();
  SetHeaders(config, user_agent);
  SetCallbacks();
  SetConnection(easy_, config);
  SetTls(easy_, config);
}

void Transfer::SetTarget(const Config& config) {
  const Target target = TargetOf(config, request_.path);
  curl_easy_setopt(easy_, CURLOPT_URL, target.url.c_str());
  if (target.connect_to.empty()) return;
  connect_to_ = curl_slist_append(nullptr, target.connect_to.c_str());
  curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, connect_to_);
}

void Transfer::SetRequest() {
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, NameOf(request_.method));
  if (request_.body.empty()) return;
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(request_.body.size()));
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.data());
}

void Transfer::SetHeaders(const Config& config, const std::string& user_agent) {
  auto add = [this](std::string line) {
    headers_ = curl_slist_append(headers_, line.c_str());
    gateway_api::WipeMemory(line.data(), line.size());  // it may hold the token
  };
  add(absl::StrCat("Accept: ", request_.accept));
  if (!request_.body.empty()) {
    const bool patch = request_.method == Method::kMergePatch;
    add(absl::StrCat("Content-Type: application/", patch ? "merge-patch+json" : "json"));
  }
  if (config.token.given()) {
    add(absl::StrCat("Authorization: Bearer ", absl::StripAsciiWhitespace(config.token.Reveal())));
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, user_agent.c_str());
}

void Transfer::SetCallbacks() {
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
}

size_t Transfer::OnHeader(char* data, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.on_bytes_(transfer);
  const std::string_view line(data, size * count);
  if (absl::StripAsciiWhitespace(line).empty()) {
    transfer.open_ = transfer.is_watch() && transfer.Code() == 200;
  }
  constexpr std::string_view kRetryAfter = "retry-after:";
  int seconds = 0;
  if (absl::StartsWithIgnoreCase(line, kRetryAfter) &&
      absl::SimpleAtoi(absl::StripAsciiWhitespace(line.substr(kRetryAfter.size())), &seconds)) {
    transfer.response_.retry_after = absl::Seconds(std::max(seconds, 0));
  }
  return line.size();
}

size_t Transfer::OnBody(char* data, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.on_bytes_(transfer);
  const std::string_view bytes(data, size * count);
  return transfer.Take(bytes) ? bytes.size() : CURL_WRITEFUNC_ERROR;
}

// Lines are measured when they are handed on, which is soon; here only what one turn can bring.
bool Transfer::Take(std::string_view bytes) {
  const bool lines = is_watch() && Code() == 200;
  std::string& to = lines ? bytes_ : response_.body;
  if (to.size() + bytes.size() > limits_.max_body_bytes) {
    broken_ = absl::ResourceExhaustedError(
        absl::StrCat("the answer is larger than ", limits_.max_body_bytes, " bytes"));
    return false;
  }
  to.append(bytes);
  return true;
}

long Transfer::Code() const {
  long code = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &code);
  return code;
}

bool Transfer::opened_connection() const {
  long connections = 0;
  curl_easy_getinfo(easy_, CURLINFO_NUM_CONNECTS, &connections);
  return connections > 0;
}

void Transfer::End(CURLcode code, const std::string& server) {
  response_.code = static_cast<int>(Code());
  if (code == CURLE_OK) return End(absl::OkStatus());
  if (!broken_.ok()) return End(broken_);
  const char* what = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
  End(absl::UnavailableError(absl::StrCat(server, ": ", what)));
}

void Transfer::End(absl::Status transport) {
  if (ended_) return;
  ended_ = true;
  response_.transport = std::move(transport);
}

void Transfer::Deliver() {
  if (is_watch()) DeliverLines();
  if (cancelled_ || !ended_ || end_delivered_) return;
  end_delivered_ = true;
  handlers_.on_end(response_);
}

void Transfer::DeliverLines() {
  if (open_ && !cancelled_ && !std::exchange(open_delivered_, true)) handlers_.on_line("");
  size_t start = 0;
  for (size_t end; !cancelled_ && (end = bytes_.find('\n', scanned_)) != bytes_.npos;) {
    const std::string_view line = std::string_view(bytes_).substr(start, end - start);
    start = scanned_ = end + 1;
    if (!line.empty()) handlers_.on_line(line);
  }
  gateway_api::WipeMemory(bytes_.data(), start);
  bytes_.erase(0, start);
  scanned_ = bytes_.size();
  if (bytes_.size() > limits_.max_line_bytes) {
    End(absl::ResourceExhaustedError(
        absl::StrCat("a watch event is larger than ", limits_.max_line_bytes, " bytes")));
  }
}

}  // namespace sluice::kube
