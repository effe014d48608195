// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What an answer costs. BPF_PROG_TEST_RUN repeats a program on the frame that it left, so an
 * answer would be judged the second time: each round writes the request anew first, and
 * cost_write tells what that takes.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__attribute__((always_inline)) int vip_xdp(struct xdp_md *ctx);

#include "bpf/packet.bpf.c"

/* The request, padded: set before loading, so that it is constant for the compiled program. */
enum {
	REQUEST_WORDS = 6,
};
const volatile __u64 request[REQUEST_WORDS] = {};

static __always_inline bool write_request(struct xdp_md *ctx)
{
	__u64 *words = (void *)(long)ctx->data;

	if ((void *)(words + REQUEST_WORDS) > (void *)(long)ctx->data_end)
		return false;
	for (int i = 0; i < REQUEST_WORDS; i++)
		words[i] = request[i];
	return true;
}

SEC("xdp.frags")
int cost_empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp.frags")
int cost_write(struct xdp_md *ctx)
{
	return write_request(ctx) ? XDP_PASS : XDP_ABORTED;
}

SEC("xdp.frags")
int cost_arp(struct xdp_md *ctx)
{
	return write_request(ctx) ? vip_xdp(ctx) : XDP_ABORTED;
}
