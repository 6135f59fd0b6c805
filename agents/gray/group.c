/*
 * group - next-hop groups: which links share their traffic, and how much each gets.
 *
 * Design.  A lossy member keeps a small weight rather than going: what is left on it are the
 * connections that tell when it is well, and were all members lossy, the group would still be whole.
 * A weight is lowered only while another member is known to be well, and raised again to what it was
 * when the path has been clean for long enough.  What it was is remembered here alone, so a permit
 * should have "undo after": then a restart between the two leaves nothing behind.
 */
#include "gray.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* ---- what there is ------------------------------------------------------------------------ */

static struct group *find(struct agent *a, uint32_t id, bool make)
{
	for (unsigned i = 0; i < a->n_groups; i++)
		if (a->group[i].id == id)
			return &a->group[i];
	if (!make || a->n_groups == GROUPS_MAX)
		return NULL;
	a->group[a->n_groups] = (struct group){ .id = id };
	return &a->group[a->n_groups++];
}

static struct path *path_of_hop(struct agent *a, uint32_t id)
{
	char name[12];
	struct anod_value v;

	(void) snprintf(name, sizeof(name), "%u", id);
	if (a->ctx->host->get(a->ctx, "nexthop", name, "dev", &v, NULL) < 0 ||
	    v.type != ANOD_TEXT || !v.u.text[0])
		return NULL;
	return path_get(a, v.u.text);
}

/* The member 'id', where it was; members come and go in any order. */
static struct member *place(struct group *g, unsigned at, uint32_t id)
{
	for (unsigned i = at; i < g->n_members; i++)
		if (g->member[i].id == id) {
			struct member m = g->member[i];

			/* A verdict that is on its way names the place, so busy ones stay. */
			if (i != at && (m.proposal || g->member[at].proposal))
				return &g->member[i];
			g->member[i] = g->member[at];
			g->member[at] = m;
			return &g->member[at];
		}
	if (g->n_members == MEMBERS_MAX)
		return NULL;
	g->member[g->n_members] = (struct member){ .g = g, .id = id };
	return &g->member[g->n_members++];
}

/* "10=64 11=64" */
static void read_weights(struct agent *a, struct group *g, const char *text)
{
	unsigned at = 0;

	for (const char *p = text; *p; at++) {
		char *end;
		unsigned long id = strtoul(p, &end, 10), weight;
		struct member *m;

		if (*end != '=')
			return;
		weight = strtoul(end + 1, &end, 10);
		m = place(g, at, (uint32_t) id);
		if (!m)
			return;
		m->a = a;
		m->weight = (unsigned) weight;
		m->path = path_of_hop(a, m->id);
		for (p = end; *p == ' ';)
			p++;
	}
	g->there = at > 1;
	/* What is not named any more has left the group. */
	while (g->n_members > at && !g->member[g->n_members - 1].proposal)
		g->n_members--;
}

void groups_read(struct agent *a)
{
	const struct anod_host *h = a->ctx->host;
	const char *name;

	for (unsigned i = 0; i < a->n_groups; i++)
		a->group[i].there = false;
	for (unsigned n = 0; (name = h->each(a->ctx, "nexthop", n)); n++) {
		uint32_t id = (uint32_t) strtoul(name, NULL, 10);
		struct anod_value v;
		struct group *g;

		if (h->get(a->ctx, "nexthop", name, "weights", &v, NULL) < 0 ||
		    v.type != ANOD_TEXT || !strchr(v.u.text, ' '))
			continue;
		g = find(a, id, true);
		if (g)
			read_weights(a, g, v.u.text);
		else if (!a->said_full)
			h->log(a->ctx, LOG_WARNING, "more than %d groups: %u is not looked at",
			       GROUPS_MAX, id);
		a->said_full = a->said_full || !g;
	}
	groups_review(a);
}

bool groups_hold(const struct agent *a, const struct path *p)
{
	for (unsigned i = 0; i < a->n_groups; i++)
		for (unsigned k = 0; k < a->group[i].n_members; k++) {
			const struct member *m = &a->group[i].member[k];

			if (m->path == p && m->state != NORMAL)
				return true;
		}
	return false;
}

/* ---- proposals ---------------------------------------------------------------------------- */

static void add_arg(struct anod_action *act, const char *name, int64_t i)
{
	struct anod_arg *arg = &act->arg[act->n_args++];

	(void) snprintf(arg->name, sizeof(arg->name), "%s", name);
	arg->value.type = ANOD_INT;
	arg->value.u.i = i;
}

static void on_verdict(struct anod_ctx *ctx, uint64_t id, enum anod_verdict v, int error,
		       const char *why, void *data)
{
	struct member *m = data;
	bool raising = m->state == RAISING;

	(void) error;
	if (id != m->proposal || v < ANOD_DENIED)
		return;
	m->proposal = 0;
	if (v == ANOD_COMMITTED) {
		m->state = raising ? NORMAL : LOWERED;
		m->refused = 0;
	} else {
		m->state = raising ? LOWERED : NORMAL;
		m->retry_us = ctx->host->now_us(ctx) + (RETRY_US << m->refused);
		if (m->refused < RETRY_MAX)
			m->refused++;
		ctx->host->log(ctx, LOG_NOTICE, "next hop %u of group %u: weight was not %s: %s",
			       m->id, m->g->id, raising ? "raised" : "lowered",
			       why ? why : "no reason");
	}
	if (m->path)
		path_settle(m->path);
	groups_review(m->a);
}

/* Another member that would take the traffic, and is known to be well. */
static const struct member *healthy_other(const struct member *m)
{
	for (unsigned i = 0; i < m->g->n_members; i++) {
		const struct member *o = &m->g->member[i];
		const struct path *p = o->path;
		struct anod_value v;

		if (o == m || !p || p == m->path || o->state != NORMAL || p->state != WELL ||
		    p->tcp == ANOD_TRUE || (m->a->n_probes && !path_heard(p)))
			continue;
		if (m->a->ctx->host->get(m->a->ctx, "link", p->dev, "carrier", &v, NULL) == 0 &&
		    v.type == ANOD_BOOL && v.u.i)
			return o;
	}
	return NULL;
}

static void propose(struct member *m, unsigned weight, enum member_state state,
		    const struct member *other)
{
	struct agent *a = m->a;
	struct anod_proposal p = {
		.size = sizeof(p), .n_actions = 1, .finding = m->path->finding, .confidence = 0.9
	};
	const char *dev = m->path->dev;
	int r;

	p.action[0].size = sizeof(p.action[0]);
	(void) snprintf(p.action[0].kind, ANOD_KIND_SIZE, "nexthop.weight");
	add_arg(&p.action[0], "id", m->g->id);
	add_arg(&p.action[0], "member", m->id);
	add_arg(&p.action[0], "weight", weight);
	if (state == LOWERING) {
		(void) snprintf(p.reason, sizeof(p.reason),
				"%s loses %.1f %% of what is sent over it, and %s does not", dev,
				m->path->loss * 100, other->path->dev);
		(void) snprintf(p.expect, sizeof(p.expect),
				"most connections go by %s and lose nothing; probes go on over %s",
				other->path->dev, dev);
		/* Fewer are lost here, because fewer go here, and not more there. */
		(void) snprintf(p.verify, sizeof(p.verify),
				"rate(tcp.%s.lost, 4s) < %.2f and "
				"not lossy(tcp.%s.lost, tcp.%s.segs)",
				dev, path_limit(m->path), other->path->dev, other->path->dev);
	} else {
		(void) snprintf(p.reason, sizeof(p.reason),
				"probes over %s have been well for long enough", dev);
		(void) snprintf(p.expect, sizeof(p.expect), "%s has its share again", dev);
	}
	m->state = state;
	r = a->ctx->host->propose(a->ctx, &p, on_verdict, m, &m->proposal);
	if (r < 0) {
		m->proposal = 0;
		m->state = state == RAISING ? LOWERED : NORMAL;
		m->retry_us = a->ctx->host->now_us(a->ctx) + RETRY_US;
		a->ctx->host->log(a->ctx, LOG_WARNING, "a proposal was refused: %s", strerror(-r));
	}
}

static void review(struct member *m, uint64_t now)
{
	const struct agent *a = m->a;
	const struct member *other;

	if (m->proposal || !m->path || now < m->retry_us)
		return;
	if (m->state == LOWERED && m->weight != a->keep) {
		m->state = NORMAL; /* somebody else, or an undo, has set it: it is theirs */
		return;
	}
	if (m->state == NORMAL && m->path->state == GRAY && m->weight > a->keep &&
	    !path_clean(m->path)) {
		other = healthy_other(m);
		if (!other)
			return;
		m->before = m->weight;
		propose(m, a->keep, LOWERING, other);
	} else if (m->state == LOWERED && m->path->state == GRAY && path_clean(m->path)) {
		propose(m, m->before, RAISING, NULL);
	}
}

void groups_review(struct agent *a)
{
	uint64_t now = a->ctx->host->now_us(a->ctx);

	for (unsigned i = 0; i < a->n_groups; i++)
		for (unsigned k = 0; a->group[i].there && k < a->group[i].n_members; k++)
			review(&a->group[i].member[k], now);
}
