// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The other end of a veth pair whose XDP program transmits: it only has to be there. */
// clang-format off: the helpers need the kernel's types before them
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
// clang-format on

SEC("xdp")
int lab_pass(struct xdp_md* ctx) { return XDP_PASS; }

char _license[] SEC("license") = "Dual BSD/GPL";
