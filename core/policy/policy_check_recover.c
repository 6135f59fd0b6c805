/*
 * policy_check_recover - "recover when" and "against": can what they measure be measured then?
 *
 * Design.  While a change is in force, some facts are silent because of it: a link that is down
 * receives no errors, a link without traffic loses no packets.  A recovery that is told by such a
 * fact would come at once, whatever is broken, so every fact of "recover when" has to be one that
 * the permit's actions leave alone.  The table is by kind of action, and says what the action may
 * do at worst, because which arguments it will have is not known yet.
 */
#include "policy/parse.h"

enum hides {
	HIDES_LINK = 1,	   /* the link may be down: nothing is measured on it or over it */
	HIDES_TRAFFIC = 2, /* its traffic goes elsewhere: what counts packets stands still */
	HIDES_NEIGH = 4,   /* the entry is gone, and what was wrong with it */
};

static const struct {
	const char *pattern;
	unsigned hides;
	const char *does;
} actions[] = {
	{ "link.*", HIDES_LINK | HIDES_TRAFFIC, "may have set the link down" },
	{ "route.*", HIDES_TRAFFIC, "keeps traffic away from the link" },
	{ "nexthop.*", HIDES_TRAFFIC, "keeps traffic away from the link" },
	{ "rule.*", HIDES_TRAFFIC, "keeps traffic away from the link" },
	{ "neigh.*", HIDES_NEIGH, "has removed the entry" },
};

/* What the daemon itself sets, and light on a fibre, which is there without the link. */
static bool stays_known(const struct schema_attr *a)
{
	return strcmp(a->name, "role") == 0 || strcmp(a->name, "capacity") == 0 ||
	       strcmp(a->kind_name, "module") == 0;
}

static unsigned told_by(const struct schema_attr *a)
{
	bool link = strcmp(a->kind_name, "link") == 0;

	if (stays_known(a))
		return 0;
	if (strcmp(a->kind_name, "neigh") == 0)
		return HIDES_NEIGH;
	if (strcmp(a->kind_name, "path") == 0 || strcmp(a->kind_name, "probe") == 0)
		return HIDES_LINK;
	return link ? HIDES_LINK | (strcmp(a->source, "counters") == 0 ? HIDES_TRAFFIC : 0) : 0;
}

struct recovery {
	struct parse *p;
	const struct policy_rule *r;
	unsigned n_facts;
};

/* The action of the rule, as written, that is of this kind; NULL: none. */
static const char *names(const struct policy_rule *r, const char *pattern)
{
	if (r->n_actions == 0)
		return pattern;
	for (unsigned i = 0; i < r->n_actions; i++)
		if (strncmp(r->action[i], pattern, strlen(pattern) - 1) == 0)
			return r->action[i];

	return NULL;
}

static void check_fact(const struct expr *e, void *data)
{
	struct recovery *x = data;
	const struct schema_attr *a;

	if (e->op != EXPR_FACT || e->kind == 0 || e->slot < 0)
		return;

	x->n_facts++;
	a = schema_attr_at(x->p->env->schema, e->kind, (uint16_t) e->slot);
	for (unsigned i = 0; a && i < ARRAY_SIZE(actions); i++) {
		const char *action = names(x->r, actions[i].pattern);

		if (!action || !(told_by(a) & actions[i].hides))
			continue;
		(void) parse_error(x->p, &e->place,
				   "\"%s\": %s.%s cannot tell of a recovery, because %s %s and "
				   "the fault only looks healed; measure something that goes on "
				   "meanwhile%s",
				   x->r->name, a->kind_name, a->name, action, actions[i].does,
				   actions[i].hides & HIDES_LINK ? "" : ", such as path.loss");
		return;
	}
}

static void check_recover(struct parse *p, const struct policy_rule *r)
{
	struct recovery x = { p, r, 0 };

	if (r->undo_after_us == 0)
		(void) parse_error(
			p, &r->recover->place,
			"\"%s\": 'recover when' wants 'undo after DURATION', the time at "
			"which the change is taken back though nothing has recovered",
			r->name);
	expr_walk(r->recover, check_fact, &x);
	if (x.n_facts == 0)
		(void) parse_error(p, &r->recover->place,
				   "\"%s\": 'recover when' reads no fact, so nothing can recover",
				   r->name);
}

/* ---- control links --------------------------------------------------------------------------- */

static void note_subject(const struct expr *e, void *data)
{
	bool *found = data;

	if ((e->op == EXPR_FACT || e->op == EXPR_CALL) && e->kind_name && !e->entity)
		*found = true;
}

static void check_against(struct parse *p, const struct policy_rule *r)
{
	const struct policy_set *s = policy_find_set(p->config->policy, r->against);
	const struct lex_place *place = parse_place_of(p, r->against, &r->place);
	bool found = false;

	if (!s) {
		(void) parse_error(p, place, "there is no set '%s'; write set %s = link where ...",
				   r->against, r->against);
		return;
	}
	if (s->kind != SET_LINK && !parse_is_broken(p, &s->place))
		(void) parse_error(p, place,
				   "'%s' is a set of kind '%s'; a change is verified against links",
				   r->against, s->kind_name);
	expr_walk(r->verify, note_subject, &found);
	if (!found)
		(void) parse_error(p, place,
				   "\"%s\": the condition names every entity itself, so there is "
				   "nothing to ask the control links; write link.ATTRIBUTE or "
				   "path.ATTRIBUTE without a name",
				   r->name);
}

void policy_check_recover(struct parse *p, const struct policy_rule *r)
{
	if (r->recover)
		check_recover(p, r);
	if (r->against)
		check_against(p, r);
}
