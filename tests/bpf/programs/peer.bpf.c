// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* On the other end of a veth: its XDP_TX delivers nothing until the peer runs XDP too. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int peer_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
