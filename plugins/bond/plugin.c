/*
 * plugin - the sensor of bonds: what their members do, and what LACP says of both ends.
 *
 * Design.  A reading asks for the bonds and for the members of each (anod/masters.h).  A member or
 * bond that changes is an event of its link, after which all is read soon: the sensor is as quick
 * as the events, and the readings are for what has none (churn, the partner's state).  When no
 * bond was ever made here the kernel knows none, and it is asked again once a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <anod/masters.h>
#include <anod/netlink.h>
#include <anod/poll.h>

#include "bond.h"
#include "facts.h"

#define MEMBERS_MAX 1024  /* more are not read */
#define PROC_SIZE   32768 /* of /proc/net/bonding/NAME: some 40 members */

struct sensor {
	struct anod_ctx *ctx;
	struct anod_nl *nl, *events;
	struct anod_poll *poll;
	struct anod_rows *bonds, *members;
	struct anod_masters *masters;
	struct bond bond[ANOD_MASTERS_MAX];
	struct bond_count count[ANOD_MASTERS_MAX];
	unsigned n_bonds;
	struct bond_member *member; /* of the reading under way */
	unsigned n_members, members_size;
	char proc[PROC_SIZE]; /* of the bond 'proc_of' */
	uint32_t proc_of;
};

/* ---- members ------------------------------------------------------------------------------ */

static struct bond *bond_of(struct sensor *s, uint32_t ifindex)
{
	for (unsigned i = 0; i < s->n_bonds; i++)
		if (s->bond[i].ifindex == ifindex)
			return &s->bond[i];
	return NULL;
}

/* Kernels before 6.19 tell of churn in a text only. */
static void read_churn(struct sensor *s, const struct bond *b, struct bond_member *m)
{
	if (b->mode != BOND_MODE_LACP || m->actor_churn != CHURN_UNKNOWN)
		return;
	if (s->proc_of != b->ifindex) {
		char path[sizeof("/proc/net/bonding/") + ANOD_IFNAME_SIZE];
		ssize_t n = -1;
		int fd;

		(void) snprintf(path, sizeof(path), "/proc/net/bonding/%s", b->name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			n = read(fd, s->proc, sizeof(s->proc) - 1);
			(void) close(fd);
		}
		s->proc[n > 0 ? n : 0] = '\0';
		s->proc_of = b->ifindex;
	}
	(void) bond_churn_of(s->proc, m->name, &m->actor_churn, &m->partner_churn);
}

static void on_member(struct anod_ctx *ctx, const struct nlmsghdr *msg)
{
	struct sensor *s = ctx->state;
	struct bond_member m;
	struct bond *b;

	if (bond_parse_member(msg, &m) <= 0)
		return;
	b = bond_of(s, m.master);
	if (!b)
		return;
	if (s->n_members == s->members_size) {
		unsigned size = s->members_size ? 2 * s->members_size : 16;
		struct bond_member *more =
			size <= MEMBERS_MAX ? reallocarray(s->member, size, sizeof(*more)) : NULL;

		if (!more)
			return;
		s->member = more;
		s->members_size = size;
	}
	read_churn(s, b, &m);
	member_count(&m, b, &s->count[b - s->bond]);
	s->member[s->n_members++] = m;
}

static void publish_member(struct sensor *s, const struct bond_member *m, const struct bond *b)
{
	struct anod_row *row = anod_rows_take(s->members, m->ifindex, m->name);
	int64_t raw[MEMBER_NUMBERS];
	uint64_t known;

	if (!row)
		return;
	known = member_fill(m, b, &s->count[b - s->bond], raw);
	anod_rows_put(s->members, row, raw, known);
	anod_rows_text(s->members, row, MEMBER_BOND, b->name);
	anod_rows_text(s->members, row, MEMBER_MII, bond_mii_word(m->mii));
	anod_rows_text(s->members, row, MEMBER_CHURN, bond_churn_word(m->actor_churn));
	anod_rows_text(s->members, row, MEMBER_PARTNER_CHURN, bond_churn_word(m->partner_churn));
}

/* ---- bonds -------------------------------------------------------------------------------- */

/* The name of the active member; "" without one. */
static const char *active_name(struct sensor *s, const struct bond *b)
{
	const struct anod_row *m = b->active ? anod_rows_find(s->members, b->active) : NULL;

	return m ? m->name : "";
}

static void publish_bond(struct sensor *s, const struct bond *b, const struct bond_count *count)
{
	struct anod_row *row = anod_rows_take(s->bonds, b->ifindex, b->name);
	int64_t raw[BOND_NUMBERS];
	uint64_t known;
	char mac[18];

	if (!row)
		return;
	known = bond_fill(b, count, raw);
	anod_rows_put(s->bonds, row, raw, known);
	anod_rows_text(s->bonds, row, BOND_MODE, bond_mode_word(b->mode));
	anod_rows_text(s->bonds, row, BOND_HASH, bond_hash_word(b->hash));
	anod_rows_text(s->bonds, row, BOND_ACTIVE,
		       b->has & BOND_HAS_ACTIVE || b->mode != BOND_MODE_LACP ? active_name(s, b)
									     : NULL);
	(void) snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", b->partner[0],
			b->partner[1], b->partner[2], b->partner[3], b->partner[4], b->partner[5]);
	anod_rows_text(s->bonds, row, BOND_PARTNER, b->has & BOND_HAS_AD ? mac : NULL);
}

static void on_done(struct anod_ctx *ctx, int error, const char *why)
{
	struct sensor *s = ctx->state;

	if (error == 0) {
		/* All of them are known now, so it is known who can be spared. */
		for (unsigned i = 0; i < s->n_members; i++)
			publish_member(s, &s->member[i], bond_of(s, s->member[i].master));
		for (unsigned i = 0; i < s->n_bonds; i++)
			publish_bond(s, &s->bond[i], &s->count[i]);
		anod_rows_end(s->members);
		anod_rows_end(s->bonds);
	}
	anod_poll_end(s->poll, error, why, 0);
}

static int64_t on_bond(struct anod_ctx *ctx, const struct nlmsghdr *msg)
{
	struct sensor *s = ctx->state;
	struct bond b;
	int r = bond_parse(msg, &b);

	if (r <= 0)
		return r;
	memset(&s->count[s->n_bonds], 0, sizeof(s->count[0]));
	s->bond[s->n_bonds++] = b;
	return b.ifindex;
}

static const struct anod_masters_desc masters = { "bond", on_bond, on_member, on_done };

static void read_all(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;
	int r;

	s->n_bonds = s->n_members = 0;
	s->proc_of = 0;
	anod_rows_begin(s->bonds);
	anod_rows_begin(s->members);
	r = anod_masters_read(s->masters, s->nl);
	if (r < 0)
		anod_poll_end(s->poll, r, NULL, 0);
}

static void on_event(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = ctx->state;
	struct bond_member m;
	struct bond b;

	(void) data;
	if (!s->poll)
		return;
	if (!msg || bond_parse(msg, &b) > 0 || bond_parse_member(msg, &m) > 0 ||
	    (msg->nlmsg_type == RTM_DELLINK && anod_rows_count(s->bonds)))
		anod_poll_soon(s->poll);
}

/* ---- life --------------------------------------------------------------------------------- */

static int bond_init(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->host->alloc(ctx, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	ctx->state = s;
	return 0;
}

static int bond_start(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;
	int r = anod_rows_new(ctx, &bond_kinds[0], 0, &s->bonds);

	if (r >= 0)
		r = anod_rows_new(ctx, &bond_kinds[1], 0, &s->members);
	if (r >= 0)
		r = anod_masters_new(ctx, &masters, &s->masters);
	if (r >= 0)
		r = anod_nl_open(ctx, NETLINK_ROUTE, 0, &s->nl);
	if (r >= 0)
		r = anod_nl_open(ctx, NETLINK_ROUTE, 0, &s->events);
	if (r >= 0)
		r = anod_nl_listen(s->events, RTNLGRP_LINK, on_event, NULL);
	if (r >= 0)
		r = anod_poll_start(ctx, bond_kinds, "bonds", read_all, &s->poll);
	if (r < 0)
		ctx->host->log(ctx, LOG_ERR, "cannot start: %s", strerror(-r));
	return r;
}

static int bond_need(struct anod_ctx *ctx, const char *kind, const char *entity, uint64_t every_us)
{
	return anod_poll_need(((struct sensor *) ctx->state)->poll, kind, entity, every_us);
}

static void bond_stop(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	anod_poll_stop(s->poll);
	anod_nl_close(s->nl);
	anod_nl_close(s->events);
	s->nl = s->events = NULL;
}

static void bond_fini(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!s)
		return;
	bond_stop(ctx); /* a failed start leaves some open */
	s->bonds = anod_rows_free(s->bonds);
	s->members = anod_rows_free(s->members);
	free(s->member);
}

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 50e3,
	  .max = 30e6,
	  .help = "time between two readings while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "30s",
	  .min = 50e3,
	  .max = 30e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ .name = "incident-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "200ms",
	  .min = 20e3,
	  .max = 30e6,
	  .help = "the same while a bond or a member is in an open incident" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "bond",
	.version = "1",
	.summary = "bonds and their members: mode, LACP of both ends, churn",
	.opts = opts,
	.kinds = bond_kinds,
	.init = bond_init,
	.start = bond_start,
	.stop = bond_stop,
	.fini = bond_fini,
	.need = bond_need,
	.source = "RTM_GETLINK of kind bond and by master, RTNLGRP_LINK (uapi/linux/if_link.h, "
		  "if_bonding.h), /proc/net/bonding",
	.cost = "one filtered dump for all bonds and one for each; nothing where there is none",
	.example = "watch bond_member.mii_up and not bond_member.carries",
};
