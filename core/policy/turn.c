/*
 * turn - what a transaction will leave in the track: on which links, and which way it goes.
 *
 * Design.  The direction of a change is read from what it does to the objects, not from the name
 * of the action: a link goes up or down, an object appears or goes, a number (metric, weight, mtu)
 * grows or shrinks, and anything else goes from one state to another, known by their hashes.  An
 * action that moves a route from one link to another is on the new one; the old one is only
 * touched, and yet it takes part in the to and fro.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "policy/judge.h"

/* ---- direction ---------------------------------------------------------------------------- */

static uint32_t mix(uint32_t hash, const void *data, size_t size)
{
	return crc32c(hash, data, size);
}

static uint32_t mix_number(uint32_t hash, uint32_t n)
{
	return mix(hash, &n, sizeof(n));
}

static uint32_t mix_prefix(uint32_t hash, const struct anod_prefix *p)
{
	return mix_number(mix(mix_number(hash, p->family), p->addr, sizeof(p->addr)), p->len);
}

/* What names the object; 'what' tells apart its sides. */
static uint32_t key_of(const struct anod_object *o, const char *what)
{
	uint32_t hash = mix_number(mix(0, what, strlen(what)), o->type);

	switch ((enum anod_obj_type) o->type) {
	case ANOD_OBJ_LINK: /* by name: it outlives a reboot */
		return mix(hash, o->u.link.name, strlen(o->u.link.name));
	case ANOD_OBJ_ADDR:
		return mix_prefix(mix_number(hash, o->u.addr.ifindex), &o->u.addr.local);
	case ANOD_OBJ_ROUTE:
		hash = mix_prefix(mix_number(hash, o->u.route.table), &o->u.route.dst);
		return mix_number(hash, o->u.route.tos);
	case ANOD_OBJ_NEXTHOP:
		return mix_number(hash, o->u.nexthop.id);
	case ANOD_OBJ_RULE:
		hash = mix_prefix(mix_number(hash, o->u.rule.priority), &o->u.rule.src);
		return mix_prefix(mix_number(hash, o->u.rule.table), &o->u.rule.dst);
	case ANOD_OBJ_NEIGH:
		return mix_prefix(mix_number(hash, o->u.neigh.ifindex), &o->u.neigh.dst);
	case ANOD_OBJ_QDISC:
		return mix_number(hash, o->u.qdisc.ifindex);
	case ANOD_OBJ_SYSCTL:
		return mix(hash, o->u.sysctl.name, strnlen(o->u.sysctl.name, ANOD_SYSCTL_SIZE));
	case ANOD_OBJ_WGPEER:
		return mix(mix_number(hash, o->u.wgpeer.ifindex), o->u.wgpeer.public_key,
			   sizeof(o->u.wgpeer.public_key));
	case ANOD_OBJ_UNIT:
		return mix(hash, o->u.unit.name, strnlen(o->u.unit.name, ANOD_UNIT_SIZE));
	}
	return hash;
}

static uint32_t state_of_route(const struct anod_route *r)
{
	uint32_t hash = mix_number(mix_number(1, r->nhid), r->type);

	for (unsigned i = 0; !r->nhid && i < MIN_OF(r->n_legs, ANOD_LEGS_MAX); i++)
		hash = mix_number(mix_number(mix_prefix(hash, &r->leg[i].via), r->leg[i].ifindex),
				  r->leg[i].weight);
	return hash;
}

static uint32_t state_of_nexthop(const struct anod_nexthop *n)
{
	uint32_t hash = mix_prefix(mix_number(mix_number(1, n->ifindex), n->blackhole), &n->via);

	for (unsigned i = 0; i < MIN_OF(n->n_members, ANOD_LEGS_MAX); i++)
		hash = mix_number(mix_number(hash, n->member[i].id), n->member[i].weight);
	return hash;
}

static uint32_t state_of_qdisc(struct anod_qdisc q)
{
	q.handle = 0;
	return mix(1, &q, sizeof(q));
}

/* What is not the key, without what the kernel changes by itself. */
static uint32_t state_of(const struct anod_object *o)
{
	switch ((enum anod_obj_type) o->type) {
	case ANOD_OBJ_ROUTE:
		return state_of_route(&o->u.route);
	case ANOD_OBJ_NEXTHOP:
		return state_of_nexthop(&o->u.nexthop);
	case ANOD_OBJ_NEIGH:
		return mix(1, o->u.neigh.lladdr, sizeof(o->u.neigh.lladdr));
	case ANOD_OBJ_QDISC:
		return state_of_qdisc(o->u.qdisc);
	case ANOD_OBJ_WGPEER:
		return mix_number(
			mix_number(mix_prefix(1, &o->u.wgpeer.endpoint), o->u.wgpeer.port),
			o->u.wgpeer.keepalive_s);
	case ANOD_OBJ_LINK:
	case ANOD_OBJ_ADDR:
	case ANOD_OBJ_RULE:
	case ANOD_OBJ_SYSCTL: /* number_turn() */
	case ANOD_OBJ_UNIT:
		break;
	}
	return 1;
}

static void number_turn(const struct anod_object *o, const char *what, uint32_t from, uint32_t to,
			struct track_turn *ret)
{
	*ret = (struct track_turn){ .key = key_of(o, what) | 1,
				    .way = (to > from) - (to < from),
				    .from = mix_number(0, from),
				    .to = mix_number(0, to) };
}

static void link_turn(const struct anod_change *c, struct track_turn *ret)
{
	const struct anod_link *pre = &c->pre.u.link, *post = &c->post.u.link;

	if ((pre->flags ^ post->flags) & IFF_UP)
		number_turn(&c->pre, "admin", !!(pre->flags & IFF_UP), !!(post->flags & IFF_UP),
			    ret);
	else
		number_turn(&c->pre, "mtu", pre->mtu, post->mtu, ret);
}

/* The one member whose weight differs; false: more than that differs. */
static bool weight_turn(const struct anod_change *c, struct track_turn *ret)
{
	const struct anod_nexthop *pre = &c->pre.u.nexthop, *post = &c->post.u.nexthop;
	unsigned n = MIN_OF(pre->n_members, ANOD_LEGS_MAX), differ = 0, at = 0;

	for (unsigned i = 0; n == post->n_members && i < n; i++) {
		if (pre->member[i].id != post->member[i].id)
			return false;
		if (pre->member[i].weight == post->member[i].weight)
			continue;
		at = i;
		differ++;
	}
	if (differ != 1)
		return false;

	number_turn(&c->pre, "weight", pre->member[at].weight, post->member[at].weight, ret);
	ret->key = mix_number(ret->key, pre->member[at].id) | 1;
	return true;
}

/* Numbers too large to be told apart here go the same way all the same. */
static uint32_t small(int64_t n)
{
	return (uint32_t) MIN_OF(MAX_OF(n, (int64_t) 0), (int64_t) UINT32_MAX);
}

static void change_turn(const struct anod_change *c, struct track_turn *ret)
{
	const struct anod_object *o = c->has_pre ? &c->pre : &c->post;

	if (c->has_pre && c->has_post && o->type == ANOD_OBJ_SYSCTL) {
		number_turn(o, "value", small(c->pre.u.sysctl.value), small(c->post.u.sysctl.value),
			    ret);
		return;
	}
	if (o->type == ANOD_OBJ_UNIT) { /* there is no way back, so it is never a to and fro */
		number_turn(o, "start", 0, 1, ret);
		return;
	}

	if (c->has_pre && c->has_post && o->type == ANOD_OBJ_LINK) {
		link_turn(c, ret);
		return;
	}
	if (c->has_pre && c->has_post && o->type == ANOD_OBJ_NEXTHOP && weight_turn(c, ret))
		return;

	/* Gone is 0; a state that hashes to that loses nothing but one turn. */
	*ret = (struct track_turn){ .key = key_of(o, "") | 1,
				    .way = (int) c->has_post - (int) c->has_pre,
				    .from = c->has_pre ? state_of(&c->pre) : 0,
				    .to = c->has_post ? state_of(&c->post) : 0 };
	if (o->type == ANOD_OBJ_ROUTE)
		ret->key = mix_number(ret->key, o->u.route.metric) | 1;
}

/* A route that is made again with another metric and deleted with the old one. */
static bool metric_turn(const struct anod_change *a, const struct anod_change *b,
			struct track_turn *ret)
{
	const struct anod_change *made = a->has_pre ? b : a, *gone = a->has_pre ? a : b;

	if (made->has_pre || !made->has_post || !gone->has_pre || gone->has_post ||
	    made->post.type != ANOD_OBJ_ROUTE || gone->pre.type != ANOD_OBJ_ROUTE ||
	    key_of(&made->post, "") != key_of(&gone->pre, ""))
		return false;
	number_turn(&made->post, "metric", gone->pre.u.route.metric, made->post.u.route.metric,
		    ret);
	return true;
}

void turn_of(const struct whatif *w, unsigned nth, struct track_turn *ret)
{
	const struct anod_change *first = NULL;

	*ret = (struct track_turn){ 0 };
	for (unsigned i = 0; w && i < w->n_steps; i++) {
		if (w->step_action[i] != nth)
			continue;
		if (first && metric_turn(first, &w->step[i], ret))
			return;
		if (!first)
			change_turn(&w->step[i], ret);
		first = first ? first : &w->step[i];
	}
}

/* ---- entries ------------------------------------------------------------------------------ */

bool class_of(const struct decide_in *in, const char *resource, char *ret)
{
	const struct schema *s = store_schema(in->store);
	const char *space = strchr(resource, ' ');
	const struct schema_attr *a;
	uint32_t entity;
	struct fact f;

	if (!space || strncmp(resource, "link ", 5) != 0) {
		(void) snprintf(ret, ANOD_NAME_SIZE, "%.*s",
				space ? (int) (space - resource) : (int) strlen(resource),
				resource);
		return true;
	}

	ret[0] = '\0';
	a = schema_attr(s, "link", "role");
	entity = a ? store_find(in->store, a->kind, space + 1) : 0;
	if (!entity || store_get(in->store, entity, a->slot, in->now_us, &f) < 0 ||
	    f.value.type != ANOD_TEXT)
		return false;
	(void) copy_text(ret, ANOD_NAME_SIZE, f.value.u.text[0] ? f.value.u.text : "link");
	return true;
}

struct filling {
	const struct decide_in *in;
	const struct answer *answer; /* of the whole */
	struct decision *d;
};

static void fill_one(const struct filling *f, const struct act *act,
		     const struct policy_rule *permit, const char *resource, bool touched)
{
	struct track_entry *e = &f->d->entry[f->d->n_entries];

	if (f->d->n_entries == TRACK_TX_MAX)
		return;
	*e = (struct track_entry){ .nth = f->d->n_entries++,
				   .touched = touched,
				   .audited = permit == f->answer->permit && permit->verify };
	(void) copy_text(e->agent, sizeof(e->agent), f->in->agent);
	(void) copy_text(e->permit, sizeof(e->permit), permit->name);
	(void) copy_text(e->action, sizeof(e->action), act->action->kind);
	(void) copy_text(e->resource, sizeof(e->resource), resource);
	(void) class_of(f->in, resource, e->role);
	turn_of(f->in->whatif, act->nth, &e->turn);
}

static bool on_link(const struct act *act, const char *name)
{
	for (unsigned i = 0; i < act->n_links; i++)
		if (strcmp(act->link[i], name) == 0)
			return true;
	return false;
}

static void fill_action(const struct filling *f, const struct act *act,
			const struct policy_rule *permit)
{
	char resource[ANOD_NAME_SIZE];
	struct act left;

	if (!act->n_links)
		fill_one(f, act, permit, act->resource, false);
	for (unsigned i = 0; i < act->n_links; i++) {
		(void) snprintf(resource, sizeof(resource), "link %s", act->link[i]);
		fill_one(f, act, permit, resource, false);
	}

	act_left(&left, f->in, act->nth);
	for (unsigned i = 0; i < left.n_links; i++) {
		if (on_link(act, left.link[i]))
			continue;
		(void) snprintf(resource, sizeof(resource), "link %s", left.link[i]);
		fill_one(f, act, permit, resource, true);
	}
}

int track_fill(const struct decide_in *in, const struct act *acts, const struct answer *each,
	       const struct answer *answer, struct decision *d)
{
	struct filling f = { .in = in, .answer = answer, .d = d };

	if (d->level < LEVEL_APPROVE)
		return 0;
	d->entry = calloc(TRACK_TX_MAX, sizeof(*d->entry));
	if (!d->entry)
		return -ENOMEM;
	for (unsigned i = 0; i < in->proposal->n_actions; i++)
		if (each[i].permit)
			fill_action(&f, &acts[i], each[i].permit);
	if (d->n_entries > 0) {
		struct track_entry *fitted = realloc(d->entry, d->n_entries * sizeof(*d->entry));

		d->entry = fitted ? fitted : d->entry;
	}
	return 0;
}
