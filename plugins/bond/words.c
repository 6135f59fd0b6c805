/*
 * words - what the numbers of a bond mean, and the one thing that older kernels only print.
 *
 * Design.  The words are those of bonding's own files, drivers/net/bonding/bond_procfs.c and
 * bond_options.c, so that facts, sysfs and ip(8) speak alike.
 */
#include "bond.h"

#include <linux/if_bonding.h>
#include <stdio.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

const char *bond_mode_word(uint8_t mode)
{
	static const char *const words[] = { "balance-rr", "active-backup", "balance-xor",
					     "broadcast",  "802.3ad",	    "balance-tlb",
					     "balance-alb" };

	return mode < ARRAY_SIZE(words) ? words[mode] : "unknown";
}

const char *bond_hash_word(uint8_t hash)
{
	static const char *const words[] = { "layer2",	 "layer3+4", "layer2+3",
					     "encap2+3", "encap3+4", "vlan+srcmac" };

	return hash < ARRAY_SIZE(words) ? words[hash] : "unknown";
}

const char *bond_mii_word(uint8_t mii)
{
	static const char *const words[] = { "up", "going down", "down", "going back" };

	return mii < ARRAY_SIZE(words) ? words[mii] : "unknown";
}

const char *bond_churn_word(uint8_t churn)
{
	static const char *const words[] = { "monitoring", "churned", "none" };

	return churn < ARRAY_SIZE(words) ? words[churn] : NULL;
}

bool bond_member_in_sync(uint32_t port_state)
{
	const uint32_t need = LACP_STATE_AGGREGATION | LACP_STATE_SYNCHRONIZATION |
			      LACP_STATE_COLLECTING | LACP_STATE_DISTRIBUTING;

	return (port_state & need) == need &&
	       !(port_state & (LACP_STATE_EXPIRED | LACP_STATE_DEFAULTED));
}

/* ---- /proc/net/bonding -------------------------------------------------------------------- */

/* The rest of a line that begins with 'key' between 'at' and 'end'; NULL. */
static const char *line_of(const char *at, const char *end, const char *key)
{
	size_t n = strlen(key);

	while (at && at < end) {
		if (strncmp(at, key, n) == 0)
			return at + n;
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return NULL;
}

static uint8_t churn_at(const char *at)
{
	for (uint8_t c = 0; at && c < CHURN_UNKNOWN; c++) {
		size_t n = strlen(bond_churn_word(c));

		if (strncmp(at, bond_churn_word(c), n) == 0 && (at[n] == '\n' || !at[n]))
			return c;
	}
	return CHURN_UNKNOWN;
}

bool bond_churn_of(const char *text, const char *member, uint8_t *ret_actor, uint8_t *ret_partner)
{
	char head[sizeof("Slave Interface: \n") + ANOD_IFNAME_SIZE];
	const char *at, *end;

	(void) snprintf(head, sizeof(head), "Slave Interface: %s\n", member);
	at = strstr(text, head);
	if (!at)
		return false;
	at += strlen(head);
	end = strstr(at, "\nSlave Interface: ");
	if (!end)
		end = at + strlen(at);
	*ret_actor = churn_at(line_of(at, end, "Actor Churn State: "));
	*ret_partner = churn_at(line_of(at, end, "Partner Churn State: "));
	return *ret_actor != CHURN_UNKNOWN;
}
