/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What ARP and NDP have in common: may this node answer for the VIP, here and now; and what to do
 * with somebody else's claim to it. Nothing about a VIP ever reaches the kernel.
 */
#pragma once

#include "bpf/frame.h"
#include "bpf/verdict.h"

/* A frame that came in, and its device once it is known to concern a VIP. */
struct arrival {
	struct cursor cursor;
	__u32 ifindex;
	const struct device_entry *device; /* NULL: not described by user space: silent */
};

/* Rates in kernel ticks, which only user space knows. Set before the programs are loaded. */
const volatile __u32 millitokens_per_tick = 3600;
const volatile __u32 millitokens_max = 100000;
const volatile __u32 claim_gap_ticks = 250;

static __always_inline const struct device_entry *find_device(__u32 ifindex)
{
	__u32 slot = ifindex % DEVICE_SLOTS;
	const struct device_entry *device = bpf_map_lookup_elem(&devices, &slot);

	return device && device->ifindex == ifindex ? device : NULL;
}

/*
 * Whether a frame to this MAC is for the kernel's ears at all: a unicast to another machine, seen
 * by a promiscuous device, is not. A device that is not described yet hears all. Finds the device.
 */
static __always_inline bool is_for_us(struct arrival *arrival, const struct ethhdr *eth)
{
	const struct device_entry *device = find_device(arrival->ifindex);

	arrival->device = device;
	return !device || is_group_mac(eth->h_dest) || same_mac(eth->h_dest, device->mac);
}

enum ownership {
	OWNED_ELSEWHERE = 0,
	OWNED_UNTIL_NOW = 1, /* by us, but the deadline has passed */
	OWNED_HERE = 2,
};

/* A function of its own: inlined, it would drive the caller's fate into half of a stack slot. */
static __noinline int ownership(__u32 slot, __u32 flags)
{
	__u64 *until = bpf_map_lookup_elem(&deadlines, &slot);

	if (!(flags & VIP_OWNED) || !until || !*until)
		return OWNED_ELSEWHERE;
	return bpf_jiffies64() < *until ? OWNED_HERE : OWNED_UNTIL_NOW;
}

/* Two requesters may share a bucket: what an attacker gains by that he has by forging a MAC. */
static __always_inline bool take_token(const __u8 *mac)
{
	__u32 hash = (*(const __u32 *)mac ^ (__u32)(*(const __u16 *)(mac + 4)) << 12) * 0x9e3779b1u;
	__u32 index = hash >> (32 - REQUESTER_BITS);
	struct requester *requester = bpf_map_lookup_elem(&requesters, &index);
	__u32 now = bpf_jiffies64();
	__u64 tokens;

	if (!requester)
		return false;
	tokens = requester->millitokens;
	if (now != requester->tick) {
		tokens += (__u64)(now - requester->tick) * millitokens_per_tick;
		if (tokens > millitokens_max)
			tokens = millitokens_max;
		requester->tick = now;
	}
	if (tokens < 1000) {
		requester->millitokens = tokens;
		return false;
	}
	requester->millitokens = tokens - 1000;
	return true;
}

/* Judges a request for a VIP: `reply` if this node answers it, else FATE_DROP. */
static __always_inline int judge_request(const struct arrival *arrival, const struct vip_entry *vip,
					 const __u8 *requester, enum fate reply)
{
	const struct device_entry *device = arrival->device;
	int owned;

	if (!device || !(device->bit & vip->devices))
		return verdict(vip->slot, VERDICT_SILENCED, FATE_DROP);
	owned = ownership(vip->slot, vip->flags);
	if (owned == OWNED_ELSEWHERE)
		return verdict(vip->slot, VERDICT_NOT_OWNED, FATE_DROP);
	if (owned == OWNED_UNTIL_NOW)
		return verdict(vip->slot, VERDICT_EXPIRED, FATE_DROP);
	if (is_group_mac(requester)) /* an answer to a group would multiply */
		return verdict(vip->slot, VERDICT_MALFORMED, FATE_DROP);
	if (!take_token(requester))
		return verdict(vip->slot, VERDICT_RATE_LIMITED, FATE_DROP);
	return verdict(vip->slot,
		       reply == FATE_REPLY_ARP ? VERDICT_ARP_ANSWERED : VERDICT_NDP_ANSWERED,
		       reply);
}

/* Tells user space, once a gap and VIP: a flood of claims must not keep the agent busy. */
static __always_inline void report_claim(__u32 slot, __u32 ifindex,
					 const struct packet_address *address, const __u8 *claimant)
{
	__u64 *gate = bpf_map_lookup_elem(&claim_gates, &slot);
	__u64 now = bpf_jiffies64();
	struct claim_event *event;

	if (!gate || now < *gate)
		return;
	*gate = now + claim_gap_ticks;
	event = bpf_ringbuf_reserve(&claims, sizeof(*event), 0);
	if (!event)
		return;
	event->address = *address;
	event->ifindex = ifindex;
	copy_mac(event->claimant, claimant);
	event->zero[0] = event->zero[1] = 0;
	bpf_ringbuf_submit(event, 0);
}

/* Judges a frame whose sender says that it is `address`, which is the VIP. */
static __always_inline int judge_claim(const struct arrival *arrival, const struct vip_entry *vip,
				       const struct packet_address *address, const __u8 *claimant)
{
	const struct device_entry *device = arrival->device;

	if (!device || !(device->bit & vip->devices))
		return verdict(vip->slot, VERDICT_SILENCED, FATE_DROP);
	if (same_mac(claimant, device->mac))
		return verdict(vip->slot, VERDICT_OWN_ECHO, FATE_DROP);
	if (ownership(vip->slot, vip->flags) != OWNED_HERE)
		return verdict(vip->slot, VERDICT_OTHERS_CLAIM, FATE_DROP);
	report_claim(vip->slot, arrival->ifindex, address, claimant);
	return verdict(vip->slot, VERDICT_FOREIGN_CLAIM, FATE_DROP);
}
