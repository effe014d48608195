#include "tests/bpf/model.h"

#include <algorithm>
#include <array>
#include <span>

#include "tests/bpf/frames.h"

namespace sluice::packet {
namespace {

uint16_t U16(const Frame& frame, size_t at) { return frame[at] << 8 | frame[at + 1]; }

MacAddress MacAt(const Frame& frame, size_t at) {
  MacAddress mac;
  std::copy_n(frame.begin() + at, 6, mac.bytes.begin());
  return mac;
}

IpAddress Ip4At(const Frame& frame, size_t at) {
  return IpAddress::FromV4({frame[at], frame[at + 1], frame[at + 2], frame[at + 3]});
}

IpAddress Ip6At(const Frame& frame, size_t at) {
  IpAddress address;
  std::copy_n(frame.begin() + at, 16, address.bytes.begin());
  return address;
}

void Put(Frame& frame, size_t at, std::span<const uint8_t> bytes) {
  std::ranges::copy(bytes, frame.begin() + at);
}

// IPv6 only: there an IPv4-mapped address is nobody's.
const ModelVip* Find(const World& world, const IpAddress& address, bool v4) {
  const auto found = std::ranges::find(world.vips, address, &ModelVip::address);
  return found == world.vips.end() || found->address.is_v4() != v4 ? nullptr : &*found;
}

Prediction Pass(const Frame& frame) { return {{Fate::kPass, frame}, std::nullopt}; }
Prediction Drop(const Frame& frame, verdict_reason reason) {
  return {{Fate::kDrop, frame}, reason};
}

bool IsHeard(const World& world, const Frame& frame) {
  return (frame[0] & 1) || MacAt(frame, 0) == world.mac;
}

std::optional<verdict_reason> WhyNotAnswered(const ModelVip& vip, const Frame& frame) {
  if (!vip.announced_here) return VERDICT_SILENCED;
  if (!vip.owned) return VERDICT_NOT_OWNED;
  if (frame[6] & 1) return VERDICT_MALFORMED;
  return std::nullopt;
}

Prediction Claim(const World& world, const ModelVip& vip, const MacAddress& by,
                 const Frame& frame) {
  if (!vip.announced_here) return Drop(frame, VERDICT_SILENCED);
  if (by == world.mac) return Drop(frame, VERDICT_OWN_ECHO);
  return Drop(frame, vip.owned ? VERDICT_FOREIGN_CLAIM : VERDICT_OTHERS_CLAIM);
}

bool IsSoundArp(const Frame& frame) {
  return frame.size() >= 42 && U16(frame, 12) == 0x0806 &&
         (U16(frame, 14) == 1 || U16(frame, 14) == 6) && U16(frame, 16) == 0x0800 &&
         frame[18] == 6 && frame[19] == 4;
}

Prediction PredictArp(const World& world, const Frame& frame) {
  if (!IsSoundArp(frame)) return Pass(frame);
  const uint16_t operation = U16(frame, 20);
  const IpAddress sender = Ip4At(frame, 28), target = Ip4At(frame, 38);
  if (operation != 1 && operation != 2) return Pass(frame);
  const ModelVip* asked = operation == 1 && sender != target ? Find(world, target, true) : nullptr;
  const ModelVip* claimed = Find(world, sender, true);
  if ((asked == nullptr && claimed == nullptr) || !IsHeard(world, frame)) return Pass(frame);
  if (asked == nullptr) return Claim(world, *claimed, MacAt(frame, 22), frame);
  if (const auto why = WhyNotAnswered(*asked, frame)) return Drop(frame, *why);

  Frame reply = frame;
  Put(reply, 0, MacAt(frame, 6).bytes);
  Put(reply, 6, world.mac.bytes);
  Put(reply, 14, std::array<uint8_t, 2>{0, 1});
  Put(reply, 20, std::array<uint8_t, 2>{0, 2});
  Put(reply, 22, world.mac.bytes);
  Put(reply, 28, target.v4());
  Put(reply, 32, MacAt(frame, 22).bytes);
  Put(reply, 38, sender.v4());
  return {{Fate::kReply, reply}, VERDICT_ARP_ANSWERED};
}

// RFC 4861 7.1.1, 7.1.2 and 4.6; of the options only their form matters.
std::optional<verdict_reason> NdpFault(const Frame& frame, bool solicitation) {
  const size_t length = U16(frame, 18);
  const IpAddress source = Ip6At(frame, 22), destination = Ip6At(frame, 38);
  const IpAddress target = Ip6At(frame, 62);
  const bool from_nobody = source == IpAddress{};
  if (frame[21] != 255 || frame[55] != 0) return VERDICT_MALFORMED;
  if (length < 24 || length % 8 != 0 || length > 24 + 4 * 8) return VERDICT_MALFORMED;
  if (frame.size() < 54 + length) return VERDICT_MALFORMED;
  for (size_t at = 78; at < 54 + length; at += frame[at + 1] * 8) {
    if (frame[at + 1] == 0 || at + frame[at + 1] * 8 > 54 + length) return VERDICT_MALFORMED;
    if (solicitation && from_nobody && frame[at] == 1) return VERDICT_MALFORMED;
  }
  uint32_t sum = static_cast<uint32_t>(length) + 58;
  for (size_t at = 22; at < 54 + length; at += 2) sum += U16(frame, at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  if (sum != 0xffff) return VERDICT_BAD_CHECKSUM;
  const IpAddress group{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, target.bytes[13],
                         target.bytes[14], target.bytes[15]}};
  if (solicitation && destination != group && (from_nobody || destination != target)) {
    return VERDICT_MALFORMED;
  }
  return std::nullopt;
}

Frame Advertisement(const World& world, const Frame& solicitation) {
  const IpAddress source = Ip6At(solicitation, 22);
  const bool from_nobody = source == IpAddress{};
  const std::string to = MacAt(solicitation, 6).ToString(), mac = world.mac.ToString();
  const std::string target = Ip6At(solicitation, 62).ToString(), asker = source.ToString();
  std::vector<uint8_t> option = {2, 1};
  option.insert(option.end(), world.mac.bytes.begin(), world.mac.bytes.end());
  return NdpFrame({.to = from_nobody ? "33:33:00:00:00:01" : std::string_view(to),
                   .from = mac,
                   .source = target,
                   .destination = from_nobody ? "ff02::1" : std::string_view(asker),
                   .type = 136,
                   .flags = from_nobody ? 0x20000000u : 0x60000000u,
                   .target = target,
                   .options = option});
}

Prediction PredictNdp(const World& world, const Frame& frame) {
  if (frame.size() < 78 || frame[20] != 58) return Pass(frame);
  if (frame[54] != 135 && frame[54] != 136) return Pass(frame);
  const bool solicitation = frame[54] == 135;
  const ModelVip* target = Find(world, Ip6At(frame, 62), false);
  const ModelVip* source = solicitation ? Find(world, Ip6At(frame, 22), false) : nullptr;
  if ((target == nullptr && source == nullptr) || !IsHeard(world, frame)) return Pass(frame);
  if (const auto fault = NdpFault(frame, solicitation)) return Drop(frame, *fault);
  if (!solicitation) return Claim(world, *target, MacAt(frame, 6), frame);
  if (target == nullptr) return Claim(world, *source, MacAt(frame, 6), frame);
  if (const auto why = WhyNotAnswered(*target, frame)) return Drop(frame, *why);
  return {{Fate::kReply, Advertisement(world, frame)}, VERDICT_NDP_ANSWERED};
}

}  // namespace

World ModelWorld() {
  const auto ip = [](std::string_view text) { return IpAddress::Parse(text).value(); };
  return {.mac = MacAddress::Parse("02:00:00:00:00:0a").value(),
          .address = ip("192.168.0.10"),
          .vips = {{ip("192.168.0.200"), true, true},
                   {ip("192.168.0.201"), false, true},
                   {ip("192.168.0.202"), true, false},
                   {ip("2001:db8::200"), true, true},
                   {ip("2001:db8::201"), false, true}}};
}

Prediction PredictIngress(const World& world, const Frame& frame) {
  if (frame.size() < 14) return Pass(frame);
  if (U16(frame, 12) == 0x0806) return PredictArp(world, frame);
  if (U16(frame, 12) == 0x86dd) return PredictNdp(world, frame);
  return Pass(frame);
}

Prediction PredictEgress(const World& world, const Frame& frame) {
  if (frame.size() >= 42 && U16(frame, 12) == 0x0806) {
    const IpAddress sender = Ip4At(frame, 28);
    if (U16(frame, 20) != 1 || sender == Ip4At(frame, 38) || !Find(world, sender, true)) {
      return Pass(frame);
    }
    Frame mended = frame;
    Put(mended, 28, world.address.v4());
    return {{Fate::kPass, mended}, VERDICT_SENDER_REWRITTEN};
  }
  if (frame.size() >= 78 && U16(frame, 12) == 0x86dd && frame[20] == 58 && frame[54] == 135 &&
      Find(world, Ip6At(frame, 22), false)) {
    return Drop(frame, VERDICT_SENDER_DROPPED);
  }
  return Pass(frame);
}

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  constexpr const char* kNames[] = {"pass", "drop", "reply"};
  return out << kNames[static_cast<int>(outcome.fate)] << " " << Hex(outcome.frame);
}

}  // namespace sluice::packet
