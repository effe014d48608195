#include "tests/bpf/rows.h"

#include "tests/bpf/frames.h"

namespace sluice::packet {
namespace {

constexpr std::string_view kOurs = "02:00:00:00:00:0a";
constexpr std::string_view kThem = "02:00:00:00:00:0c";
constexpr std::string_view kThird = "02:00:00:00:00:0d";
constexpr std::nullopt_t kNothing = std::nullopt;

// The answer to a request with defaults but for these.
ArpFields Reply() {
  return {.to = kThem,
          .from = kOurs,
          .operation = 2,
          .sender_mac = kOurs,
          .sender = "192.168.0.200",
          .target_mac = kThem,
          .target = "192.168.0.99"};
}

ArpFields ReplyTo(std::string_view asker) {
  ArpFields reply = Reply();
  reply.target = asker;
  return reply;
}

NdpFields Advert() {
  return {.to = kThem,
          .from = kOurs,
          .source = "2001:db8::200",
          .destination = "2001:db8::99",
          .type = 136,
          .flags = 0x60000000,
          .options = {2, 1, 2, 0, 0, 0, 0, 0x0a}};
}

NdpFields AdvertToAll() {
  NdpFields advert = Advert();
  advert.to = "33:33:00:00:00:01";
  advert.destination = "ff02::1";
  advert.flags = 0x20000000;
  return advert;
}

// An advertisement of another machine.
NdpFields ForeignAdvert(std::string_view target) {
  return {.to = "33:33:00:00:00:01",
          .source = target,
          .destination = "ff02::1",
          .type = 136,
          .flags = 0x20000000,
          .target = target,
          .options = {2, 1, 2, 0, 0, 0, 0, 0x0c}};
}

const std::vector<uint8_t> kNonce = {14, 1, 1, 2, 3, 4, 5, 6};
const std::vector<uint8_t> kSourceAndNonce = {1, 1, 2, 0, 0, 0, 0, 0x0c, 14, 1, 1, 2, 3, 4, 5, 6};

Frame WithPadding(ArpFields fields, size_t padding) {
  fields.padding = padding;
  return ArpFrame(fields);
}

}  // namespace

std::vector<Row> ArpRows() {
  const Frame reply = ArpFrame(Reply());
  ArpFields reply_to_other_sender = Reply();
  reply_to_other_sender.target_mac = kThird;
  return {
      {"broadcast request", ArpFrame({}), Fate::kReply, VERDICT_ARP_ANSWERED, reply},
      {"unicast request", ArpFrame({.to = kOurs}), Fate::kReply, VERDICT_ARP_ANSWERED, reply},
      {"probe", ArpFrame({.sender = "0.0.0.0"}), Fate::kReply, VERDICT_ARP_ANSWERED,
       ArpFrame(ReplyTo("0.0.0.0"))},
      {"padded to the Ethernet minimum", ArpFrame({.padding = 18}), Fate::kReply,
       VERDICT_ARP_ANSWERED, WithPadding(Reply(), 18)},
      {"IEEE 802 hardware type", ArpFrame({.hardware = 6}), Fate::kReply, VERDICT_ARP_ANSWERED,
       reply},
      {"the message names another sender than the frame", ArpFrame({.sender_mac = kThird}),
       Fate::kReply, VERDICT_ARP_ANSWERED, ArpFrame(reply_to_other_sender)},
      {"asked in another VIP's name", ArpFrame({.sender = "192.168.0.201"}), Fate::kReply,
       VERDICT_ARP_ANSWERED, ArpFrame(ReplyTo("192.168.0.201"))},

      {"for a foreign address", ArpFrame({.target = "192.168.0.7"}), Fate::kPass, kNothing},
      {"unicast to another machine", ArpFrame({.to = kThird}), Fate::kPass, kNothing},
      {"another hardware type", ArpFrame({.hardware = 15}), Fate::kPass, kNothing},
      {"another protocol", ArpFrame({.protocol = 0x86dd}), Fate::kPass, kNothing},
      {"another hardware length", ArpFrame({.hardware_bytes = 8}), Fate::kPass, kNothing},
      {"another protocol length", ArpFrame({.protocol_bytes = 16}), Fate::kPass, kNothing},
      {"RARP operation", ArpFrame({.operation = 3}), Fate::kPass, kNothing},
      {"operation 0", ArpFrame({.operation = 0}), Fate::kPass, kNothing},
      {"operation 0x0100", ArpFrame({.operation = 0x0100}), Fate::kPass, kNothing},
      {"another EtherType", ArpFrame({.ether_type = 0x8035}), Fate::kPass, kNothing},
      {"802.1Q tag", Tagged(ArpFrame({}), 5), Fate::kPass, kNothing},
      {"two tags", Tagged(Tagged(ArpFrame({}), 5), 6), Fate::kPass, kNothing},
      {"reply to a VIP that is not in one's name",
       ArpFrame({.to = kOurs, .operation = 2, .target = "192.168.0.200"}), Fate::kPass, kNothing},

      {"VIP of another node", ArpFrame({.target = "192.168.0.201"}), Fate::kDrop,
       VERDICT_NOT_OWNED},
      {"VIP not announced here", ArpFrame({.target = "192.168.0.202"}), Fate::kDrop,
       VERDICT_SILENCED},
      {"request from a group", ArpFrame({.from = "03:00:00:00:00:0c"}), Fate::kDrop,
       VERDICT_MALFORMED},
      {"gratuitous request", ArpFrame({.sender = "192.168.0.200"}), Fate::kDrop,
       VERDICT_FOREIGN_CLAIM},
      {"gratuitous reply", ArpFrame({.operation = 2, .sender = "192.168.0.200"}), Fate::kDrop,
       VERDICT_FOREIGN_CLAIM},
      {"unicast reply in a VIP's name",
       ArpFrame({.to = kOurs, .operation = 2, .sender = "192.168.0.200", .target = "192.168.0.10"}),
       Fate::kDrop, VERDICT_FOREIGN_CLAIM},
      {"request for another in a VIP's name",
       ArpFrame({.sender = "192.168.0.200", .target = "192.168.0.7"}), Fate::kDrop,
       VERDICT_FOREIGN_CLAIM},
      {"our own announcement comes back",
       ArpFrame({.from = kOurs, .sender_mac = kOurs, .sender = "192.168.0.200"}), Fate::kDrop,
       VERDICT_OWN_ECHO},
      {"the owner's announcement", ArpFrame({.sender = "192.168.0.201", .target = "192.168.0.201"}),
       Fate::kDrop, VERDICT_OTHERS_CLAIM},
      {"claim to a VIP not announced here",
       ArpFrame({.sender = "192.168.0.202", .target = "192.168.0.202"}), Fate::kDrop,
       VERDICT_SILENCED},
  };
}

std::vector<Row> NdpRows() {
  const Frame advert = NdpFrame(Advert()), to_all = NdpFrame(AdvertToAll());
  return {
      {"multicast solicitation", NdpFrame({}), Fate::kReply, VERDICT_NDP_ANSWERED, advert},
      {"unicast solicitation", NdpFrame({.to = kOurs, .destination = "2001:db8::200"}),
       Fate::kReply, VERDICT_NDP_ANSWERED, advert},
      {"without option: the answer grows", NdpFrame({.options = {}}), Fate::kReply,
       VERDICT_NDP_ANSWERED, advert},
      {"with two options: the answer shrinks", NdpFrame({.options = kSourceAndNonce}), Fate::kReply,
       VERDICT_NDP_ANSWERED, advert},
      {"an option of two units",
       NdpFrame({.options = {9, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}}), Fate::kReply,
       VERDICT_NDP_ANSWERED, advert},
      {"padding after the message", NdpFrame({.padding = 12}), Fate::kReply, VERDICT_NDP_ANSWERED,
       advert},
      {"traffic class and flow label", NdpFrame({.first_word = 0x6ff12345}), Fate::kReply,
       VERDICT_NDP_ANSWERED, advert},
      {"DAD probe", NdpFrame({.source = "::", .options = {}}), Fate::kReply, VERDICT_NDP_ANSWERED,
       to_all},
      {"DAD probe with a nonce", NdpFrame({.source = "::", .options = kNonce}), Fate::kReply,
       VERDICT_NDP_ANSWERED, to_all},

      {"for a foreign address",
       NdpFrame({.destination = "ff02::1:ff00:7", .target = "2001:db8::7"}), Fate::kPass, kNothing},
      {"unicast to another machine", NdpFrame({.to = kThird}), Fate::kPass, kNothing},
      {"router solicitation", NdpFrame({.type = 133}), Fate::kPass, kNothing},
      {"redirect", NdpFrame({.type = 137}), Fate::kPass, kNothing},
      {"echo request to the VIP",
       NdpFrame({.to = kOurs, .destination = "2001:db8::200", .type = 128}), Fate::kPass, kNothing},
      {"behind an extension header", NdpFrame({.next_header = 0}), Fate::kPass, kNothing},
      {"a fragment", NdpFrame({.next_header = 44}), Fate::kPass, kNothing},
      {"802.1Q tag", Tagged(NdpFrame({}), 5), Fate::kPass, kNothing},

      {"VIP of another node",
       NdpFrame({.destination = "ff02::1:ff00:201", .target = "2001:db8::201"}), Fate::kDrop,
       VERDICT_NOT_OWNED},
      {"hop limit 254: was routed", NdpFrame({.hop_limit = 254}), Fate::kDrop, VERDICT_MALFORMED},
      {"code 1", NdpFrame({.code = 1}), Fate::kDrop, VERDICT_MALFORMED},
      {"bad checksum", NdpFrame({.checksum_error = 1}), Fate::kDrop, VERDICT_BAD_CHECKSUM},
      {"length shorter than the message", NdpFrame({.options = {}, .length_error = -8}),
       Fate::kDrop, VERDICT_MALFORMED},
      {"length longer than the frame", NdpFrame({.length_error = 8}), Fate::kDrop,
       VERDICT_MALFORMED},
      {"length no multiple of 8", NdpFrame({.length_error = -4}), Fate::kDrop, VERDICT_MALFORMED},
      {"option of no length", NdpFrame({.options = {1, 0, 2, 0, 0, 0, 0, 0x0c}}), Fate::kDrop,
       VERDICT_MALFORMED},
      {"option longer than the message", NdpFrame({.options = {1, 2, 2, 0, 0, 0, 0, 0x0c}}),
       Fate::kDrop, VERDICT_MALFORMED},
      {"too many options", NdpFrame({.options = std::vector<uint8_t>(40, 1)}), Fate::kDrop,
       VERDICT_MALFORMED},
      {"DAD probe that names a source MAC", NdpFrame({.source = "::"}), Fate::kDrop,
       VERDICT_MALFORMED},
      {"DAD probe to the target itself",
       NdpFrame({.source = "::", .destination = "2001:db8::200", .options = {}}), Fate::kDrop,
       VERDICT_MALFORMED},
      {"solicitation to another group", NdpFrame({.destination = "ff02::1"}), Fate::kDrop,
       VERDICT_MALFORMED},
      {"solicitation from a group MAC", NdpFrame({.from = "33:33:00:00:00:01"}), Fate::kDrop,
       VERDICT_MALFORMED},
      {"advertisement for our VIP", NdpFrame(ForeignAdvert("2001:db8::200")), Fate::kDrop,
       VERDICT_FOREIGN_CLAIM},
      {"the owner's advertisement", NdpFrame(ForeignAdvert("2001:db8::201")), Fate::kDrop,
       VERDICT_OTHERS_CLAIM},
      {"our own advertisement comes back", to_all, Fate::kDrop, VERDICT_OWN_ECHO},
      {"solicitation in a VIP's name",
       NdpFrame(
           {.source = "2001:db8::200", .destination = "ff02::1:ff00:7", .target = "2001:db8::7"}),
       Fate::kDrop, VERDICT_FOREIGN_CLAIM},
  };
}

}  // namespace sluice::packet
