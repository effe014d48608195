#include "dataplane/packet/announcement.h"

#include <algorithm>
#include <array>
#include <span>

namespace sluice::packet {
namespace {

constexpr std::array<absl::Duration, 4> kBurst = {absl::ZeroDuration(), absl::Milliseconds(50),
                                                  absl::Milliseconds(200), absl::Seconds(1)};
constexpr absl::Duration kRefresh = absl::Seconds(30);
constexpr absl::Duration kDefendInterval = absl::Seconds(10);

constexpr MacAddress kBroadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
constexpr MacAddress kAllNodesMac = {{0x33, 0x33, 0, 0, 0, 1}};
constexpr IpAddress kAllNodes = {{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
constexpr uint8_t kArpRequest = 1, kArpReply = 2;
constexpr uint8_t kNextHeaderIcmpv6 = 58;
constexpr size_t kIpv6Header = 14, kMessage = kIpv6Header + 40;

void Append(Frame& frame, std::span<const uint8_t> bytes) {
  frame.insert(frame.end(), bytes.begin(), bytes.end());
}

void Append(Frame& frame, std::initializer_list<uint8_t> bytes) {
  frame.insert(frame.end(), bytes.begin(), bytes.end());
}

Frame GratuitousArp(uint8_t operation, const IpAddress& vip, const MacAddress& mac) {
  Frame frame;
  Append(frame, kBroadcast.bytes);
  Append(frame, mac.bytes);
  Append(frame, {0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, operation});
  Append(frame, mac.bytes);
  Append(frame, vip.v4());
  Append(frame, operation == kArpReply ? mac.bytes : MacAddress{}.bytes);
  Append(frame, vip.v4());
  return frame;
}

uint16_t Checksum(std::span<const uint8_t> bytes, uint32_t sum) {
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) sum += bytes[i] << 8 | bytes[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

Frame UnsolicitedAdvert(const IpAddress& vip, const MacAddress& mac) {
  constexpr uint8_t kLength = 32;
  Frame frame;
  Append(frame, kAllNodesMac.bytes);
  Append(frame, mac.bytes);
  Append(frame, {0x86, 0xdd, 0x60, 0, 0, 0, 0, kLength, kNextHeaderIcmpv6, 255});
  Append(frame, vip.bytes);
  Append(frame, kAllNodes.bytes);
  Append(frame, {136, 0, 0, 0, 0x20, 0, 0, 0});  // Override, not Solicited
  Append(frame, vip.bytes);
  Append(frame, {2, 1});  // target link-layer address
  Append(frame, mac.bytes);
  // The pseudo header's sum is that of the addresses, the length and the next header.
  const uint16_t checksum =
      Checksum(std::span(frame).subspan(kIpv6Header + 8), kLength + kNextHeaderIcmpv6);
  frame[kMessage + 2] = checksum >> 8;
  frame[kMessage + 3] = checksum & 0xff;
  return frame;
}

}  // namespace

std::vector<Frame> AnnouncementFrames(const IpAddress& vip, const MacAddress& mac) {
  if (!vip.is_v4()) return {UnsolicitedAdvert(vip, mac)};
  return {GratuitousArp(kArpRequest, vip, mac), GratuitousArp(kArpReply, vip, mac)};
}

void AnnouncementSchedule::TakeOver(const Announcement& announcement, absl::Time now) {
  entries_.try_emplace(announcement, Entry{.begin = now, .due = now});
}

void AnnouncementSchedule::Adopt(const Announcement& announcement, absl::Time now) {
  entries_.try_emplace(announcement,
                       Entry{.begin = now, .step = kBurst.size(), .due = now + kRefresh});
}

void AnnouncementSchedule::Defend(const Announcement& announcement, absl::Time now) {
  const auto found = entries_.find(announcement);
  if (found == entries_.end() || now - found->second.defended < kDefendInterval) return;
  found->second.defended = now;
  found->second.due = std::min(found->second.due, now);
}

void AnnouncementSchedule::Stop(const Announcement& announcement) { entries_.erase(announcement); }

std::vector<Announcement> AnnouncementSchedule::All() const {
  std::vector<Announcement> all;
  for (const auto& [announcement, entry] : entries_) all.push_back(announcement);
  return all;
}

void AnnouncementSchedule::Advance(Entry& entry, absl::Time now) {
  while (entry.step < kBurst.size() && entry.begin + kBurst[entry.step] <= now) ++entry.step;
  entry.due = entry.step < kBurst.size() ? entry.begin + kBurst[entry.step] : now + kRefresh;
}

std::vector<Announcement> AnnouncementSchedule::TakeDue(absl::Time now) {
  std::vector<Announcement> due;
  for (auto& [announcement, entry] : entries_) {
    if (entry.due > now) continue;
    due.push_back(announcement);
    Advance(entry, now);
  }
  return due;
}

absl::Time AnnouncementSchedule::Next() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [announcement, entry] : entries_) next = std::min(next, entry.due);
  return next;
}

}  // namespace sluice::packet
