/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one exit of everything that does not pass untouched: counts why, for the VIP and the node. */
#pragma once

#include "bpf/maps.h"

/* What becomes of a frame. Each hook translates it into its own return value. */
enum fate {
	FATE_PASS, /* untouched, to the next program and the kernel */
	FATE_DROP,
	FATE_REPLY_ARP, /* to be turned into the answer (write_arp_reply) and sent back */
	FATE_REPLY_NDP, /* to be resized to NA_FRAME_BYTES, turned (write_advert) and sent back */
};

/*
 * No atomics: the counters are per CPU, and the hooks run with bottom halves off. `reason` is a
 * constant, and the empty assembly keeps the compiler from merging two exits into one with an
 * index: without CAP_PERFMON the verifier (6.18) refuses an index that differs by path.
 */
static __always_inline int verdict(__u32 slot, enum verdict_reason reason, int fate)
{
	struct verdict_counters *counters = bpf_map_lookup_elem(&verdicts, &slot);

	asm volatile("" : : "i"(reason));
	if (counters)
		counters->by_reason[reason]++;
	return fate;
}
