#include "echo/response.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string_view>

namespace sluice::lab {
namespace {

constexpr uint64_t kPieceBytes = 64 * 1024;

struct Behaviour {
  std::string_view name;
  uint64_t first = 0;
  uint64_t second = 0;
};

uint64_t TakeNumber(std::string_view& text) {
  uint64_t value = 0;
  if (!text.starts_with('/')) return 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), value);
  text.remove_prefix(end - text.data());
  return error == std::errc() ? value : 0;
}

Behaviour ParseBehaviour(std::string_view path) {
  const size_t start = path.find("/~");
  if (start == std::string_view::npos) return {};
  path.remove_prefix(start + 2);
  Behaviour behaviour{.name = path.substr(0, path.find_first_of("/?"))};
  path.remove_prefix(behaviour.name.size());
  behaviour.first = TakeNumber(path);
  behaviour.second = TakeNumber(path);
  return behaviour;
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const unsigned char c : text) {
    if (c == '"' || c == '\\' || c < 0x20 || c >= 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      out += escaped;
    } else {
      out += static_cast<char>(c);
    }
  }
  return out + '"';
}

std::string Describe(const Pod& pod, const Request& request, const BodyReader& body) {
  std::string out = "{\"pod\":" + Quoted(pod.name) + ",\"peer\":" + Quoted(pod.peer) +
                    ",\"method\":" + Quoted(request.method) + ",\"path\":" + Quoted(request.path) +
                    ",\"version\":" + Quoted(request.version) + ",\"headers\":[";
  for (size_t i = 0; i < request.headers.size(); ++i) {
    const auto& [name, value] = request.headers[i];
    out += (i == 0 ? "[" : ",[") + Quoted(name) + "," + Quoted(value) + "]";
  }
  out += "],\"body_bytes\":" + std::to_string(body.bytes()) + ",\"trailers\":[";
  for (size_t i = 0; i < body.trailers().size(); ++i)
    out += (i == 0 ? "" : ",") + Quoted(body.trailers()[i]);
  return out + "]}\n";
}

std::string Head(uint64_t status, const Pod& pod, std::string_view framing) {
  return "HTTP/1.1 " + std::to_string(status) + " Echo\r\nX-Pod: " + pod.name +
         "\r\nContent-Type: application/json\r\n" + std::string(framing) + "\r\n\r\n";
}

std::string Chunk(std::string_view data) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return std::string(size) + std::string(data) + "\r\n";
}

Response Sized(const Pod& pod, uint64_t bytes, uint64_t announced) {
  const uint64_t rest = bytes % kPieceBytes;
  return {.head = Head(200, pod, "Content-Length: " + std::to_string(announced)) +
                  std::string(rest, 'x'),
          .piece_count = bytes / kPieceBytes,
          .piece = std::string(kPieceBytes, 'x'),
          .close = announced != bytes};
}

Response Chunked(const Pod& pod, uint64_t count, std::string_view data, uint64_t interval_ms) {
  return {.head = Head(200, pod, "Transfer-Encoding: chunked\r\nTrailer: X-Chunks"),
          .piece_count = count,
          .piece = Chunk(data),
          .interval_ms = interval_ms,
          .tail = "0\r\nX-Chunks: " + std::to_string(count) + "\r\n\r\n"};
}

}  // namespace

bool AnswersEarly(const Request& request) { return ParseBehaviour(request.path).name == "early"; }

Response MakeResponse(const Pod& pod, const Request& request, const BodyReader& body) {
  const Behaviour behaviour = ParseBehaviour(request.path);
  if (behaviour.name == "reset") return {.close = true};
  if (behaviour.name == "size") return Sized(pod, behaviour.first, behaviour.first);
  if (behaviour.name == "short") return Sized(pod, behaviour.first, 2 * behaviour.first);
  if (behaviour.name == "slow") return Chunked(pod, behaviour.first, "tick\n", behaviour.second);
  if (behaviour.name == "chunks") {
    return Chunked(pod, behaviour.first, std::string(std::max<uint64_t>(1, behaviour.second), 'x'),
                   0);
  }
  const uint64_t status =
      behaviour.name == "status" ? std::clamp<uint64_t>(behaviour.first, 200, 599) : 200;
  const bool empty = status == 204 || status == 304;
  const std::string text = empty ? "" : Describe(pod, request, body);
  Response response{.head = Head(status, pod, "Content-Length: " + std::to_string(text.size()))};
  if (request.method != "HEAD") response.head += text;
  if (empty) response.head = Head(status, pod, "X-Empty: yes");
  if (behaviour.name == "hints")
    response.head = "HTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\n" + response.head;
  if (behaviour.name == "delay") response.delay_ms = behaviour.first;
  response.close = behaviour.name == "early";
  return response;
}

}  // namespace sluice::lab
