/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ARP (RFC 826, RFC 5227) for VIPs. */
#pragma once

#include "bpf/responder.h"

static __always_inline bool is_ethernet_ipv4(const struct arp_ipv4 *arp)
{
	return (arp->hardware == bpf_htons(ARP_HARDWARE_ETHERNET) ||
		arp->hardware == bpf_htons(ARP_HARDWARE_IEEE802)) &&
	       arp->protocol == bpf_htons(ETH_P_IP) && arp->hardware_bytes == ETH_ALEN &&
	       arp->protocol_bytes == sizeof(arp->sender);
}

/*
 * A request for a VIP (broadcast, unicast or a probe) is answered or dropped; a request or reply
 * that is sent in a VIP's name is a claim. One whose sender and target are both VIPs is taken as
 * a request, but for a gratuitous one.
 */
static __always_inline int judge_arp(struct arrival *arrival, const struct ethhdr *eth)
{
	struct packet_address claimed;
	__be32 sender, target;
	const struct vip_entry *vip;
	struct arp_ipv4 *arp;
	bool is_request;

	if (!parse_arp(&arrival->cursor, &arp) || !is_ethernet_ipv4(arp))
		return FATE_PASS;
	is_request = arp->operation == bpf_htons(ARP_REQUEST);
	if (!is_request && arp->operation != bpf_htons(ARP_REPLY))
		return FATE_PASS;

	sender = arp->sender;
	target = arp->target;
	if (is_request && sender != target && (vip = bpf_map_lookup_elem(&vips4, &target))) {
		if (!is_for_us(arrival, eth))
			return FATE_PASS;
		return judge_request(arrival, vip, eth->h_source, FATE_REPLY_ARP);
	}
	vip = bpf_map_lookup_elem(&vips4, &sender);
	if (!vip || !is_for_us(arrival, eth))
		return FATE_PASS;
	claimed = mapped(sender);
	return judge_claim(arrival, vip, &claimed, arp->sender_mac);
}

/*
 * Turns the request into its answer. The Ethernet destination is the frame's own source, not the
 * sender that the message names, so that no third machine can be made a target.
 */
static __always_inline bool write_arp_reply(struct cursor cursor, const __u8 *our_mac)
{
	struct ethhdr *eth;
	struct arp_ipv4 *arp;
	__be32 vip;

	if (!parse_eth(&cursor, &eth) || !parse_arp(&cursor, &arp))
		return false;
	copy_mac(eth->h_dest, eth->h_source);
	copy_mac(eth->h_source, our_mac);
	vip = arp->target;
	arp->hardware = bpf_htons(ARP_HARDWARE_ETHERNET);
	arp->operation = bpf_htons(ARP_REPLY);
	copy_mac(arp->target_mac, arp->sender_mac);
	arp->target = arp->sender;
	copy_mac(arp->sender_mac, our_mac);
	arp->sender = vip;
	return true;
}
