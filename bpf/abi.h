/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs and user space share: the layout of every map's keys and values. Plain C, no
 * functions. Addresses are in network order; ports are in host order.
 *
 * The maps outlive the agent (they are pinned), so a change of any struct or constant here is a
 * new layout: count SLUICE_LAYOUT up, and the new build pins into a folder of its own.
 */
#pragma once

#include <linux/types.h>

#include "bpf/verdict_reasons.h"

#define SLUICE_LAYOUT 2

enum {
	MAX_VIPS = 1024,
	MAX_VIP_PORTS = 8192,
	DEVICE_SLOTS = 4096, /* a device is at its ifindex modulo this */
	MAX_WORKERS = 128,   /* a family */
	MAX_ANNOUNCERS = 32, /* bits of vip_entry.devices */
	REQUESTER_BITS = 10,
	CLAIM_RING_BYTES = 1 << 16,
};

/* Counter slots. VIPs begin at SLOT_FIRST_VIP. */
enum {
	SLOT_NO_VIP = 0,
	SLOT_RETIRED = 1, /* sums of VIPs that are gone; written by user space alone */
	SLOT_FIRST_VIP = 2,
	SLOT_END = SLOT_FIRST_VIP + MAX_VIPS,
};

/* IPv4 in its IPv4-mapped form, ::ffff:a.b.c.d, so that one map serves both families. */
struct packet_address {
	__be32 word[4];
};

enum {
	VIP_OWNED = 1 << 0, /* this node may answer for it, while its deadline lies ahead */
};

struct vip_entry {
	__u32 slot; /* of its counters, while the VIP is in the table */
	__u32 flags;
	__u32 devices; /* on which announcing devices: a mask of device_entry.bit */
};

struct port_key {
	struct packet_address address;
	__u16 port;
	__u8 protocol; /* IPPROTO_* */
	__u8 zero;
};

struct port_entry {
	__u32 slot; /* of the VIP */
};

/*
 * An array costs a tenth of a hash. Of two devices with the same slot one is described, by
 * preference one that announces; the other is silent, and its ARP requests that name a VIP go out
 * from 0.0.0.0.
 */
struct device_entry {
	__u32 ifindex;
	__u32 bit;	   /* one bit, if VIPs are announced here; else 0 */
	__be32 address_v4; /* the sender of this node's own ARP requests; 0: none */
	__u8 mac[6];
	__u8 zero[2];
};

struct verdict_counters {
	__u64 by_reason[VERDICT_COUNT];
};

/* Ring buffer event: another machine claims a VIP that this node owns. */
struct claim_event {
	struct packet_address address;
	__u32 ifindex;
	__u8 claimant[6];
	__u8 zero[2];
};

/* Families as indices of `workers`; worker w of family f is `listeners`[f * MAX_WORKERS + w]. */
enum {
	FAMILY_V4 = 0,
	FAMILY_V6 = 1,
	FAMILY_COUNT = 2,
};

/* What read_clock answers: the same moment in both. */
struct clock_reading {
	__u64 ticks;	    /* jiffies64, which deadlines are in */
	__u64 monotonic_ns; /* CLOCK_MONOTONIC */
};
