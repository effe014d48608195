// A small rtnetlink: one request at a time with its answer, and a socket that listens for changes.
// One thread. Requests block for the kernel's answer, which it gives within the call.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/core/fd.h"

namespace sluice::packet {

// One request under construction: header, a family's own header, attributes.
class NetlinkRequest {
 public:
  NetlinkRequest(uint16_t type, uint16_t flags);

  template <typename Header>
  NetlinkRequest& Add(const Header& header) {
    return Append(&header, sizeof header);
  }
  NetlinkRequest& AddAttribute(uint16_t type, std::span<const uint8_t> value);
  NetlinkRequest& AddAttribute(uint16_t type, uint32_t value);
  NetlinkRequest& AddAttribute(uint16_t type, uint8_t value);

  // The finished message, numbered `sequence`.
  std::span<const uint8_t> Finish(uint32_t sequence);

 private:
  NetlinkRequest& Append(const void* data, size_t bytes);
  std::vector<uint8_t> bytes_;
};

// A received attribute; `type` without its flag bits.
struct NetlinkAttribute {
  uint16_t type;
  std::span<const uint8_t> value;

  template <typename T>
  T As() const {
    T result{};
    if (!value.empty()) {
      std::memcpy(&result, value.data(), std::min(sizeof result, value.size()));
    }
    return result;
  }
  std::string_view text() const;  // without its NUL
};

// The attributes of `bytes`; stops at the first that is malformed.
std::vector<NetlinkAttribute> ParseAttributes(std::span<const uint8_t> bytes);

// A received message: type and what follows the netlink header.
struct NetlinkMessage {
  uint16_t type;
  std::span<const uint8_t> payload;

  // The family's own header; nullptr if the message is shorter.
  template <typename Header>
  const Header* As() const {
    return payload.size() < sizeof(Header) ? nullptr
                                           : reinterpret_cast<const Header*>(payload.data());
  }
  template <typename Header>
  std::vector<NetlinkAttribute> AttributesAfter() const {
    return ParseAttributes(payload.subspan(std::min(payload.size(), NLMSG_ALIGN(sizeof(Header)))));
  }
};

class NetlinkSocket {
 public:
  // Listens to the multicast `groups` (RTNLGRP_*), without blocking, if there are any.
  static absl::StatusOr<NetlinkSocket> Open(std::span<const int> groups = {});

  int fd() const { return fd_.get(); }

  // Returns the kernel's answer as an errno, 0 for success.
  int Execute(NetlinkRequest request);
  // Calls `visit` for each object of a dump; an errno, 0 for success.
  int Dump(NetlinkRequest request, const std::function<void(const NetlinkMessage&)>& visit);
  // Takes what has arrived, without waiting; true if there was anything (lost messages count).
  bool Drain();

 private:
  explicit NetlinkSocket(core::Fd fd) : fd_(std::move(fd)) {}
  int Converse(NetlinkRequest& request, const std::function<void(const NetlinkMessage&)>* visit);

  core::Fd fd_;
  uint32_t sequence_ = 0;
};

}  // namespace sluice::packet
