/*
 * facts - what the uplink agent reads.
 *
 * Design.  Routes are read as a whole after they have settled, never half-published: a gateway
 * of one route with the link of another would be a wrong action.  Each is read twice, because
 * the host may be writing it meanwhile; one that keeps changing is unknown until its next event.
 * Links and gateways are read
 * at every judgement.  A FAILED neighbour stays a fault while it is INCOMPLETE, because that is
 * the kernel asking once more, every few seconds.
 */
#include "uplink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

struct route_facts {
	int64_t table, metric, protocol, legs;
	struct anod_prefix dst, via;
	char dev[ANOD_IFNAME_SIZE];
	bool unicast;
};

enum anod_tri facts_truth(struct agent *a, const char *kind, const char *entity, const char *attr)
{
	struct anod_value v;

	if (a->ctx->host->get(a->ctx, kind, entity, attr, &v, NULL) < 0)
		return ANOD_FALSE;
	if (v.type != ANOD_BOOL)
		return ANOD_DOUBT;
	return v.u.i ? ANOD_TRUE : ANOD_FALSE;
}

static bool get_int(struct agent *a, const char *kind, const char *entity, const char *attr,
		    int64_t *ret)
{
	struct anod_value v;

	if (a->ctx->host->get(a->ctx, kind, entity, attr, &v, NULL) < 0 || v.type != ANOD_INT)
		return false;
	*ret = v.u.i;
	return true;
}

/* False: something that a decision needs is unknown. */
static bool read_route_once(struct agent *a, const char *entity, struct route_facts *ret)
{
	const struct anod_host *h = a->ctx->host;
	struct anod_value v;

	memset(ret, 0, sizeof(*ret));
	if (h->get(a->ctx, "route", entity, "dst", &v, NULL) < 0 || v.type != ANOD_PREFIX)
		return false;
	ret->dst = v.u.prefix;
	if (h->get(a->ctx, "route", entity, "type", &v, NULL) < 0 || v.type != ANOD_TEXT)
		return false;
	ret->unicast = !strcmp(v.u.text, "unicast");
	/* A blackhole has no link; a route on the link has no gateway. */
	if (h->get(a->ctx, "route", entity, "dev", &v, NULL) == 0 && v.type == ANOD_TEXT)
		(void) snprintf(ret->dev, sizeof(ret->dev), "%.15s", v.u.text);
	if (h->get(a->ctx, "route", entity, "gateway", &v, NULL) == 0 && v.type == ANOD_PREFIX)
		ret->via = v.u.prefix;
	if (!get_int(a, "route", entity, "legs", &ret->legs))
		ret->legs = 1;
	return get_int(a, "route", entity, "table", &ret->table) &&
	       get_int(a, "route", entity, "metric", &ret->metric) &&
	       get_int(a, "route", entity, "protocol", &ret->protocol);
}

static bool same_prefix(const struct anod_prefix *a, const struct anod_prefix *b)
{
	return a->family == b->family && a->len == b->len &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static bool same_route(const struct route_facts *a, const struct route_facts *b)
{
	return a->table == b->table && a->metric == b->metric && a->protocol == b->protocol &&
	       a->legs == b->legs && same_prefix(&a->dst, &b->dst) &&
	       same_prefix(&a->via, &b->via) && strcmp(a->dev, b->dev) == 0 &&
	       a->unicast == b->unicast;
}

/* Two readings that agree: between two facts of one reading the route may have changed. */
static bool read_route(struct agent *a, const char *entity, struct route_facts *ret)
{
	struct route_facts again;

	for (unsigned i = 0; i < 3; i++) {
		if (!read_route_once(a, entity, ret) || !read_route_once(a, entity, &again))
			return false;
		if (same_route(ret, &again))
			return true;
	}
	return false;
}

static void take_own(struct agent *a, unsigned family, const struct route_facts *r,
		     struct family_now *f)
{
	const struct plan *last = &a->steering.plan[family];
	uint32_t mask = 0;

	f->now.steering = true;
	f->now.first = uplink_index(a, r->dev);
	f->now.n_legs = (unsigned) r->legs;
	/* Facts name the first leg only; what we last asked for tells the others. */
	for (unsigned i = 0; i < last->n_legs; i++)
		mask |= 1u << last->leg[i];
	if (last->n_legs == f->now.n_legs && f->now.first >= 0 && mask & 1u << f->now.first)
		f->now.legs_mask = mask;
}

static void take_foreign(struct agent *a, unsigned family, const struct route_facts *r,
			 struct family_now *f, struct way way[UPLINKS_MAX])
{
	int i = uplink_index(a, r->dev);

	if (i < 0 && a->discover && r->dev[0])
		i = uplink_add(a, r->dev, 1);
	if (f->metric < 0 || r->metric < f->metric) {
		f->metric = r->metric;
		f->now.natural = i < 0 ? -1 : i;
		f->stranger = i < 0;
	}
	if (i >= 0 && (!way[i].known || r->metric < way[i].metric))
		way[i] = (struct way){ true, r->via, r->metric };
	(void) family;
}

void facts_read_routes(struct agent *a)
{
	const struct anod_host *h = a->ctx->host;
	struct way way[FAMILIES][UPLINKS_MAX] = { 0 };
	struct family_now now[FAMILIES] = { 0 };
	const char *entity;

	for (unsigned f = 0; f < FAMILIES; f++)
		now[f] = (struct family_now){ .now = { .natural = -1, .first = -1 }, .metric = -1 };

	a->routes_dirty = false;
	a->routes_unknown = false;
	for (unsigned n = 0; (entity = h->each(a->ctx, "route", n)); n++) {
		struct route_facts r;
		unsigned f;

		if (!read_route(a, entity, &r)) {
			a->routes_unknown = true;
			return;
		}
		if (r.table != a->table || r.dst.len != 0 || !r.unicast)
			continue;
		f = r.dst.family == AF_INET6;
		if (r.protocol != ANOD_RTPROT)
			take_foreign(a, f, &r, &now[f], way[f]);
		else if (r.metric == a->metric)
			take_own(a, f, &r, &now[f]);
	}

	memcpy(a->family, now, sizeof(now));
	for (unsigned i = 0; i < a->n_uplinks; i++)
		for (unsigned f = 0; f < FAMILIES; f++)
			a->uplink[i]->way[f] = way[f][i];
}

/* The gateway's neighbour entry: FALSE when the kernel gave it up. */
static enum anod_tri read_gateway(struct agent *a, struct uplink *u, unsigned f)
{
	char entity[ANOD_NAME_SIZE], text[INET6_ADDRSTRLEN];
	const struct anod_prefix *via = &u->way[f].via;
	struct anod_value v;

	if (!u->way[f].known || !via->family ||
	    !inet_ntop(via->family, via->addr, text, sizeof(text)))
		return ANOD_TRUE;
	(void) snprintf(entity, sizeof(entity), "%s/%s", u->dev, text);
	if (a->ctx->host->get(a->ctx, "neigh", entity, "state", &v, NULL) < 0)
		return ANOD_TRUE; /* never asked for, or forgotten */
	if (v.type != ANOD_TEXT)
		return ANOD_DOUBT;
	if (!strcmp(v.u.text, "failed"))
		return ANOD_FALSE;
	if (!strcmp(v.u.text, "incomplete") && u->health.state == HEALTH_GATEWAY)
		return ANOD_FALSE;
	return ANOD_TRUE;
}

static enum anod_tri tri_min(enum anod_tri x, enum anod_tri y)
{
	return x < y ? x : y;
}

void facts_read_uplink(struct agent *a, struct uplink *u, struct health_input *ret)
{
	uint64_t now = a->ctx->host->now_us(a->ctx);
	uint64_t stale_us = 3 * a->every_us + a->params.timeout_us + 2000000;

	u->admin = facts_truth(a, "link", u->dev, "admin_up");
	/* There is always a loopback: no link at all means that nobody has looked yet. */
	if (!a->ctx->host->each(a->ctx, "link", 0))
		u->admin = ANOD_DOUBT;
	u->link = u->admin == ANOD_TRUE ? facts_truth(a, "link", u->dev, "carrier") : u->admin;
	*ret = (struct health_input){ .link = u->link, .targets = a->n_targets };
	ret->gateway = tri_min(read_gateway(a, u, 0), read_gateway(a, u, 1));
	for (unsigned t = 0; t < a->n_targets; t++) {
		if (!u->target[t].seen_us || now > u->target[t].seen_us + stale_us)
			continue; /* a sensor that says nothing does not say "fine" */
		ret->up += u->target[t].up == ANOD_TRUE;
		ret->down += u->target[t].up == ANOD_FALSE;
	}
}

void facts_base_target(struct agent *a, struct target *t)
{
	struct anod_value v;
	uint64_t age = 0;

	t->based = get_int(a, "probe", t->entity, "sent", &t->sent) &&
		   get_int(a, "probe", t->entity, "lost", &t->lost) &&
		   get_int(a, "probe", t->entity, "void", &t->voided);
	t->fed_sent = t->sent;
	t->fed_lost = t->lost;
	t->fed_voided = t->voided;

	t->up = ANOD_DOUBT;
	if (a->ctx->host->get(a->ctx, "probe", t->entity, "up", &v, &age) < 0 ||
	    v.type != ANOD_BOOL)
		return;
	t->up = v.u.i ? ANOD_TRUE : ANOD_FALSE;
	t->seen_us = a->ctx->host->now_us(a->ctx) - age;
}
