/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading a frame. A cursor walks from header to header; each function checks the bounds of its
 * own header, sets it and advances, or returns false if the frame ends before. Protocol fields are
 * judged by the callers. (No pointer is returned to be tested: without CAP_PERFMON the verifier
 * lets nobody compare a packet pointer with NULL.)
 */
#pragma once

#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

struct cursor {
	void *position;
	void *end;
};

/* RFC 826 for Ethernet and IPv4. <linux/if_arp.h> needs a C library, which BPF has not. */
struct arp_ipv4 {
	__be16 hardware, protocol;
	__u8 hardware_bytes, protocol_bytes;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__be32 sender;
	__u8 target_mac[ETH_ALEN];
	__be32 target;
} __attribute__((packed));

enum {
	ARP_HARDWARE_ETHERNET = 1,
	ARP_HARDWARE_IEEE802 = 6, /* the kernel takes it for Ethernet, so it must not see it */
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
};

/* RFC 4861 4.3, 4.4: neighbour solicitation and advertisement without their options. */
struct neighbour_message {
	__u8 type, code;
	__sum16 checksum;
	__be32 flags;
	struct packet_address target;
};

enum {
	NEIGHBOUR_SOLICITATION = 135,
	NEIGHBOUR_ADVERTISEMENT = 136,
	OPTION_SOURCE_MAC = 1,
	OPTION_TARGET_MAC = 2,
	MAX_OPTION_UNITS = 4, /* of 8 bytes; solicitations in the field have 0 to 2 */
};

/* RFC 4861 4.6: one unit of options; a longer option spans several. */
struct option_unit {
	__u8 type, units;
	__u8 mac[ETH_ALEN];
};

static __always_inline bool parse_eth(struct cursor *cursor, struct ethhdr **eth)
{
	*eth = cursor->position;
	if ((void *)(*eth + 1) > cursor->end)
		return false;
	cursor->position = *eth + 1;
	return true;
}

static __always_inline bool parse_arp(struct cursor *cursor, struct arp_ipv4 **arp)
{
	*arp = cursor->position;
	if ((void *)(*arp + 1) > cursor->end)
		return false;
	cursor->position = *arp + 1;
	return true;
}

static __always_inline bool parse_ipv6(struct cursor *cursor, struct ipv6hdr **ip)
{
	*ip = cursor->position;
	if ((void *)(*ip + 1) > cursor->end)
		return false;
	cursor->position = *ip + 1;
	return true;
}

static __always_inline bool parse_neighbour(struct cursor *cursor,
					    struct neighbour_message **message)
{
	*message = cursor->position;
	if ((void *)(*message + 1) > cursor->end)
		return false;
	cursor->position = *message + 1;
	return true;
}

static __always_inline bool parse_option_unit(struct cursor *cursor, struct option_unit **unit)
{
	*unit = cursor->position;
	if ((void *)(*unit + 1) > cursor->end)
		return false;
	cursor->position = *unit + 1;
	return true;
}

static __always_inline struct packet_address mapped(__be32 v4)
{
	return (struct packet_address){{0, 0, bpf_htonl(0xffff), v4}};
}

static __always_inline bool is_zero(const struct packet_address *address)
{
	return !(address->word[0] | address->word[1] | address->word[2] | address->word[3]);
}

static __always_inline bool same_address(const struct packet_address *a,
					 const struct packet_address *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
	       a->word[3] == b->word[3];
}

static __always_inline bool same_mac(const __u8 *a, const __u8 *b)
{
	return *(const __u32 *)a == *(const __u32 *)b &&
	       *(const __u16 *)(a + 4) == *(const __u16 *)(b + 4);
}

/* In two words; __builtin_memcpy would go by bytes, because headers are packed. */
static __always_inline void copy_mac(__u8 *to, const __u8 *from)
{
	*(__u32 *)to = *(const __u32 *)from;
	*(__u16 *)(to + 4) = *(const __u16 *)(from + 4);
}

static __always_inline bool is_group_mac(const __u8 *mac)
{
	return mac[0] & 1;
}
