/*
 * control_links - links that a transaction leaves alone, asked the same as the one that it repairs.
 *
 * Design.  A repair that seems to work while everything gets better by itself, or to fail while
 * everything gets worse, has proven nothing.  So the permit may name links to compare with, and the
 * truth of its condition for each of them is taken when the transaction begins.  Only links count
 * that nobody has a hand on: not those of its own steps, nor of another open transaction, nor of
 * one device with them (a VLAN beside its sister), because what happens there may be our doing.
 */
#include <string.h>

#include "host/engine_verify.h"

#define TOUCHED_MAX 64

struct touched {
	unsigned n;
	bool more; /* than have room, or not known: then no link is a control */
	uint32_t root[TOUCHED_MAX];
};

/* The device below a VLAN or the like; itself for others. */
static uint32_t root_of(const struct model *m, uint32_t ifindex)
{
	struct anod_object key = { .type = ANOD_OBJ_LINK }, link;

	for (unsigned depth = 0; depth < 4; depth++) {
		key.u.link.ifindex = ifindex;
		if (model_get(m, &key, &link) < 0 || !link.u.link.lower)
			break;
		ifindex = link.u.link.lower;
	}
	return ifindex;
}

static void touch(const struct model *m, struct touched *t, uint32_t ifindex)
{
	if (ifindex == 0)
		return;
	if (t->n == TOUCHED_MAX)
		t->more = true;
	else
		t->root[t->n++] = root_of(m, ifindex);
}

static void touch_nexthop(const struct model *m, struct touched *t, const struct anod_nexthop *nh)
{
	struct anod_object key = { .type = ANOD_OBJ_NEXTHOP }, member;

	touch(m, t, nh->ifindex);
	for (unsigned i = 0; i < nh->n_members; i++) {
		key.u.nexthop.id = nh->member[i].id;
		if (model_get(m, &key, &member) == 0)
			touch(m, t, member.u.nexthop.ifindex);
	}
}

static void touch_object(const struct model *m, struct touched *t, const struct anod_object *o)
{
	switch (o->type) {
	case ANOD_OBJ_LINK:
		touch(m, t, o->u.link.ifindex);
		return;
	case ANOD_OBJ_ADDR:
		touch(m, t, o->u.addr.ifindex);
		return;
	case ANOD_OBJ_NEIGH:
		touch(m, t, o->u.neigh.ifindex);
		return;
	case ANOD_OBJ_NEXTHOP:
		touch_nexthop(m, t, &o->u.nexthop);
		return;
	case ANOD_OBJ_ROUTE:
		for (unsigned i = 0; i < o->u.route.n_legs; i++)
			touch(m, t, o->u.route.leg[i].ifindex);
		return;
	case ANOD_OBJ_QDISC:
		touch(m, t, o->u.qdisc.ifindex);
		return;
	case ANOD_OBJ_WGPEER:
		touch(m, t, o->u.wgpeer.ifindex);
		return;
	case ANOD_OBJ_SYSCTL: /* what is a link's own goes by the resource */
	case ANOD_OBJ_UNIT:
		return;
	default: /* a rule may lead anywhere */
		t->more = true;
		return;
	}
}

struct by_name {
	const char *name;
	uint32_t ifindex; /* 0: no such link */
};

static int match_name(const struct anod_object *o, void *data)
{
	struct by_name *n = data;

	if (strcmp(o->u.link.name, n->name) == 0)
		n->ifindex = o->u.link.ifindex;
	return n->ifindex != 0;
}

static void touch_txn(const struct host *h, struct touched *t, const struct txn *x)
{
	const char *resource = txns_resource(h->txns, x->id);
	struct by_name own = { .name = resource + strlen("link ") };

	for (unsigned i = 0; i < x->n_steps; i++) {
		if (x->step[i].change.has_pre)
			touch_object(h->model, t, &x->step[i].change.pre);
		if (x->step[i].change.has_post)
			touch_object(h->model, t, &x->step[i].change.post);
	}
	if (strncmp(resource, "link ", strlen("link ")) == 0)
		(void) model_each(h->model, ANOD_OBJ_LINK, match_name, &own);
	touch(h->model, t, own.ifindex);
}

static void touched_now(const struct host *h, const struct txn *own, struct touched *ret)
{
	const struct txn *x;

	*ret = (struct touched){ 0 };
	touch_txn(h, ret, own);
	for (unsigned i = 0; (x = txns_nth(h->txns, i)); i++)
		if (x != own && x->state >= TXN_INTENT && x->state != TXN_COMMIT)
			touch_txn(h, ret, x);
}

static bool is_touched(const struct host *h, const struct touched *t, uint32_t ifindex)
{
	uint32_t root = root_of(h->model, ifindex);

	for (unsigned i = 0; i < t->n; i++)
		if (t->root[i] == root)
			return true;

	return t->more;
}

struct choice {
	struct host *host;
	const struct txn *txn;
	struct tx_before *before;
	struct touched touched;
};

static int choose(const struct anod_object *o, void *data)
{
	struct choice *c = data;
	struct host *h = c->host;
	const struct policy_rule *permit = c->txn->decision->permit;
	const struct anod_link *l = &o->u.link;
	struct control_link *to;
	struct verify_env v;

	if (c->before->n_controls == CONTROLS_MAX)
		return 1;
	if (is_touched(h, &c->touched, l->ifindex) ||
	    set_has(h->config, h->store, host_now(h), permit->against,
		    schema_kind_id(h->schema, "link"), l->name) != ANOD_TRUE)
		return 0;

	to = &c->before->control[c->before->n_controls++];
	(void) copy_text(to->name, sizeof(to->name), l->name);
	verify_env_init(&v, h, c->txn, to->name);
	to->was = expr_truth(permit->verify, &v.env);
	return 0;
}

void control_begin(struct host *h, const struct txn *t, struct tx_before *b)
{
	struct choice c = { h, t, b, { 0 } };

	touched_now(h, t, &c.touched);
	(void) model_each(h->model, ANOD_OBJ_LINK, choose, &c);
}

static const char *meets(enum anod_tri t)
{
	return t == ANOD_TRUE ? "met" : "did not meet";
}

enum anod_tri control_judge(struct host *h, const struct txn *t, struct tx_before *b)
{
	const struct policy_rule *permit = t->decision->permit;
	unsigned n_same = 0;

	for (unsigned i = 0; i < b->n_controls; i++) {
		const struct control_link *c = &b->control[i];
		struct verify_env v;
		enum anod_tri now;

		verify_env_init(&v, h, t, c->name);
		now = expr_truth(permit->verify, &v.env);
		if (c->was == ANOD_DOUBT || now == ANOD_DOUBT)
			continue;
		if (now == c->was) {
			n_same++;
			continue;
		}
		(void) snprintf(b->why, sizeof(b->why),
				"inconclusive: control link %s %s the condition before and %s now",
				c->name, meets(c->was), now == ANOD_TRUE ? "does" : "does not");
		return ANOD_DOUBT;
	}
	if (n_same > 0)
		return ANOD_TRUE;

	(void) snprintf(b->why, sizeof(b->why),
			"inconclusive: no control link of %s could be measured", permit->against);
	return ANOD_DOUBT;
}
