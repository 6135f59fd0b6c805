/*
 * bond - the kernel's message of a bond or of one of its members, taken apart.
 *
 * Pure.  Threads: any.  Memory: the caller's; nothing outside of the message is read, whatever its
 * lengths say.  Source: uapi/linux/if_link.h (IFLA_BOND_*), if_bonding.h; port states and churn
 * IEEE 802.1AX clauses 6.4.2.3 and 6.4.17.
 */
#ifndef BOND_BOND_H
#define BOND_BOND_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <anod/object.h>

#define BOND_MODE_LACP 4 /* BOND_MODE_8023AD */

enum { /* bond.has */
       BOND_HAS_AD = 1,
       BOND_HAS_ACTIVE = 2,
};

struct bond {
	uint32_t ifindex;
	char name[ANOD_IFNAME_SIZE];
	uint32_t has;
	uint8_t mode, hash, lacp_fast;
	uint32_t active; /* ifindex of the active member; 0: none */
	uint32_t min_links;
	uint16_t aggregator, ports, actor_key, partner_key;
	uint8_t partner[6];
};

enum churn { CHURN_MONITORING, CHURN_CHURNED, CHURN_NONE, CHURN_UNKNOWN }; /* 0-2: the kernel's */

enum { /* bond_member.has */
       MEMBER_HAS_AGGREGATOR = 1,
       MEMBER_HAS_ACTOR = 2,
       MEMBER_HAS_PARTNER = 4,
};

struct bond_member {
	uint32_t ifindex, master;
	char name[ANOD_IFNAME_SIZE];
	uint32_t has;
	uint8_t backup; /* 1: BOND_STATE_BACKUP */
	uint8_t mii;	/* BOND_LINK_* */
	uint8_t actor;	/* LACP_STATE_* */
	uint16_t partner;
	uint16_t aggregator;
	uint32_t failures;
	uint8_t actor_churn, partner_churn; /* enum churn */
};

/* 'm' lies whole in the buffer.  1: *ret is a bond, 0: of no interest, -EBADMSG: malformed. */
int bond_parse(const struct nlmsghdr *m, struct bond *ret);
int bond_parse_member(const struct nlmsghdr *m, struct bond_member *ret);

/* The churn state of a member in the text of /proc/net/bonding/NAME, for kernels that have no
 * attribute for it.  False: it is not there. */
bool bond_churn_of(const char *text, const char *member, uint8_t *ret_actor, uint8_t *ret_partner);

const char *bond_mode_word(uint8_t mode);   /* "802.3ad" */
const char *bond_hash_word(uint8_t hash);   /* "layer3+4" */
const char *bond_mii_word(uint8_t mii);	    /* "up", "going down" ... */
const char *bond_churn_word(uint8_t churn); /* "none"; NULL: unknown */
/* Of 802.3ad: both ends are in sync, collect and distribute, and neither speaks to nobody. */
bool bond_member_in_sync(uint32_t port_state);

#endif
