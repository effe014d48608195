// What the fields of an HTTP/1 head say about its connection and its framing (RFC 9110 7.6.1,
// RFC 9112 6), read strictly and taken out of the list: they are of one hop, and we write our own.
// Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/http/message.h"

namespace sluice::http {

struct ConnectionFields {
  bool close = false;           // Connection: close
  bool keep_alive = false;      // Connection: keep-alive
  bool upgrades = false;        // Connection: upgrade
  std::string_view upgrade;     // Upgrade, if `upgrades`
  bool chunked = false;         // Transfer-Encoding: chunked, the only coding there is
  int64_t content_length = -1;  // -1: none
  bool te_trailers = false;     // TE: trailers
};

// Nullopt where two readers could see two framings: Transfer-Encoding beside Content-Length, either
// of them twice, any coding but chunked, a length that is not plain digits.
std::optional<ConnectionFields> TakeConnectionFields(HeaderList& headers, Version version);

// Removes from trailers what is of one hop or would change how the message is read
// (RFC 9110 6.5.1). False: framing fields among them, a smuggler's doing.
bool CleanTrailers(HeaderList& trailers);

// Fields that a codec writes itself and skips when it serialises a list.
constexpr bool IsFraming(Known known) {
  constexpr auto bit = [](Known one) { return uint64_t{1} << static_cast<int>(one); };
  constexpr uint64_t kFraming = bit(Known::kConnection) | bit(Known::kContentLength) |
                                bit(Known::kKeepAlive) | bit(Known::kProxyConnection) |
                                bit(Known::kTransferEncoding) | bit(Known::kUpgrade) |
                                bit(Known::kTe) | bit(Known::kHttp2Settings);
  return (kFraming & bit(known)) != 0;
}

// 1*DIGIT that fits an int64_t; -1: it is not.
int64_t ParseContentLength(std::string_view value);

}  // namespace sluice::http
