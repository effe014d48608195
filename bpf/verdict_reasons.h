/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a packet left our programs otherwise than untouched. The one list that the programs, the
 * agent's metrics and gwctl share: a reason is its place in the list, which is also its index in
 * struct counters. Order is part of the map layout (SLUICE_LAYOUT): append only.
 */
#pragma once

/* X(name, label of metrics and gwctl, sentence for people) */
#define SLUICE_VERDICTS(X)                                                                         \
	X(ARP_ANSWERED, "arp_answered", "ARP request for an owned VIP answered")                   \
	X(NDP_ANSWERED, "ndp_answered", "neighbour solicitation for an owned VIP answered")        \
	X(NOT_OWNED, "not_owned", "another node owns the VIP: kept from the kernel")               \
	X(EXPIRED, "expired", "the agent's deadline has passed: not answered")                     \
	X(RATE_LIMITED, "rate_limited", "one requester asked too often: not answered")             \
	X(SILENCED, "silenced", "the VIP is not announced on this device: not answered")           \
	X(FOREIGN_CLAIM, "foreign_claim", "another machine claims a VIP that we own")              \
	X(OTHERS_CLAIM, "others_claim", "the owner's own announcement: kept from the kernel")      \
	X(OWN_ECHO, "own_echo", "an announcement of ours came back")                               \
	X(BAD_CHECKSUM, "bad_checksum", "NDP for a VIP with a wrong ICMPv6 checksum")              \
	X(MALFORMED, "malformed", "ARP or NDP for a VIP that breaks its protocol")                 \
	X(SENDER_REWRITTEN, "sender_rewritten",                                                    \
	  "the kernel's ARP request named a VIP as its sender")                                    \
	X(SENDER_DROPPED, "sender_dropped", "the kernel's NDP named a VIP as its source: dropped") \
	X(ANNOUNCED, "announced", "an announcement of ours was sent")                              \
	X(ANNOUNCE_FAILED, "announce_failed", "an announcement of ours could not be sent")         \
	X(STEERED, "steered", "a new connection was given to a worker")                            \
	X(PORT_CLOSED, "port_closed", "no listener at this port of the VIP: refused")              \
	X(NO_WORKER, "no_worker", "the listener has no socket: refused")

enum verdict_reason {
#define X(name, label, text) VERDICT_##name,
	SLUICE_VERDICTS(X)
#undef X
		VERDICT_COUNT,
};
