/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the node's own kernel says on the LAN in a VIP's name. To resolve a client it asks "who
 * has CLIENT, tell VIP" when it answers from a VIP (arp_solicit takes the packet's source, which
 * the AnyIP route made local). That would turn the client's neighbour entry for the VIP to this
 * node, owner or not.
 */
#pragma once

#include "bpf/arp.h"
#include "bpf/ndp.h"

/*
 * The request goes out in the node's own name. Without an own address its sender becomes 0.0.0.0,
 * which is answered as a probe. Gratuitous requests (sender is target) are announcements: ours.
 */
static __always_inline void mend_arp(struct cursor cursor, __u32 ifindex)
{
	const struct device_entry *device;
	const struct vip_entry *vip;
	struct arp_ipv4 *arp;
	__be32 sender;

	if (!parse_arp(&cursor, &arp) || arp->operation != bpf_htons(ARP_REQUEST) ||
	    arp->sender == arp->target)
		return;
	sender = arp->sender;
	vip = bpf_map_lookup_elem(&vips4, &sender);
	if (!vip)
		return;
	device = find_device(ifindex);
	arp->sender = device ? device->address_v4 : 0;
	verdict(vip->slot, VERDICT_SENDER_REWRITTEN, FATE_PASS);
}

/*
 * The kernel solicits from an address of the device or its link-local one, so a solicitation from
 * a VIP means that somebody gave the VIP to a device. Rewriting would need another source and
 * option; dropped, the kernel's next try is no better, and the counter shows it.
 */
static __always_inline int judge_own_ndp(struct cursor cursor)
{
	struct neighbour_message *message;
	struct packet_address source;
	const struct vip_entry *vip;
	struct ipv6hdr *ip;

	if (!parse_ipv6(&cursor, &ip) || ip->nexthdr != IPPROTO_ICMPV6)
		return FATE_PASS;
	if (!parse_neighbour(&cursor, &message) || message->type != NEIGHBOUR_SOLICITATION)
		return FATE_PASS;
	__builtin_memcpy(&source, &ip->saddr, sizeof(source));
	vip = bpf_map_lookup_elem(&vips6, &source);
	if (!vip)
		return FATE_PASS;
	return verdict(vip->slot, VERDICT_SENDER_DROPPED, FATE_DROP);
}
