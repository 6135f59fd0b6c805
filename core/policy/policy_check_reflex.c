/*
 * policy_check_reflex - can this reflex ever be armed, and will it be judged when it fires?
 *
 * Design.  Everything here would show only when the link is lost, which is the worst time to
 * learn of it: a permit that does not name the agent "reflex", an action that it does not allow,
 * one that nothing takes back.  What depends on the router (addresses, routes, whose they are) is
 * told by "anodctl reflexes".
 */
#include <net/if.h>

#include "policy/parse.h"

/* What the daemon arms with for a standby, by kind of reflex (docs/reflexes.md). */
static const char *const standby_kinds[] = { "nexthop.replace", "route.replace", "link.set",
					     "rule.add", NULL };

static const struct lex_place *place_of(struct parse *p, const struct policy_rule *r,
					const char *name)
{
	return parse_place_of(p, name, &r->reflex.place);
}

static bool allows_agent(const struct parse *p, const struct policy_rule *r)
{
	for (unsigned i = 0; i < r->n_agents; i++) {
		const struct policy_set *s = policy_find_set(p->config->policy, r->agent[i]);

		if (strcmp(r->agent[i], REFLEX_AGENT_NAME) == 0)
			return true;
		for (unsigned k = 0; s && s->kind == SET_AGENT && k < s->n_names; k++)
			if (strcmp(s->member[k], REFLEX_AGENT_NAME) == 0)
				return true;
	}
	return r->n_agents == 0;
}

static bool allows_action(const struct policy_rule *r, const char *kind)
{
	for (unsigned i = 0; i < r->n_actions; i++)
		if (action_matches(r->action[i], kind))
			return true;
	return r->n_actions == 0;
}

/* ---- the permit around it -------------------------------------------------------------------- */

static void check_permit(struct parse *p, const struct policy_rule *r)
{
	const struct lex_place *at = &r->reflex.place;

	if (!allows_agent(p, r))
		(void) parse_error(p, at,
				   "\"%s\": a reflex is proposed by the agent 'reflex', which this "
				   "permit does not name; write agent reflex",
				   r->name);
	if (r->level != LEVEL_AUTO && r->level != LEVEL_APPROVE)
		(void) parse_error(p, at,
				   "\"%s\": at level %s nothing is armed; write level auto, or "
				   "approve for signatures before it is armed",
				   r->name, level_name(r->level));
	if (r->verify_within_us == 0 && r->level != LEVEL_AUTO)
		(void) parse_error(p, at,
				   "\"%s\": a reflex wants 'verify within DURATION', so that one "
				   "that does not work is taken back",
				   r->name);
	if (r->undo_after_us)
		(void) parse_error(p, at,
				   "\"%s\": 'undo after' does not go with a reflex: it stays armed "
				   "until it fires or is not allowed any more",
				   r->name);
	if (r->quorum.n)
		(void) parse_error(p, at,
				   "\"%s\": 'quorum' does not go with a reflex: what peers grant "
				   "ends, and nobody asks them when it fires",
				   r->name);
}

/* ---- trigger, standby, actions --------------------------------------------------------------- */

static void check_link(struct parse *p, const struct policy_rule *r, const char *name)
{
	const struct config *c = p->config;
	const char *known[64 + 1], *near;
	unsigned n = 0;

	if (strlen(name) >= IFNAMSIZ || !name[0] || strpbrk(name, "/ :")) {
		(void) parse_error(p, place_of(p, r, name), "'%s' cannot be the name of a link",
				   name);
		return;
	}
	for (unsigned i = 0; i < c->n_links; i++) {
		if (strcmp(c->link[i].name, name) == 0)
			return;
		if (n < ARRAY_SIZE(known) - 1)
			known[n++] = c->link[i].name;
	}
	known[n] = NULL;
	near = nearest_word(name, known);
	if (near)
		parse_warning(p, place_of(p, r, name),
			      "no link statement names '%s'; did you mean '%s'?", name, near);
}

static void check_trigger(struct parse *p, struct scope *scope, const struct policy_rule *r)
{
	struct subjectless c = { .noun = "a trigger", .why = "nothing is proposed yet" };
	const struct policy_reflex *x = &r->reflex;

	if (x->link)
		check_link(p, r, x->link);
	if (!x->when || scope_check(scope, x->when, NULL, false) < 0)
		return;
	check_subjectless(p, x->when, &c);
	if (!c.failed && c.n_facts == 0)
		(void) parse_error(p, &x->when->place,
				   "this trigger reads no fact: it is always the same");
}

static void check_scope(struct parse *p, const struct policy_rule *r)
{
	const struct policy_reflex *x = &r->reflex;
	const struct policy_set *s = policy_find_set(p->config->policy, x->scope);

	if (!s)
		(void) parse_error(p, place_of(p, r, x->scope),
				   "there is no set '%s'; write set %s = prefix { ... } for it",
				   x->scope, x->scope);
	else if (s->kind != SET_PREFIX && !parse_is_broken(p, &s->place))
		(void) parse_error(p, place_of(p, r, x->scope),
				   "'%s' is a set of kind '%s', not of prefixes", x->scope,
				   s->kind_name);
}

static void check_standby(struct parse *p, const struct policy_rule *r)
{
	const struct policy_reflex *x = &r->reflex;
	const char *const *k = standby_kinds;

	check_link(p, r, x->standby);
	if (!x->link && x->when)
		(void) parse_error(p, &x->place,
				   "\"%s\": a standby is for the routes over a link: write "
				   "'trigger link LINK', or 'do' instead of 'standby'",
				   r->name);
	else if (x->link && strcmp(x->link, x->standby) == 0)
		(void) parse_error(p, place_of(p, r, x->standby),
				   "\"%s\": '%s' cannot stand by for itself", r->name, x->standby);
	while (*k && !allows_action(r, *k))
		k++;
	if (!*k)
		(void) parse_error(p, &x->place,
				   "\"%s\": a standby is armed with nexthop.replace, "
				   "route.replace, link.set or rule.add, and this permit allows "
				   "none of them",
				   r->name);
}

static void check_do(struct parse *p, const struct policy_rule *r)
{
	const struct policy_reflex *x = &r->reflex;

	for (unsigned i = 0; i < x->n_actions; i++) {
		const char *kind = x->action[i].kind;
		const struct anod_action_desc *d = find_action(p, kind);

		if (!allows_action(r, kind))
			(void) parse_error(p, &x->place,
					   "\"%s\": 'do' has %s, which this permit does not allow",
					   r->name, kind);
		if (d && !(d->flags & ANOD_ACT_UNDO))
			(void) parse_error(p, &x->place,
					   "\"%s\": nothing undoes %s, so it cannot be made ready",
					   r->name, kind);
		else if (d && d->flags & ANOD_ACT_NO_REFLEX)
			(void) parse_error(
				p, &x->place,
				"\"%s\": %s is no message that could be sent at once, so "
				"it cannot be made ready; let an agent propose it",
				r->name, kind);
	}
	if (x->scope)
		(void) parse_error(p, place_of(p, r, x->scope),
				   "\"%s\": 'for' goes with 'standby'; 'do' says itself what it "
				   "changes",
				   r->name);
	if (x->table)
		(void) parse_error(p, &x->place,
				   "\"%s\": 'table' is for the bridge, which only 'standby' makes",
				   r->name);
}

void policy_check_reflex(struct parse *p, struct scope *scope, const struct policy_rule *r)
{
	const struct policy_reflex *x = &r->reflex;

	if (!x->there)
		return;
	check_permit(p, r);
	check_trigger(p, scope, r);
	if (x->standby && x->n_actions)
		(void) parse_error(p, &x->place,
				   "\"%s\": either 'standby' or 'do': with a standby the daemon "
				   "chooses what is done",
				   r->name);
	else if (x->standby)
		check_standby(p, r);
	else if (x->n_actions)
		check_do(p, r);
	else
		(void) parse_error(p, &x->place,
				   "\"%s\": a reflex has 'standby LINK' or 'do \"ACTION ...\"'",
				   r->name);
	if (x->standby && x->scope)
		check_scope(p, r);
	if (x->sentinel_us && !x->link)
		(void) parse_error(
			p, &x->place,
			"\"%s\": 'sentinel' asks for a link: it goes with 'trigger link'", r->name);
}
