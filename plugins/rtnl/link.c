/*
 * link - interfaces, their names, and what follows from their changes.
 *
 * Design.  The last state of each link is kept, because a message does not say what changed: only
 * a change of flags, carrier or master makes routes worth looking at again.  A link that comes
 * under a new name is a new entity; what has the old name in its own goes with it and is read
 * again.
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

static void forget(struct rtnl *r, struct link_row *row)
{
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

static struct link_row *make(struct rtnl *r, const struct anod_link *link)
{
	struct link_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	row->ifindex = link->ifindex;
	HASH_ADD(hh, r->links, ifindex, sizeof(row->ifindex), row);
	return row;
}

static void gone(struct rtnl *r, struct link_row *row)
{
	(void) r->ctx->host->entity_gone(r->ctx, row->entity);
	row_drop_link(r, row->ifindex);
	forget(r, row);
}

static void renamed(struct rtnl *r, struct link_row *row)
{
	(void) r->ctx->host->entity_gone(r->ctx, row->entity);
	row_drop_link(r, row->ifindex);
	dump_want(r, ANOD_OBJ_ADDR, SOON);
	dump_want(r, ANOD_OBJ_NEIGH, SOON);
	dump_want(r, ANOD_OBJ_NEXTHOP, SOON);
	dump_want(r, ANOD_OBJ_ROUTE, SOON);
}

void link_take(struct rtnl *r, const struct anod_object *o, const struct nlmsghdr *m, bool is_gone)
{
	const struct anod_link *link = &o->u.link;
	struct link_row *row = find(r, link->ifindex);
	bool was_up = row && (row->link.flags & IFF_UP);

	(void) r->ctx->host->object(r->ctx, o, is_gone);
	if (is_gone) {
		if (row)
			gone(r, row);
		dump_removed(r);
		return;
	}

	if (row && strcmp(row->link.name, link->name) != 0)
		renamed(r, row);
	if (was_up && !(link->flags & IFF_UP))
		dump_removed(r);
	else if (row && moves_routes(&row->link, link))
		dump_want(r, ANOD_OBJ_ROUTE, SOON);
	if (!row)
		row = make(r, link);
	if (!row || r->ctx->host->entity(r->ctx, "link", link->name, &row->entity) < 0)
		return;

	row->link = *link;
	row->round = r->table[ANOD_OBJ_LINK].round;
	publish_link(r, row, m);
}

void link_sweep(struct rtnl *r)
{
	struct link_row *row, *next;

	HASH_ITER(hh, r->links, row, next)
	if (row->round != r->table[ANOD_OBJ_LINK].round) {
		row_drop_link(r, row->ifindex);
		forget(r, row);
		dump_removed(r);
	}
}
