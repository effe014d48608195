// The bounds that hold without any configuration. Sources: docs/operations.md "Limits".
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::core {

struct Limits {
  // Sizes of what a peer may make us hold.
  size_t request_line_bytes = 8 * 1024;   // beyond: 414
  size_t header_block_bytes = 64 * 1024;  // all names and values (+32 each in HTTP/2); beyond: 431
  size_t header_field_bytes = 16 * 1024;  // one field; beyond: 431
  size_t header_fields = 100;             // beyond: 431
  size_t chunk_extension_bytes = 4 * 1024;  // in one body; beyond: 400
  int informational_responses = 16;         // 1xx before a final one; beyond: 502

  // Back-pressure: a reader is paused above the high mark and resumed below the low mark.
  size_t high_watermark_bytes = 128 * 1024;
  size_t low_watermark_bytes = 32 * 1024;

  // HTTP/2 (RFC 9113).
  uint32_t h2_streams = 100;
  uint32_t h2_stream_window_bytes = 256 * 1024;
  uint32_t h2_connection_window_bytes = 1024 * 1024;

  // Deadlines, milliseconds.
  uint32_t handshake_ms = 5'000;
  uint32_t header_ms = 10'000;          // from the first byte of a head to its end
  uint32_t idle_ms = 60'000;            // between requests
  uint32_t stall_ms = 30'000;           // a client that owes us bytes, or the taking of some, has
  uint32_t stall_bytes_per_s = 240;     // to move at least so much, looked at each stall_ms
  uint32_t tunnel_idle_ms = 3'600'000;  // after an upgrade
  uint32_t connect_ms = 3'000;          // upstream
  uint32_t pool_idle_ms = 55'000;       // an unused upstream connection

  uint32_t connections = 15'000;                 // downstream, a process
  size_t buffered_bytes = 256 << 20;             // of all connections, a process; beyond: 503
  uint32_t pooled_per_endpoint = 256;            // idle upstream connections kept, a worker
  uint32_t requests_per_connection = 1'000'000;  // then Connection: close or GOAWAY
};

}  // namespace sluice::core
