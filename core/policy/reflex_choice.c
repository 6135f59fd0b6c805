/*
 * reflex_choice - how the reflex of a permit is made ready on this router, and why so.
 *
 * Design.  Each way is one function that either fills the choice or says in a sentence why it is
 * not possible; the reason of a choice are those sentences of the ways before it.  Nothing is
 * remembered between two calls, so a restart chooses the same.
 */
#include "policy/reflex_choice.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "facts/value.h"
#include "model/state.h"
#include "policy/parse.h"
#include "policy/reflex_int.h"

/* ---- words and actions ----------------------------------------------------------------------- */

bool choose_allowed(const struct chooser *c, const char *kind)
{
	const struct policy_rule *r = c->in->permit;

	for (unsigned i = 0; i < r->n_actions; i++)
		if (action_matches(r->action[i], kind))
			return true;
	return r->n_actions == 0;
}

bool choose_not(struct chooser *c, const char *fmt, ...)
{
	size_t n = strlen(c->not_yet);
	va_list ap;

	if (n && n + 2 < sizeof(c->not_yet))
		n += (size_t) snprintf(c->not_yet + n, sizeof(c->not_yet) - n, "; ");
	va_start(ap, fmt);
	if (n < sizeof(c->not_yet))
		(void) vsnprintf(c->not_yet + n, sizeof(c->not_yet) - n, fmt, ap);
	va_end(ap);
	c->to->n_actions = c->to->n_back = 0;
	return false;
}

bool choose_way(struct chooser *c, enum reflex_way way, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(c->to->why, sizeof(c->to->why), fmt, ap);
	va_end(ap);
	if (c->not_yet[0] && n > 0 && (size_t) n < sizeof(c->to->why))
		(void) snprintf(c->to->why + n, sizeof(c->to->why) - (size_t) n, " (%s)",
				c->not_yet);
	c->to->way = way;
	return true;
}

static struct anod_action *next_action(struct anod_action *list, unsigned *n, const char *kind)
{
	struct anod_action *a;

	if (*n == ANOD_ACTIONS_MAX)
		return NULL;
	a = &list[(*n)++];
	*a = (struct anod_action){ .size = sizeof(*a) };
	(void) copy_text(a->kind, sizeof(a->kind), kind);
	return a;
}

struct anod_action *choose_action(struct chooser *c, const char *kind)
{
	return next_action(c->to->action, &c->to->n_actions, kind);
}

struct anod_action *choose_back(struct chooser *c, const char *kind)
{
	return next_action(c->to->back, &c->to->n_back, kind);
}

static void add_arg(struct anod_action *a, const char *name, const struct anod_value *v)
{
	struct anod_arg *arg = &a->arg[a->n_args++];

	(void) copy_text(arg->name, sizeof(arg->name), name);
	arg->value = *v;
}

void act_int(struct anod_action *a, const char *name, int64_t v)
{
	struct anod_value x = value_int(v, ANOD_UNIT_NONE);

	add_arg(a, name, &x);
}

void act_text(struct anod_action *a, const char *name, const char *v)
{
	struct anod_value x = value_text(v);

	add_arg(a, name, &x);
}

void act_bool(struct anod_action *a, const char *name, bool v)
{
	struct anod_value x = value_bool(v);

	add_arg(a, name, &x);
}

void act_prefix(struct anod_action *a, const char *name, const struct anod_prefix *v)
{
	struct anod_value x = value_prefix(v);

	add_arg(a, name, &x);
}

void act_route(struct anod_action *a, const struct anod_route *r)
{
	act_prefix(a, "dst", &r->dst);
	if (r->table != RT_TABLE_MAIN)
		act_int(a, "table", r->table);
	act_int(a, "metric", r->metric);
}

const struct anod_leg *choose_leg(const struct chooser *c, uint8_t family)
{
	unsigned i = family == AF_INET6;

	return c->to->covers[i] ? &c->to->leg[i] : NULL;
}

void act_leg(struct anod_action *a, const struct chooser *c, uint8_t family)
{
	const struct anod_leg *l = choose_leg(c, family);

	if (l && l->via.family)
		act_prefix(a, "via", &l->via);
	act_text(a, "dev", c->standby);
}

/* ---- links and scope ------------------------------------------------------------------------- */

static const struct anod_link *link_named(const struct model *m, const char *name)
{
	const struct otab *t = &m->base.tab[ANOD_OBJ_LINK];

	for (unsigned i = 0; i < t->n_slots; i++) {
		const struct onode *n = otab_at(t, i);

		if (n && strcmp(ONODE_AS(link, n)->name, name) == 0)
			return ONODE_AS(link, n);
	}
	return NULL;
}

bool reflex_in_scope(const struct anod_prefix *dst, void *data)
{
	const struct reflex_ask *in = data;
	const char *name = in->permit->reflex.scope;
	const struct policy_set *s = name ? policy_find_set(in->config->policy, name) : NULL;

	for (unsigned i = 0; s && i < s->n_prefixes; i++)
		if (prefix_contains(&s->prefix[i], dst))
			return true;
	return !s;
}

/* NULL, with the reason, when it is not there or cannot be used. */
static const struct anod_link *usable(struct chooser *c, const char *name, const char *what)
{
	const struct anod_link *l = link_named(c->in->model, name);

	if (!l)
		(void) choose_way(c, REFLEX_WAY_NONE, "there is no link %s", name);
	else if (!(l->flags & IFF_UP))
		(void) choose_way(c, REFLEX_WAY_NONE, "%s %s is down", what, name);
	else if (!link_usable(l))
		(void) choose_way(c, REFLEX_WAY_NONE, "%s %s has no carrier", what, name);
	return l && link_usable(l) ? l : NULL;
}

static bool find_links(struct chooser *c)
{
	const struct anod_link *l;

	if (c->reflex->link) {
		l = usable(c, c->reflex->link, "link");
		if (!l)
			return false;
		c->to->link = l->ifindex;
		c->link = l->name;
	}
	if (c->reflex->standby) {
		l = usable(c, c->reflex->standby, "the standby");
		if (!l)
			return false;
		c->to->standby = l->ifindex;
		c->standby = l->name;
	}
	return true;
}

/* ---- where the standby leads ----------------------------------------------------------------- */

static bool needs_gateway(const struct anod_link *l)
{
	return !(l->flags & (IFF_POINTOPOINT | IFF_NOARP)) && l->lladdr_len > 0;
}

static void no_leg(struct chooser *c, uint8_t family, int r)
{
	int v = family == AF_INET ? 4 : 6;
	size_t n = strlen(c->to->note);

	if (n >= sizeof(c->to->note))
		return;
	(void) snprintf(c->to->note + n, sizeof(c->to->note) - n,
			"%sIPv%d is not covered: %s over %s: write standby %s via ADDRESS",
			n ? "; " : "", v,
			r == -EEXIST ? "there are several gateways" : "no gateway is known",
			c->standby, c->standby);
}

static void find_leg(struct chooser *c, uint8_t family)
{
	const struct policy_reflex *x = c->reflex;
	struct anod_leg leg = { .ifindex = c->to->standby, .weight = 1 };
	const struct anod_link *l = link_named(c->in->model, c->standby);
	int r = 0;

	if (!over_of(&c->over, family)->routes)
		return;
	for (unsigned i = 0; i < x->n_via; i++)
		if (x->via[i].family == family) {
			leg.via = x->via[i];
			r = 1;
		}
	if (!r)
		r = over_gateway(c->in->model, leg.ifindex, family, &leg.via);
	if (r < 0)
		leg.via = (struct anod_prefix){ 0 };
	if (r > 0 || (r == 0 && l && !needs_gateway(l))) {
		c->to->covers[family == AF_INET6] = true;
		c->to->leg[family == AF_INET6] = leg;
	} else {
		no_leg(c, family, r);
	}
}

/* Families without a way over the standby are not covered, and do not count any more. */
static bool find_legs(struct chooser *c)
{
	static const uint8_t family[2] = { AF_INET, AF_INET6 };

	for (unsigned i = 0; i < 2; i++) {
		find_leg(c, family[i]);
		if (!c->to->covers[i])
			c->over.family[i] = (struct over_family){ 0 };
		c->to->routes += c->over.family[i].routes;
	}
	if (c->to->routes)
		return true;
	if (c->to->note[0])
		(void) choose_way(c, REFLEX_WAY_NONE, "%s", c->to->note);
	else
		(void) choose_way(c, REFLEX_WAY_NONE, "no route%s%s goes over %s",
				  c->reflex->scope ? " of " : "",
				  c->reflex->scope ? c->reflex->scope : "", c->link);
	c->to->note[0] = '\0';
	return false;
}

/* ---- all ------------------------------------------------------------------------------------- */

static void choose_do(struct chooser *c)
{
	const struct policy_reflex *x = c->reflex;

	memcpy(c->to->action, x->action, x->n_actions * sizeof(x->action[0]));
	c->to->n_actions = x->n_actions;
	(void) choose_way(c, REFLEX_WAY_READY, "the policy says what is done");
}

static bool choose_kernel(struct chooser *c)
{
	return choose_group(c) || choose_metric(c) || choose_move(c);
}

/* What a daemon may take back at any time is led around as a whole, if that is possible. */
static bool choose_around(struct chooser *c)
{
	bool theirs = of4(c)->daemons + of6(c)->daemons && !c->in->permit->touch_foreign;

	if (theirs)
		return choose_bridge(c) || choose_ready(c);
	return choose_ready(c) || choose_bridge(c);
}

void reflex_choose(const struct reflex_ask *in, struct reflex_choice *ret)
{
	struct chooser *c = calloc(1, sizeof(*c));
	const struct policy_reflex *x = &in->permit->reflex;

	*ret = (struct reflex_choice){ 0 };
	if (!c) {
		(void) copy_text(ret->why, sizeof(ret->why), "no memory");
		return;
	}
	*c = (struct chooser){ .in = in, .reflex = x, .to = ret };
	if (find_links(c)) {
		if (!x->standby) {
			choose_do(c);
		} else {
			over_link(in->model, ret->link, x->scope ? reflex_in_scope : NULL,
				  (void *) (uintptr_t) in, &c->over);
			if (find_legs(c) && !choose_kernel(c) && !choose_around(c))
				(void) copy_text(ret->why, sizeof(ret->why), c->not_yet);
		}
	}
	free(c);
}
