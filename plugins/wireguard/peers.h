/*
 * peers - one message of WG_CMD_GET_DEVICE, taken apart.
 *
 * Pure, but that peers_wipe() writes into the message.
 */
#ifndef WIREGUARD_PEERS_H
#define WIREGUARD_PEERS_H

#include <stddef.h>
#include <stdint.h>

#include <anod/object.h>

#define PEERS_MESSAGE_MAX 512 /* of one message; a peer takes 150 bytes of 64 KiB at least */

struct peer {
	struct anod_object object; /* ANOD_OBJ_WGPEER: key, endpoint, keepalive */
	int64_t handshake_s;	   /* CLOCK_REALTIME of the last one, seconds; 0: never */
	int64_t rx_bytes, tx_bytes;
};

struct nlmsghdr;

/* Peers of a message; returns how many, or -EBADMSG.  '*ifindex' as anod_wgpeer_decode() has it. */
int peers_parse(const struct nlmsghdr *msg, uint32_t *ifindex, struct peer ret[PEERS_MESSAGE_MAX]);

/* Overwrite the secret keys that the kernel put beside. */
void peers_wipe(const struct nlmsghdr *msg);

#endif
