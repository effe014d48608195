/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps. All are pinned by name in the agent's folder and preallocated. User space writes what
 * is configuration, the programs write what is measured; nothing is written by both.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

/* Two maps, because a short key is found in half the time. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_VIPS);
	__type(key, __be32);
	__type(value, struct vip_entry);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vips4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_VIPS);
	__type(key, struct packet_address);
	__type(value, struct vip_entry);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vips6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_VIP_PORTS);
	__type(key, struct port_key);
	__type(value, struct port_entry);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vip_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DEVICE_SLOTS);
	__type(key, __u32); /* ifindex % DEVICE_SLOTS */
	__type(value, struct device_entry);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} devices SEC(".maps");

/*
 * Answers for a VIP are given while bpf_jiffies64() is below its deadline; 0: another node owns it.
 * One write moves a VIP here or away.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOT_END);
	__type(key, __u32); /* slot */
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} deadlines SEC(".maps");

/* Token buckets, by a hash of the requester's MAC. */
struct requester {
	__u32 tick; /* of the last refill */
	__u32 millitokens;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << REQUESTER_BITS);
	__type(key, __u32);
	__type(value, struct requester);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} requesters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOT_END);
	__type(key, __u32); /* slot */
	__type(value, struct verdict_counters);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CLAIM_RING_BYTES);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} claims SEC(".maps");

/* Tick before which no further claim for the slot's VIP is reported. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOT_END);
	__type(key, __u32); /* slot */
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} claim_gates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, FAMILY_COUNT *MAX_WORKERS);
	__type(key, __u32);
	__type(value, __u64); /* 64 bits: user space may read the socket's cookie back */
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} listeners SEC(".maps");

/* How many workers of a family take connections; their sockets are in `listeners` before. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FAMILY_COUNT);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} workers SEC(".maps");
