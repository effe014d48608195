#include "dataplane/metrics/text_server.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sluice::metrics {
namespace {

std::string Response(std::string_view status, std::string_view text) {
  return absl::StrCat(
      "HTTP/1.1 ", status,
      "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: ", text.size(),
      "\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n", text);
}

}  // namespace

absl::StatusOr<core::Fd> Listen(const core::Address& address) {
  core::Fd socket(
      ::socket(address.ipv6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return absl::ErrnoToStatus(errno, "making a socket");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), address.get(), address.size()) != 0 || ::listen(socket.get(), 64) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("listening on ", address.text()));
  }
  return socket;
}

TextServer::TextServer(core::EventLoop& loop, core::Fd listening,
                       absl::flat_hash_map<std::string, Page> pages)
    : pages_(std::move(pages)),
      server_(loop, kOptions,
              [this](std::string_view received, bool complete,
                     const core::AnswerServer::Respond& respond) {
                return Read(received, complete, respond);
              }) {
  server_.Start(std::move(listening));
}

bool TextServer::Read(std::string_view received, bool complete,
                      const core::AnswerServer::Respond& respond) {
  if (absl::StrContains(received, "\r\n\r\n")) {
    Handle(received.substr(0, received.find("\r\n")), respond);
    return true;
  }
  const bool too_long = complete && received.size() > kOptions.max_request_bytes;
  if (too_long) respond(Response("431 Request Header Fields Too Large", ""));
  return too_long;
}

void TextServer::Handle(std::string_view request_line, const core::AnswerServer::Respond& respond) {
  const std::vector<std::string_view> words = absl::StrSplit(request_line, ' ');
  if (words.size() != 3 || !absl::StartsWith(words[2], "HTTP/1."))
    return respond(Response("400 Bad Request", ""));
  if (words[0] != "GET") return respond(Response("405 Method Not Allowed", ""));
  const auto page = pages_.find(words[1].substr(0, words[1].find('?')));
  if (page == pages_.end()) return respond(Response("404 Not Found", ""));
  page->second([respond](const std::string& text) { respond(Response("200 OK", text)); });
}

}  // namespace sluice::metrics
