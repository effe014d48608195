// HTTP/2 frames built by hand, right or wrong, and the codec's frames read back as lines of text.
#pragma once

#include <nghttp2/nghttp2.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::http {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum FrameFlag : uint8_t { kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8, kPriority = 32 };

using Fields = std::vector<std::pair<std::string, std::string>>;

inline std::string Number(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

inline std::string Frame(uint8_t type, uint8_t flags, uint32_t id, std::string_view payload) {
  return Number(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         Number(id, 4) + std::string(payload);
}

// Literals without indexing and without Huffman: any octet can be said.
inline std::string HpackString(std::string_view text) {
  std::string out;
  if (text.size() < 127) {
    out += static_cast<char>(text.size());
  } else {
    out += '\x7f';
    size_t rest = text.size() - 127;
    for (; rest >= 128; rest /= 128) out += static_cast<char>(rest % 128 + 128);
    out += static_cast<char>(rest);
  }
  return out + std::string(text);
}

inline std::string Hpack(const Fields& fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block += '\0';
    block += HpackString(name) + HpackString(value);
  }
  return block;
}

inline std::string HeadersFrame(uint32_t id, const Fields& fields,
                                int flags = kEndStream | kEndHeaders) {
  return Frame(NGHTTP2_HEADERS, static_cast<uint8_t>(flags), id, Hpack(fields));
}

inline std::string DataFrame(uint32_t id, std::string_view data, int flags = 0) {
  return Frame(NGHTTP2_DATA, static_cast<uint8_t>(flags), id, data);
}

inline std::string SettingsFrame(const std::vector<std::pair<int, uint32_t>>& settings = {}) {
  std::string payload;
  for (auto [id, value] : settings)
    payload += Number(static_cast<uint64_t>(id), 2) + Number(value, 4);
  return Frame(NGHTTP2_SETTINGS, 0, 0, payload);
}

inline std::string WindowUpdate(uint32_t id, uint32_t increment) {
  return Frame(NGHTTP2_WINDOW_UPDATE, 0, id, Number(increment, 4));
}

inline std::string RstStream(uint32_t id, uint32_t code = NGHTTP2_CANCEL) {
  return Frame(NGHTTP2_RST_STREAM, 0, id, Number(code, 4));
}

// A request's pseudo fields; each may be replaced or, with "-", left out.
inline Fields Request(std::string method = "GET", std::string path = "/",
                      std::string authority = "a", std::string scheme = "http") {
  Fields fields;
  if (method != "-") fields.emplace_back(":method", method);
  if (scheme != "-") fields.emplace_back(":scheme", scheme);
  if (authority != "-") fields.emplace_back(":authority", authority);
  if (path != "-") fields.emplace_back(":path", path);
  return fields;
}

inline Fields operator+(Fields fields, const Fields& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

// Reads what the codec wrote. Settings, their ACK and window updates are left out.
class FrameReader {
 public:
  FrameReader() { nghttp2_hd_inflate_new(&inflater_); }
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;
  ~FrameReader() { nghttp2_hd_inflate_del(inflater_); }

  std::string Read(std::string_view bytes) {
    std::string lines;
    while (bytes.size() >= 9) {
      const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
      const size_t size =
          static_cast<size_t>(at(0)) << 16 | static_cast<size_t>(at(1)) << 8 | at(2);
      const uint32_t id = Read32(bytes.substr(5));
      lines += Line(at(3), at(4), id, bytes.substr(9, size));
      bytes.remove_prefix(std::min(bytes.size(), 9 + size));
    }
    if (!bytes.empty()) lines += "cut\n";
    return lines;
  }

  size_t window_updates = 0;

 private:
  static uint32_t Read32(std::string_view text) {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i)
      value = value << 8 | static_cast<uint8_t>(text[static_cast<size_t>(i)]);
    return value;
  }

  std::string Line(uint8_t type, uint8_t flags, uint32_t id, std::string_view payload) {
    const std::string end = (flags & kEndStream) != 0 ? " end" : "";
    const std::string name = std::to_string(id);
    switch (type) {
      case NGHTTP2_HEADERS:
        return name + " headers" + Inflate(payload) + end + "\n";
      case NGHTTP2_DATA:
        return name + " data " + std::string(payload) + end + "\n";
      case NGHTTP2_RST_STREAM:
        return name + " reset " + nghttp2_http2_strerror(Read32(payload)) + "\n";
      case NGHTTP2_GOAWAY:
        return "goaway " + std::to_string(Read32(payload)) + " " +
               nghttp2_http2_strerror(Read32(payload.substr(4))) + "\n";
      case NGHTTP2_PING:
        return (flags & kAck) != 0 ? "pong\n" : "ping\n";
      case NGHTTP2_SETTINGS:
        return "";
      case NGHTTP2_WINDOW_UPDATE:
        window_updates += Read32(payload);
        return "";
      default:
        return "frame of type " + std::to_string(type) + "\n";
    }
  }

  std::string Inflate(std::string_view block) {
    std::string text;
    const auto* in = reinterpret_cast<const uint8_t*>(block.data());
    size_t left = block.size();
    for (;;) {
      nghttp2_nv field;
      int flags = 0;
      const nghttp2_ssize used = nghttp2_hd_inflate_hd3(inflater_, &field, &flags, in, left, 1);
      if (used < 0) return text + " BROKEN";
      in += used;
      left -= static_cast<size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        const std::string name(reinterpret_cast<char*>(field.name), field.namelen);
        if (name != "date") {
          text +=
              " " + name + "=" + std::string(reinterpret_cast<char*>(field.value), field.valuelen);
        }
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return text;
  }

  nghttp2_hd_inflater* inflater_;
};

}  // namespace sluice::http
