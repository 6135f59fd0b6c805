/*
 * facts - bonds and their members as facts; docs/facts.md in C.
 *
 * Design.  What a rule asks of a member is whether it carries traffic and, if not, whose fault it
 * is: ours (in_sync), the partner's (partner_in_sync), or the cable's (mii_up).  The raw octets of
 * the port states are there for those who know them.  A member is bad when its link is up and it
 * still does not carry: a link that is down has an agent of its own.
 */
#include "facts.h"

#include <linux/if_bonding.h>
#include <string.h>

#define MAX_AGE_MS 100000 /* three readings of the longest period */

#define FACT(n, t, text)                                                                           \
	{                                                                                          \
		.name = n, .type = t, .max_age_ms = MAX_AGE_MS, .help = text                       \
	}
#define COUNT(n, text) FACT(n, ANOD_INT, text)
#define TRUTH(n, text) FACT(n, ANOD_BOOL, text)
#define WORD(n, text)  FACT(n, ANOD_TEXT, text)

static const struct anod_attr bond_attrs[BOND_FACTS + 1] = {
	[BOND_MEMBERS] = COUNT("members", "links that belong to it"),
	[BOND_MEMBERS_UP] = COUNT("members_up", "of them with a link that is up"),
	[BOND_MEMBERS_CARRYING] = COUNT("members_carrying", "of them that carry traffic"),
	[BOND_MEMBERS_BAD] = COUNT("members_bad", "of them with a link that is up, which do not "
						  "carry (802.3ad only)"),
	[BOND_MIN_LINKS] = COUNT("min_links", "fewer than so many members, and it is down "
					      "(IFLA_BOND_MIN_LINKS)"),
	[BOND_PORTS] = COUNT("ports", "of the aggregator in use (IFLA_BOND_AD_INFO_NUM_PORTS)"),
	[BOND_AGGREGATOR] = COUNT("aggregator", "the one in use"),
	[BOND_ACTOR_KEY] = COUNT("actor_key", "our operational key: speed and duplex"),
	[BOND_PARTNER_KEY] = COUNT("partner_key", "the partner's; 1 and no partner: it does not "
						  "speak LACP"),
	[BOND_LACP_FAST] = TRUTH("lacp_fast", "LACP every second, not every 30 seconds"),
	[BOND_PARTNERED] = TRUTH("partnered", "a partner speaks LACP with the aggregator in use"),
	[BOND_MODE] = WORD("mode", "balance-rr active-backup balance-xor broadcast 802.3ad "
				   "balance-tlb balance-alb"),
	[BOND_ACTIVE] = WORD("active", "the active member of active-backup, tlb and alb; empty: "
				       "none"),
	[BOND_HASH] = WORD("hash", "what picks the member: layer2 layer2+3 layer3+4 encap2+3 "
				   "encap3+4 vlan+srcmac"),
	[BOND_PARTNER] = { .name = "partner",
			   .type = ANOD_TEXT,
			   .flags = ANOD_VALUE_OUTSIDE,
			   .max_age_ms = MAX_AGE_MS,
			   .help = "MAC address of the partner's system; 00:00:00:00:00:00: none "
				   "speaks" },
};

static const struct anod_attr member_attrs[MEMBER_FACTS + 1] = {
	[MEMBER_MII_UP] = TRUTH("mii_up", "the bond sees its link up (miimon or ARP)"),
	[MEMBER_CARRIES] = TRUTH("carries", "takes part in carrying traffic"),
	[MEMBER_FAILURES] = COUNT("failures", "times that its link was lost "
					      "(IFLA_BOND_SLAVE_LINK_FAILURE_COUNT)"),
	[MEMBER_AGGREGATOR] = COUNT("aggregator", "that it is in"),
	[MEMBER_IN_AGGREGATOR] = TRUTH("in_aggregator", "it is the one that the bond uses"),
	[MEMBER_IN_SYNC] = TRUTH("in_sync", "our end: aggregatable, in sync, collecting, "
					    "distributing (IEEE 802.1AX 6.4.2.3)"),
	[MEMBER_PARTNER_IN_SYNC] = TRUTH("partner_in_sync", "the same of the partner's end, by its "
							    "own word"),
	[MEMBER_DEFAULTED] = TRUTH("defaulted", "no partner was heard since the link came up"),
	[MEMBER_EXPIRED] = TRUTH("expired", "the partner has fallen silent"),
	[MEMBER_ACTOR_STATE] = COUNT("actor_state", "octet of our port state: 1 active 2 fast 4 "
						    "aggregatable 8 in sync 16 collecting 32 "
						    "distributing 64 defaulted 128 expired"),
	[MEMBER_PARTNER_STATE] = COUNT("partner_state", "the same of the partner"),
	[MEMBER_CHURNED] = TRUTH("churned", "our end did not get in sync within 60 s (802.1AX "
					    "6.4.17)"),
	[MEMBER_PARTNER_CHURNED] = TRUTH("partner_churned", "the partner did not"),
	[MEMBER_LACP] = TRUTH("lacp", "its bond is of mode 802.3ad"),
	[MEMBER_SPARE] = TRUTH("spare", "without it the bond has enough members: at least one, and "
					"min_links, that carry with a partner"),
	[MEMBER_BOND] = WORD("bond", "that it belongs to"),
	[MEMBER_MII] = WORD("mii", "up, going down, down, going back"),
	[MEMBER_CHURN] = WORD("churn", "of our end: none monitoring churned"),
	[MEMBER_PARTNER_CHURN] = WORD("partner_churn", "of the partner"),
};

const struct anod_kind bond_kinds[] = {
	{ "bond", "a bond of links", bond_attrs },
	{ "bond_member", "a link that belongs to a bond, by the link's name", member_attrs },
	{ 0 },
};

static bool in_aggregator(const struct bond_member *m, const struct bond *b)
{
	return b->has & BOND_HAS_AD && m->has & MEMBER_HAS_AGGREGATOR &&
	       m->aggregator == b->aggregator;
}

/* It carries, and not only because nobody is at the other end. */
static bool is_paired(const struct bond_member *m, const struct bond *b)
{
	return member_carries(m, b) &&
	       !(b->mode == BOND_MODE_LACP && m->actor & LACP_STATE_DEFAULTED);
}

bool member_carries(const struct bond_member *m, const struct bond *b)
{
	if (m->mii != BOND_LINK_UP || m->backup)
		return false;
	if (b->mode != BOND_MODE_LACP)
		return true;
	/* With nobody at the other end the first member carries alone. */
	if (m->actor & LACP_STATE_DEFAULTED)
		return in_aggregator(m, b) && m->actor & LACP_STATE_DISTRIBUTING;
	return in_aggregator(m, b) && bond_member_in_sync(m->actor) &&
	       bond_member_in_sync(m->partner);
}

void member_count(const struct bond_member *m, const struct bond *b, struct bond_count *count)
{
	bool up = m->mii == BOND_LINK_UP, carries = member_carries(m, b);

	count->members++;
	count->up += up;
	count->carrying += carries;
	count->paired += is_paired(m, b);
	count->bad += b->mode == BOND_MODE_LACP && up && !carries;
}

#define BIT(n) (UINT64_C(1) << (n))

/* Do the others do? */
static bool is_spare(const struct bond_member *m, const struct bond *b,
		     const struct bond_count *count)
{
	unsigned others = count->paired - is_paired(m, b);

	return others >= 1 && others >= b->min_links;
}

uint64_t member_fill(const struct bond_member *m, const struct bond *b,
		     const struct bond_count *count, int64_t *raw)
{
	uint64_t known = BIT(MEMBER_MII_UP) | BIT(MEMBER_CARRIES) | BIT(MEMBER_FAILURES) |
			 BIT(MEMBER_LACP) | BIT(MEMBER_SPARE);

	memset(raw, 0, MEMBER_NUMBERS * sizeof(*raw));
	raw[MEMBER_MII_UP] = m->mii == BOND_LINK_UP;
	raw[MEMBER_CARRIES] = member_carries(m, b);
	raw[MEMBER_FAILURES] = m->failures;
	raw[MEMBER_AGGREGATOR] = m->aggregator;
	raw[MEMBER_IN_AGGREGATOR] = in_aggregator(m, b);
	raw[MEMBER_IN_SYNC] = bond_member_in_sync(m->actor);
	raw[MEMBER_PARTNER_IN_SYNC] = bond_member_in_sync(m->partner);
	raw[MEMBER_DEFAULTED] = !!(m->actor & LACP_STATE_DEFAULTED);
	raw[MEMBER_EXPIRED] = !!(m->actor & LACP_STATE_EXPIRED);
	raw[MEMBER_ACTOR_STATE] = m->actor;
	raw[MEMBER_PARTNER_STATE] = m->partner;
	raw[MEMBER_CHURNED] = m->actor_churn == CHURN_CHURNED;
	raw[MEMBER_LACP] = b->mode == BOND_MODE_LACP;
	raw[MEMBER_SPARE] = is_spare(m, b, count);
	raw[MEMBER_PARTNER_CHURNED] = m->partner_churn == CHURN_CHURNED;
	if (m->has & MEMBER_HAS_AGGREGATOR)
		known |= BIT(MEMBER_AGGREGATOR) | BIT(MEMBER_IN_AGGREGATOR);
	if (m->has & MEMBER_HAS_ACTOR)
		known |= BIT(MEMBER_IN_SYNC) | BIT(MEMBER_DEFAULTED) | BIT(MEMBER_EXPIRED) |
			 BIT(MEMBER_ACTOR_STATE);
	if (m->has & MEMBER_HAS_PARTNER)
		known |= BIT(MEMBER_PARTNER_IN_SYNC) | BIT(MEMBER_PARTNER_STATE);
	if (m->actor_churn != CHURN_UNKNOWN)
		known |= BIT(MEMBER_CHURNED);
	if (m->partner_churn != CHURN_UNKNOWN)
		known |= BIT(MEMBER_PARTNER_CHURNED);
	return known;
}

uint64_t bond_fill(const struct bond *b, const struct bond_count *count, int64_t *raw)
{
	uint64_t known = BIT(BOND_MEMBERS) | BIT(BOND_MEMBERS_UP) | BIT(BOND_MEMBERS_CARRYING) |
			 BIT(BOND_MEMBERS_BAD) | BIT(BOND_MIN_LINKS);

	memset(raw, 0, BOND_NUMBERS * sizeof(*raw));
	raw[BOND_MEMBERS] = count->members;
	raw[BOND_MEMBERS_UP] = count->up;
	raw[BOND_MEMBERS_CARRYING] = count->carrying;
	raw[BOND_MEMBERS_BAD] = count->bad;
	raw[BOND_MIN_LINKS] = b->min_links;
	raw[BOND_PORTS] = b->ports;
	raw[BOND_AGGREGATOR] = b->aggregator;
	raw[BOND_ACTOR_KEY] = b->actor_key;
	raw[BOND_PARTNER_KEY] = b->partner_key;
	raw[BOND_LACP_FAST] = b->lacp_fast;
	raw[BOND_PARTNERED] = memcmp(b->partner, (const uint8_t[6]){ 0 }, 6) != 0;
	if (b->has & BOND_HAS_AD)
		known |= BIT(BOND_PORTS) | BIT(BOND_AGGREGATOR) | BIT(BOND_ACTOR_KEY) |
			 BIT(BOND_PARTNER_KEY) | BIT(BOND_LACP_FAST) | BIT(BOND_PARTNERED);
	return known;
}
