#include "tests/bpf/frames.h"

#include <span>

#include "absl/log/check.h"
#include "absl/strings/str_format.h"

namespace sluice::packet {
namespace {

class Writer {
 public:
  explicit Writer(Frame& frame) : frame_(frame) {}
  Writer& Bytes(std::span<const uint8_t> bytes) {
    frame_.insert(frame_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Writer& U8(uint8_t value) { return Bytes({&value, 1}); }
  Writer& U16(uint16_t value) { return U8(value >> 8).U8(value & 0xff); }
  Writer& U32(uint32_t value) { return U16(value >> 16).U16(value & 0xffff); }
  Writer& Mac(std::string_view text) { return Bytes(MacAddress::Parse(text).value().bytes); }
  Writer& Ip4(std::string_view text) { return Bytes(IpAddress::Parse(text).value().v4()); }
  Writer& Ip6(std::string_view text) { return Bytes(IpAddress::Parse(text).value().bytes); }

 private:
  Frame& frame_;
};

uint16_t Checksum(std::span<const uint8_t> bytes, uint32_t sum) {
  for (size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace

Frame ArpFrame(const ArpFields& fields) {
  Frame frame;
  Writer(frame)
      .Mac(fields.to)
      .Mac(fields.from)
      .U16(fields.ether_type)
      .U16(fields.hardware)
      .U16(fields.protocol)
      .U8(fields.hardware_bytes)
      .U8(fields.protocol_bytes)
      .U16(fields.operation)
      .Mac(fields.sender_mac)
      .Ip4(fields.sender)
      .Mac(fields.target_mac)
      .Ip4(fields.target);
  frame.resize(frame.size() + fields.padding);
  return frame;
}

Frame NdpFrame(const NdpFields& fields) {
  Frame frame;
  const auto length = static_cast<uint16_t>(24 + fields.options.size() + fields.length_error);
  Writer(frame)
      .Mac(fields.to)
      .Mac(fields.from)
      .U16(0x86dd)
      .U32(fields.first_word)
      .U16(length)
      .U8(fields.next_header)
      .U8(fields.hop_limit)
      .Ip6(fields.source)
      .Ip6(fields.destination)
      .U8(fields.type)
      .U8(fields.code)
      .U16(0)
      .U32(fields.flags)
      .Ip6(fields.target)
      .Bytes(fields.options);
  const int checksum = Checksum(std::span(frame).subspan(14 + 8), length + 58);
  const auto wrong = static_cast<uint16_t>(checksum + fields.checksum_error);
  frame[56] = wrong >> 8;
  frame[57] = wrong & 0xff;
  frame.resize(frame.size() + fields.padding);
  return frame;
}

Frame Tagged(const Frame& frame, uint16_t vlan) {
  Frame tagged(frame.begin(), frame.begin() + 12);
  Writer(tagged).U16(0x8100).U16(vlan).Bytes(std::span(frame).subspan(12));
  return tagged;
}

std::string Hex(const Frame& frame) {
  std::string text;
  for (size_t i = 0; i < frame.size(); ++i) {
    absl::StrAppendFormat(&text, "%02x%s", frame[i], i % 2 == 1 ? " " : "");
  }
  return text;
}

}  // namespace sluice::packet
