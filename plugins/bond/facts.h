/*
 * facts - bonds and their members as facts.
 *
 * Pure.  Threads: any.  Memory: the caller's.
 */
#ifndef BOND_FACTS_H
#define BOND_FACTS_H

#include <anod/plugin.h>

#include "bond.h"

/* In the order of the manifest; numbers first. */
enum {
	BOND_MEMBERS,
	BOND_MEMBERS_UP,
	BOND_MEMBERS_CARRYING,
	BOND_MEMBERS_BAD,
	BOND_MIN_LINKS,
	BOND_PORTS,
	BOND_AGGREGATOR,
	BOND_ACTOR_KEY,
	BOND_PARTNER_KEY,
	BOND_LACP_FAST,
	BOND_PARTNERED,
	BOND_NUMBERS,
	BOND_MODE = BOND_NUMBERS,
	BOND_ACTIVE,
	BOND_HASH,
	BOND_PARTNER,
	BOND_FACTS
};

enum {
	MEMBER_MII_UP,
	MEMBER_CARRIES,
	MEMBER_FAILURES,
	MEMBER_AGGREGATOR,
	MEMBER_IN_AGGREGATOR,
	MEMBER_IN_SYNC,
	MEMBER_PARTNER_IN_SYNC,
	MEMBER_DEFAULTED,
	MEMBER_EXPIRED,
	MEMBER_ACTOR_STATE,
	MEMBER_PARTNER_STATE,
	MEMBER_CHURNED,
	MEMBER_PARTNER_CHURNED,
	MEMBER_LACP,
	MEMBER_SPARE,
	MEMBER_NUMBERS,
	MEMBER_BOND = MEMBER_NUMBERS,
	MEMBER_MII,
	MEMBER_CHURN,
	MEMBER_PARTNER_CHURN,
	MEMBER_FACTS
};

extern const struct anod_kind bond_kinds[]; /* bond, bond_member */

struct bond_count { /* of the members of one bond */
	unsigned members, up, carrying, bad;
	unsigned paired; /* 802.3ad: carry, with a partner that says so; else as carrying */
};

/* Does it carry traffic: up, active, and of 802.3ad in the aggregator that the bond uses, with both
 * ends in sync. */
bool member_carries(const struct bond_member *m, const struct bond *b);
void member_count(const struct bond_member *m, const struct bond *b, struct bond_count *count);
/* raw[MEMBER_NUMBERS], raw[BOND_NUMBERS] as put() takes them; which of it is known. */
uint64_t member_fill(const struct bond_member *m, const struct bond *b,
		     const struct bond_count *count, int64_t *raw);
uint64_t bond_fill(const struct bond *b, const struct bond_count *count, int64_t *raw);

#endif
