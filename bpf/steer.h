/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sk_lookup: which worker takes a new connection for a VIP. The choice is a function of the
 * connection's addresses alone, or a SYN cookie's ACK would not find the listener that sent it.
 */
#pragma once

#include "bpf/frame.h"
#include "bpf/verdict.h"

enum {
	FAMILY_INET6 = 10, /* AF_INET6 */
};

/*
 * The IPv4 field is read in any case: the compiler would else choose between two fields' addresses,
 * and the verifier takes no computed context pointer (6.18: "modified ctx ptr").
 */
static __always_inline struct packet_address local_address(const struct bpf_sk_lookup *ctx)
{
	__be32 v4 = *(const volatile __u32 *)&ctx->local_ip4;

	if (ctx->family == FAMILY_INET6)
		return (struct packet_address){{ctx->local_ip6[0], ctx->local_ip6[1],
						ctx->local_ip6[2], ctx->local_ip6[3]}};
	return mapped(v4);
}

static __always_inline const struct vip_entry *find_vip(__u32 family,
							const struct packet_address *address)
{
	__be32 v4 = address->word[3];

	if (family == FAMILY_INET6)
		return bpf_map_lookup_elem(&vips6, address);
	return bpf_map_lookup_elem(&vips4, &v4);
}

/* The remote address as one word; the factors keep permuted words apart. */
static __always_inline __u32 remote_word(const struct bpf_sk_lookup *ctx)
{
	__be32 v4 = *(const volatile __u32 *)&ctx->remote_ip4;

	if (ctx->family == FAMILY_INET6)
		return ctx->remote_ip6[0] ^ ctx->remote_ip6[1] * 31 ^ ctx->remote_ip6[2] * 1009 ^
		       ctx->remote_ip6[3] * 65537;
	return v4;
}

/* A finalizer with full avalanche; the inputs of neighbouring connections differ by one bit. */
static __always_inline __u32 mix(__u32 hash)
{
	hash ^= hash >> 16;
	hash *= 0x7feb352d;
	hash ^= hash >> 15;
	hash *= 0x846ca68b;
	return hash ^ hash >> 16;
}

static __always_inline __u32 connection_hash(const struct bpf_sk_lookup *ctx, __u32 local_word)
{
	__u32 ports = (__u32)ctx->remote_port << 16 | ctx->local_port;

	return mix(mix(remote_word(ctx)) ^ ports ^ local_word * 0x9e3779b1u);
}

/* Gives the connection to a worker's listening socket. */
static __always_inline int steer(struct bpf_sk_lookup *ctx, __u32 slot, __u32 local_word)
{
	__u32 family = ctx->family == FAMILY_INET6 ? FAMILY_V6 : FAMILY_V4;
	__u32 *count = bpf_map_lookup_elem(&workers, &family);
	struct bpf_sock *socket;
	__u32 index;
	long error;

	if (!count)
		return verdict(slot, VERDICT_NO_WORKER, SK_DROP);
	index = (__u64)connection_hash(ctx, local_word) * *count >> 32;
	index += family * MAX_WORKERS;
	socket = bpf_map_lookup_elem(&listeners, &index);
	if (!socket)
		return verdict(slot, VERDICT_NO_WORKER, SK_DROP);
	error = bpf_sk_assign(ctx, socket, 0);
	bpf_sk_release(socket);
	if (error)
		return verdict(slot, VERDICT_NO_WORKER, SK_DROP);
	return verdict(slot, VERDICT_STEERED, SK_PASS);
}
