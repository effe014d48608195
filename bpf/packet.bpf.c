// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The programs of the packet path, one a hook. Each is a list of stages; the stages are in the
 * headers, by noun. A frame that does not concern a VIP leaves every one of them untouched.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "bpf/arp.h"
#include "bpf/egress.h"
#include "bpf/ndp.h"
#include "bpf/steer.h"

static __always_inline int judge(struct arrival *arrival)
{
	struct ethhdr *eth;

	if (!parse_eth(&arrival->cursor, &eth))
		return FATE_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_ARP))
		return judge_arp(arrival, eth);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return judge_ndp(arrival, eth);
	return FATE_PASS;
}

static __always_inline struct cursor xdp_cursor(const struct xdp_md *ctx)
{
	return (struct cursor){(void *)(long)ctx->data, (void *)(long)ctx->data_end};
}

/*
 * The fast way in, where the driver has it. A tagged frame passes: it belongs to a VLAN device,
 * and vip_ingress serves that. So does a frame that cannot grow to the size of its answer.
 */
SEC("xdp.frags")
int vip_xdp(struct xdp_md *ctx)
{
	struct arrival arrival = {xdp_cursor(ctx), ctx->ingress_ifindex, NULL};
	bool written = false;

	switch (judge(&arrival)) {
	case FATE_PASS:
		return XDP_PASS;
	case FATE_REPLY_ARP:
		written = write_arp_reply(xdp_cursor(ctx), arrival.device->mac);
		break;
	case FATE_REPLY_NDP:
		if (bpf_xdp_adjust_tail(ctx, NA_FRAME_BYTES - (int)bpf_xdp_get_buff_len(ctx)))
			return XDP_PASS;
		written = write_advert(xdp_cursor(ctx), arrival.device->mac);
		break;
	}
	return written ? XDP_TX : XDP_DROP;
}

static __always_inline struct cursor skb_cursor(const struct __sk_buff *skb)
{
	return (struct cursor){(void *)(long)skb->data, (void *)(long)skb->data_end};
}

/* ARP, or ICMPv6 without extension headers: else nothing needs to be read. */
static __always_inline bool may_concern_vip(const struct __sk_buff *skb)
{
	__u8 next_header;

	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return true;
	return skb->protocol == bpf_htons(ETH_P_IPV6) &&
	       !bpf_skb_load_bytes(skb, sizeof(struct ethhdr) + offsetof(struct ipv6hdr, nexthdr),
				   &next_header, sizeof(next_header)) &&
	       next_header == IPPROTO_ICMPV6;
}

/* A driver may leave all of a frame in fragments: the part that we judge is made linear. */
static __always_inline void make_linear(struct __sk_buff *skb)
{
	__u32 want = NA_FRAME_BYTES + (MAX_OPTION_UNITS - 1) * sizeof(struct option_unit);

	bpf_skb_pull_data(skb, want < skb->len ? want : skb->len);
}

/*
 * On every Ethernet device: keeps VIPs from the kernel, and answers where XDP does not run or let
 * the frame pass (VLAN devices, priority tags). A tagged frame belongs to a VLAN device, which
 * has a filter of its own; but one with VLAN 0 belongs to this one.
 */
SEC("tcx/ingress")
int vip_ingress(struct __sk_buff *skb)
{
	struct arrival arrival = {.ifindex = skb->ifindex};
	bool written = false;

	if (!may_concern_vip(skb) || (skb->vlan_present && skb->vlan_tci & 0xfff))
		return TCX_NEXT;
	make_linear(skb);
	arrival.cursor = skb_cursor(skb);
	switch (judge(&arrival)) {
	case FATE_PASS:
		return TCX_NEXT;
	case FATE_REPLY_ARP:
		written = write_arp_reply(skb_cursor(skb), arrival.device->mac);
		break;
	case FATE_REPLY_NDP:
		if (bpf_skb_change_tail(skb, NA_FRAME_BYTES, 0))
			return TCX_DROP;
		written = write_advert(skb_cursor(skb), arrival.device->mac);
		break;
	}
	return written ? bpf_redirect(skb->ifindex, 0) : TCX_DROP;
}

/* On every Ethernet device: what this node says in a VIP's name. */
SEC("tcx/egress")
int vip_egress(struct __sk_buff *skb)
{
	struct cursor cursor;
	struct ethhdr *eth;

	if (!may_concern_vip(skb))
		return TCX_NEXT;
	make_linear(skb);
	cursor = skb_cursor(skb);
	if (!parse_eth(&cursor, &eth))
		return TCX_NEXT;
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		mend_arp(cursor, skb->ifindex);
	else if (judge_own_ndp(cursor) == FATE_DROP)
		return TCX_DROP;
	return TCX_NEXT;
}

/*
 * New connections to VIPs. SK_DROP stops the kernel's own search, so that a port which no listener
 * has is refused (TCP reset, ICMP port unreachable): the node's wildcard sockets are not to be
 * reached by a VIP.
 */
SEC("sk_lookup")
int vip_lookup(struct bpf_sk_lookup *ctx)
{
	struct port_key key = {.address = local_address(ctx)};
	const struct vip_entry *vip = find_vip(ctx->family, &key.address);

	if (!vip)
		return SK_PASS;
	key.port = ctx->local_port;
	key.protocol = ctx->protocol;
	if (!bpf_map_lookup_elem(&vip_ports, &key))
		return verdict(vip->slot, VERDICT_PORT_CLOSED, SK_DROP);
	return steer(ctx, vip->slot, key.address.word[3]);
}

/*
 * Run by BPF_PROG_TEST_RUN: sends the given frame out of device cb[0] for the VIP of slot cb[1].
 * So announcements need no CAP_NET_RAW.
 */
SEC("tc")
int vip_announce(struct __sk_buff *skb)
{
	if (bpf_clone_redirect(skb, skb->cb[0], 0))
		return verdict(skb->cb[1], VERDICT_ANNOUNCE_FAILED, 1);
	return verdict(skb->cb[1], VERDICT_ANNOUNCED, 0);
}

/*
 * Run by BPF_PROG_TEST_RUN: only the kernel knows its tick. User space makes a deadline of it that
 * a pause between this and the writing of it cannot move.
 */
SEC("syscall")
int read_clock(struct clock_reading *reading)
{
	reading->ticks = bpf_jiffies64();
	reading->monotonic_ns = bpf_ktime_get_ns();
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
