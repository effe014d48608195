// Frames for the packet tests: ARP and neighbour discovery, field by field, with defaults that
// make a sound request from the client to the VIP. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/packet/announcement.h"

namespace sluice::packet {

inline constexpr std::string_view kBroadcastMac = "ff:ff:ff:ff:ff:ff";
inline constexpr std::string_view kNoMac = "00:00:00:00:00:00";

struct ArpFields {
  std::string_view to = kBroadcastMac;
  std::string_view from = "02:00:00:00:00:0c";
  uint16_t ether_type = 0x0806;
  uint16_t hardware = 1;
  uint16_t protocol = 0x0800;
  uint8_t hardware_bytes = 6;
  uint8_t protocol_bytes = 4;
  uint16_t operation = 1;
  std::string_view sender_mac = "02:00:00:00:00:0c";
  std::string_view sender = "192.168.0.99";
  std::string_view target_mac = kNoMac;
  std::string_view target = "192.168.0.200";
  size_t padding = 0;
};
Frame ArpFrame(const ArpFields& fields);

struct NdpFields {
  std::string_view to = "33:33:ff:00:02:00";
  std::string_view from = "02:00:00:00:00:0c";
  uint32_t first_word = 0x60000000;
  uint8_t next_header = 58;
  uint8_t hop_limit = 255;
  std::string_view source = "2001:db8::99";
  std::string_view destination = "ff02::1:ff00:200";
  uint8_t type = 135;
  uint8_t code = 0;
  uint32_t flags = 0;
  std::string_view target = "2001:db8::200";
  std::vector<uint8_t> options = {1, 1, 2, 0, 0, 0, 0, 0x0c};  // source link-layer address
  int checksum_error = 0;                                      // added to the right one
  int length_error = 0;  // added to the payload length, before the checksum
  size_t padding = 0;
};
Frame NdpFrame(const NdpFields& fields);

// `frame` with an 802.1Q tag.
Frame Tagged(const Frame& frame, uint16_t vlan);

// "02 00 .." in groups, for messages.
std::string Hex(const Frame& frame);

}  // namespace sluice::packet
