/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IPv6 neighbour discovery (RFC 4861, RFC 4862) for VIPs. A message behind extension headers
 * passes: the kernel does not answer for an address that is only a local route (ndisc_recv_ns
 * wants one of the device's own), and fragmented ones are void anyhow (RFC 6980).
 */
#pragma once

#include "bpf/checksum.h"
#include "bpf/responder.h"

enum {
	HOP_LIMIT_ON_LINK = 255,
	NA_SOLICITED = 0x40000000,
	NA_OVERRIDE = 0x20000000,
	NA_FRAME_BYTES = sizeof(struct ethhdr) + sizeof(struct ipv6hdr) +
			 sizeof(struct neighbour_message) + sizeof(struct option_unit),
	MESSAGE_SOUND = -1,
};

/* ff02::1:ffXX:XXXX of the target (RFC 4291 2.7.1). */
static __always_inline bool is_solicited_node_of(const struct packet_address *group,
						 const struct packet_address *target)
{
	return group->word[0] == bpf_htonl(0xff020000) && !group->word[1] &&
	       group->word[2] == bpf_htonl(1) &&
	       group->word[3] == (target->word[3] | bpf_htonl(0xff000000));
}

/* Options on the way through, unit by unit. */
struct option_walk {
	struct cursor cursor;
	__u64 sum;
	__u32 units;	       /* still to come */
	__u32 units_of_option; /* of them, those of the option that was begun */
	bool from_nobody;      /* a DAD probe, which must not name a source MAC */
};

/* Sums the next unit, if there is one; false if the options are malformed. */
static __always_inline bool take_unit(struct option_walk *walk)
{
	struct option_unit *unit;

	if (!walk->units)
		return true;
	if (!parse_option_unit(&walk->cursor, &unit))
		return false;
	walk->sum += sum_unit(unit);
	walk->units--;
	if (walk->units_of_option) {
		walk->units_of_option--;
		return true;
	}
	if (!unit->units || (walk->from_nobody && unit->type == OPTION_SOURCE_MAC))
		return false;
	walk->units_of_option = unit->units - 1;
	return true;
}

/* A solicitation goes to the target or to its group; one from :: to the group alone. */
static __always_inline bool is_addressed_well(const struct packet_address *source,
					      const struct packet_address *destination,
					      const struct packet_address *target)
{
	return is_solicited_node_of(destination, target) ||
	       (!is_zero(source) && same_address(destination, target));
}

/* RFC 4861 7.1: MESSAGE_SOUND, or the reason to drop it. */
static __always_inline int find_fault(struct cursor cursor, const struct ipv6hdr *ip,
				      const struct neighbour_message *message)
{
	const struct packet_address *source = (const void *)&ip->saddr;
	const struct packet_address *destination = (const void *)&ip->daddr;
	bool is_solicitation = message->type == NEIGHBOUR_SOLICITATION;
	__u32 option_bytes = bpf_ntohs(ip->payload_len) - sizeof(*message);
	struct option_walk walk = {
		.cursor = cursor,
		.sum = sum_pseudo_header(ip) + sum_message(message),
		.units = option_bytes / sizeof(struct option_unit),
		.from_nobody = is_solicitation && is_zero(source),
	};

	if (ip->hop_limit != HOP_LIMIT_ON_LINK || message->code != 0 ||
	    option_bytes % sizeof(struct option_unit) || walk.units > MAX_OPTION_UNITS)
		return VERDICT_MALFORMED;
	/* No loop: without CAP_PERFMON the verifier (6.18) follows a mispredicted one for ever. */
	if (!take_unit(&walk) || !take_unit(&walk) || !take_unit(&walk) || !take_unit(&walk) ||
	    walk.units || walk.units_of_option)
		return VERDICT_MALFORMED;
	if (fold(walk.sum) != 0xffff)
		return VERDICT_BAD_CHECKSUM;
	if (is_solicitation && !is_addressed_well(source, destination, &message->target))
		return VERDICT_MALFORMED;
	return MESSAGE_SOUND;
}

static __always_inline bool is_neighbour_message(const struct neighbour_message *message)
{
	return message->type == NEIGHBOUR_SOLICITATION || message->type == NEIGHBOUR_ADVERTISEMENT;
}

/*
 * A solicitation for a VIP is answered or dropped, from :: (a DAD probe) too. An advertisement
 * for a VIP is a claim, and so is a solicitation from one; the claimant is the frame's source.
 */
static __always_inline int judge_ndp(struct arrival *arrival, const struct ethhdr *eth)
{
	struct neighbour_message *message;
	struct packet_address subject;
	const struct vip_entry *vip;
	struct ipv6hdr *ip;
	bool is_request;
	int fault;

	if (!parse_ipv6(&arrival->cursor, &ip) || ip->nexthdr != IPPROTO_ICMPV6)
		return FATE_PASS;
	if (!parse_neighbour(&arrival->cursor, &message) || !is_neighbour_message(message))
		return FATE_PASS;
	is_request = message->type == NEIGHBOUR_SOLICITATION;
	subject = message->target;
	vip = bpf_map_lookup_elem(&vips6, &subject);
	if (!vip && is_request) {
		is_request = false;
		__builtin_memcpy(&subject, &ip->saddr, sizeof(subject));
		vip = bpf_map_lookup_elem(&vips6, &subject);
	}
	if (!vip || !is_for_us(arrival, eth))
		return FATE_PASS;
	fault = find_fault(arrival->cursor, ip, message);
	if (fault == VERDICT_BAD_CHECKSUM)
		return verdict(vip->slot, VERDICT_BAD_CHECKSUM, FATE_DROP);
	if (fault == VERDICT_MALFORMED)
		return verdict(vip->slot, VERDICT_MALFORMED, FATE_DROP);
	if (is_request)
		return judge_request(arrival, vip, eth->h_source, FATE_REPLY_NDP);
	return judge_claim(arrival, vip, &subject, eth->h_source);
}

/* 33:33 and the address's last 4 bytes (RFC 2464 7), for ff02::1. */
static __always_inline void set_all_nodes_mac(__u8 *mac)
{
	*(__be16 *)mac = bpf_htons(0x3333);
	*(__be32 *)(mac + 2) = bpf_htonl(1);
}

/* Turns the solicitation, already resized to NA_FRAME_BYTES, into its advertisement. */
static __always_inline bool write_advert(struct cursor cursor, const __u8 *our_mac)
{
	struct packet_address *source, *destination;
	struct neighbour_message *message;
	struct option_unit *option;
	struct ipv6hdr *ip;
	struct ethhdr *eth;

	if (!parse_eth(&cursor, &eth) || !parse_ipv6(&cursor, &ip) ||
	    !parse_neighbour(&cursor, &message) || !parse_option_unit(&cursor, &option))
		return false;
	source = (void *)&ip->saddr;
	destination = (void *)&ip->daddr;
	if (is_zero(source)) { /* a DAD probe has no address to answer to: RFC 4861 7.2.4 */
		*destination = (struct packet_address){{bpf_htonl(0xff020000), 0, 0, bpf_htonl(1)}};
		set_all_nodes_mac(eth->h_dest);
		message->flags = bpf_htonl(NA_OVERRIDE);
	} else {
		*destination = *source;
		copy_mac(eth->h_dest, eth->h_source);
		message->flags = bpf_htonl(NA_OVERRIDE | NA_SOLICITED);
	}
	*source = message->target;
	copy_mac(eth->h_source, our_mac);
	*(__be32 *)ip = bpf_htonl(0x60000000); /* version 6, no class, no flow label */
	ip->payload_len = bpf_htons(sizeof(*message) + sizeof(*option));
	ip->hop_limit = HOP_LIMIT_ON_LINK;
	message->type = NEIGHBOUR_ADVERTISEMENT;
	message->checksum = 0;
	option->type = OPTION_TARGET_MAC;
	option->units = 1;
	copy_mac(option->mac, our_mac);
	message->checksum = ~fold(sum_pseudo_header(ip) + sum_message(message) + sum_unit(option));
	return true;
}
