/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The Internet checksum (RFC 1071) of ICMPv6 with its pseudo header (RFC 8200 8.1). */
#pragma once

#include "bpf/frame.h"

/* Ones' complement sum in 64 bits, folded at the end: byte order does not matter. */
static __always_inline __u64 sum_address(const struct packet_address *address)
{
	return (__u64)address->word[0] + address->word[1] + address->word[2] + address->word[3];
}

static __always_inline __u64 sum_pseudo_header(const struct ipv6hdr *ip)
{
	return sum_address((const void *)&ip->saddr) + sum_address((const void *)&ip->daddr) +
	       bpf_htonl(bpf_ntohs(ip->payload_len)) + bpf_htonl(IPPROTO_ICMPV6);
}

static __always_inline __u64 sum_message(const struct neighbour_message *message)
{
	const __be32 *words = (const void *)message;

	return (__u64)words[0] + words[1] + sum_address(&message->target);
}

static __always_inline __u64 sum_unit(const struct option_unit *unit)
{
	const __be32 *words = (const void *)unit;

	return (__u64)words[0] + words[1];
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}
