/*
 * link - interfaces, their names, and what follows from their changes.
 *
 * Design.  The last state of each link is kept, because a message does not say what changed: only
 * a change of flags, carrier or master makes routes worth looking at again.
 *
 * An entity stands for one ifindex as long as it lives, and others rely on that.  A link that
 * comes under a new name is a new entity; what has the old name in its own goes with it and is
 * read again.  A name that comes with another number has been taken from a link whose own event
 * was lost or is still to come: that link has no entity until it is heard of.
 *
 * The kernel counts changes of the carrier and merges events of quick ones; what the counters say
 * and no event did is "missed".
 */
#include "rtnl.h"

#include <linux/if.h>
#include <stdlib.h>
#include <string.h>

unsigned if_nametoindex(const char *name); /* <net/if.h> clashes with <linux/if.h> */
char *if_indextoname(unsigned ifindex, char *ret);

static struct link_row *find(struct rtnl *r, uint32_t ifindex)
{
	struct link_row *row;

	HASH_FIND(hh, r->links, &ifindex, sizeof(ifindex), row);
	return row;
}

const char *link_name(struct rtnl *r, uint32_t ifindex)
{
	static char name[ANOD_IFNAME_SIZE];
	const struct link_row *row = find(r, ifindex);

	if (row)
		return row->link.name;
	/* An event of the link's socket that we have not read yet: ask. */
	return if_indextoname(ifindex, name);
}

static void unname(struct rtnl *r, struct link_row *row)
{
	if (row->named)
		HASH_DELETE(hn, r->link_names, row);
	row->named = false;
}

void link_forget(struct rtnl *r, struct link_row *row)
{
	unname(r, row);
	HASH_DEL(r->links, row);
	free(row);
}

/* Could the kernel have changed routes without a word? */
static bool moves_routes(const struct anod_link *was, const struct anod_link *is)
{
	return was->flags != is->flags || was->operstate != is->operstate ||
	       was->carrier != is->carrier || was->carrier_up != is->carrier_up ||
	       was->carrier_down != is->carrier_down || was->master != is->master ||
	       was->mtu != is->mtu;
}

/* The kernel deletes the next hops on it, takes them out of their groups and deletes the routes that
 * use them alone, all without an event (nexthop_flush_dev(), Linux 6.18). */
static bool drops_nexthops(const struct anod_link *was, const struct anod_link *is)
{
	return (was->flags & IFF_UP) && was->carrier && (!(is->flags & IFF_UP) || !is->carrier);
}

static struct link_row *make(struct rtnl *r, const struct anod_link *link)
{
	struct link_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	row->ifindex = link->ifindex;
	HASH_ADD(hh, r->links, ifindex, sizeof(row->ifindex), row);
	return row;
}

static void lose_entity(struct rtnl *r, struct link_row *row)
{
	if (row->entity)
		(void) r->ctx->host->entity_gone(r->ctx, row->entity);
	row->entity = 0;
	unname(r, row);
	row_drop_link(r, row->ifindex);
}

static void renamed(struct rtnl *r, struct link_row *row)
{
	lose_entity(r, row);
	dump_want(r, ANOD_OBJ_ADDR, SOON);
	dump_want(r, ANOD_OBJ_NEIGH, SOON);
	dump_want(r, ANOD_OBJ_NEXTHOP, SOON);
	dump_want(r, ANOD_OBJ_ROUTE, SOON);
}

/* Give the entity of this name to the link, and to no other. */
static bool take_name(struct rtnl *r, struct link_row *row, const char *name)
{
	struct link_row *other;

	HASH_FIND(hn, r->link_names, name, strlen(name), other);
	if (other && other != row)
		renamed(r, other);
	return r->ctx->host->entity(r->ctx, "link", name, &row->entity) >= 0;
}

static void remember(struct rtnl *r, struct link_row *row, const struct anod_link *link)
{
	row->link = *link;
	row->round = r->table[ANOD_OBJ_LINK].round;
	if (!row->named)
		HASH_ADD_KEYPTR(hn, r->link_names, row->link.name, strlen(row->link.name), row);
	row->named = true;
}

/* Beyond the one change that the event itself tells of. */
static uint32_t changes_missed(const struct anod_link *was, const struct anod_link *is)
{
	uint32_t up = is->carrier_up - was->carrier_up, down = is->carrier_down - was->carrier_down;
	bool seen_up = !was->carrier && is->carrier, seen_down = was->carrier && !is->carrier;

	return (up > seen_up ? up - seen_up : 0) + (down > seen_down ? down - seen_down : 0);
}

void link_take(struct rtnl *r, const struct anod_object *o, const struct nlmsghdr *m, bool is_gone)
{
	const struct anod_link *link = &o->u.link;
	struct link_row *row = find(r, link->ifindex);
	bool was_up = row && (row->link.flags & IFF_UP);

	(void) r->ctx->host->object(r->ctx, o, is_gone);
	if (is_gone) {
		if (row) {
			lose_entity(r, row);
			link_forget(r, row);
		}
		qdisc_link_gone(r, link->ifindex);
		dump_removed(r);
		return;
	}

	if (row && strcmp(row->link.name, link->name) != 0)
		renamed(r, row);
	if (row && drops_nexthops(&row->link, link))
		dump_want(r, ANOD_OBJ_NEXTHOP, SOON);
	if (row && ((was_up && !(link->flags & IFF_UP)) || drops_nexthops(&row->link, link)))
		dump_removed(r);
	else if (row && moves_routes(&row->link, link))
		dump_want(r, ANOD_OBJ_ROUTE, SOON);
	if (row) {
		uint32_t missed = changes_missed(&row->link, link);

		row->missed += missed;
		if (missed)
			health(r, ANOD_HEALTH_MISSED, missed);
	} else {
		row = make(r, link);
	}
	if (!row || !take_name(r, row, link->name))
		return;

	remember(r, row, link);
	publish_link(r, row, m);
}

void link_sweep(struct rtnl *r)
{
	struct link_row *row, *next;

	HASH_ITER(hh, r->links, row, next)
	if (row->round != r->table[ANOD_OBJ_LINK].round) {
		row_drop_link(r, row->ifindex);
		link_forget(r, row); /* its entity goes by itself */
		dump_removed(r);
	}
}
