/*
 * policy_explain_cmd - anod policy explain: one decision with every rule, and what would turn it.
 *
 * Design.  With a snapshot the action is planned on its network and invariants are asked; without
 * one only the rules are.  Facts of the command line count more than those of the snapshot.
 */
#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "host/policy_cmd.h"
#include "policy/action_text.h"
#include "policy/counter.h"

struct given {
	const struct policy_options *o;
	const struct config *c;
	const struct anod_proposal *proposal;
	char *snapshot;
	size_t size;
	const char *why; /* of a failure that was not told yet */
};

/* Without a snapshot: the links that the configuration and the action name, with what is written
 * of them. */
static int set_links(struct stage *s, const struct given *g)
{
	static const char *const args[] = { "dev", "dev2", "dev3", "dev4" };
	const struct anod_action *a = &g->proposal->action[0];
	int r = 0;

	if (s->n_links)
		return stage_links(s, g->c, false);
	for (unsigned i = 0; i < g->c->n_links && r >= 0; i++)
		r = stage_link(s, g->c->link[i].name);
	for (uint32_t i = 0; i < a->n_args && r >= 0; i++)
		for (size_t k = 0; k < ARRAY_SIZE(args) && r >= 0; k++)
			if (strcmp(a->arg[i].name, args[k]) == 0 &&
			    a->arg[i].value.type == ANOD_TEXT)
				r = stage_link(s, a->arg[i].value.u.text);
	return r < 0 ? r : stage_links(s, g->c, false);
}

/* Everything that is known, on an empty stage. */
static int set(struct stage *s, void *data)
{
	struct given *g = data;
	struct diag_list diags = { 0 };
	int r = 0;

	/* The first value counts: the command line before the snapshot. */
	for (unsigned i = 0; i < g->o->n_facts && r >= 0; i++)
		r = stage_fact_text(s, g->o->fact[i], &g->why);
	if (r >= 0 && g->snapshot)
		r = stage_snapshot(s, g->c, g->o->topology, g->snapshot, g->size, &diags);
	else if (r >= 0)
		r = set_links(s, g);
	diag_print(&diags, stderr);
	diag_done(&diags);
	return r;
}

static int read_action(const struct policy_options *o, const struct policy_world *w,
		       struct anod_proposal *p)
{
	struct diag_list diags = { 0 };
	struct lexer l;
	int r;

	*p = (struct anod_proposal){ .size = sizeof(*p), .n_actions = 1, .confidence = -1 };
	lex_init(&l, "--action", o->action, strlen(o->action));
	r = action_parse(&l, w->env.actions, &diags, &p->action[0]);
	diag_print(&diags, stderr);
	diag_done(&diags);
	return r;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void show_counters(const char *what, const struct counter *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void) printf("%s %-7s  %s\n", i ? "           " : what, level_name(list[i].level),
			      list[i].text);
}

static void show_rule(const struct decided_rule *r)
{
	static const char *const kinds[] = { "", "permit", "forbid", "cap" };
	const char *truth = r->truth == ANOD_TRUE    ? "TRUE"
			    : r->truth == ANOD_FALSE ? "FALSE"
						     : "UNKNOWN";

	(void) printf("  %-6s \"%s\"  %s%s%s", kinds[r->rule->kind], r->rule->name, truth,
		      r->why[0] ? "  " : "", r->why);
	(void) printf(r->counted ? "  -> %s\n" : "\n", level_name(r->level));
}

static void show(const struct policy_options *o, const struct decision *d, const struct counters *l)
{
	char upper[16];

	(void) copy_text(upper, sizeof(upper), level_name(d->level));
	for (char *c = upper; *c; c++)
		*c = (char) (*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
	(void) printf("%s  agent %s: %s\n  %s\n", upper, o->agent, o->action, d->reason);
	for (unsigned i = 0; i < d->n_rules; i++)
		show_rule(&d->rule[i]);
	for (unsigned i = 0; i < d->n_invariants; i++)
		(void) printf("  invariant \"%s\"  %s%s%s\n", d->invariant[i].invariant->name,
			      d->invariant[i].holds == ANOD_TRUE    ? "HOLDS"
			      : d->invariant[i].holds == ANOD_FALSE ? "FAILS"
								    : "UNKNOWN",
			      d->invariant[i].why[0] ? "  " : "", d->invariant[i].why);
	show_counters("would raise", l->raise, l->n_raise);
	show_counters("would lower", l->lower, l->n_lower);
	if (!l->decided)
		(void) puts(
			"not decided: the rules are too many or too large for what would turn it");
	else if (!l->n_raise && d->level < LEVEL_AUTO)
		(void) puts("no change of facts that was tried would raise it");
	if (!o->topology)
		(void) puts("without --topology: no effect was predicted, no invariant was asked");
}

static void add_counters(cJSON *o, const char *name, const struct counter *list, unsigned n)
{
	cJSON *all = cJSON_AddArrayToObject(o, name);

	for (unsigned i = 0; i < n; i++) {
		cJSON *one = cJSON_CreateObject();

		cJSON_AddStringToObject(one, "level", level_name(list[i].level));
		cJSON_AddStringToObject(one, "change", list[i].text);
		cJSON_AddItemToArray(all, one);
	}
}

static void show_json(const struct decision *d, const struct counters *l)
{
	cJSON *o = decision_json(d);
	char *text;

	add_counters(o, "raise", l->raise, l->n_raise);
	add_counters(o, "lower", l->lower, l->n_lower);
	cJSON_AddBoolToObject(o, "decided", l->decided);
	text = cJSON_Print(o);
	(void) puts(text ? text : "null");
	free(text);
	cJSON_Delete(o);
}

int policy_explain_command(const struct policy_options *o, struct policy_world *w, int argc,
			   char **argv)
{
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_(decision_freep) struct decision *d = NULL;
	_cleanup_(counters_done) struct counters l = { 0 };
	struct given g = { .o = o };
	struct anod_proposal proposal;
	struct counter_in in = { .schema = w->schema,
				 .env = &w->env,
				 .agent = o->agent,
				 .proposal = &proposal,
				 .set = set,
				 .data = &g };
	int r;

	(void) argc;
	if (!o->agent || !o->action) {
		(void) fputs("anod policy explain: --agent and --action are needed\n", stderr);
		return POLICY_USE;
	}
	if (policy_world_load(w, argv[0], stderr, &c) < 0 || read_action(o, w, &proposal) < 0)
		return POLICY_NO;
	r = o->topology ? config_read_file(NULL, o->topology, &g.snapshot, &g.size) : 0;
	if (r < 0)
		(void) fprintf(stderr, "%s: %s\n", o->topology, strerror(-r));
	in.config = c;
	g.c = c;
	g.proposal = &proposal;
	in.plan = o->topology;
	in.wall_us = clock_wall_us();
	if (r >= 0) {
		r = counter_find(&in, &d, &l);
		if (r < 0)
			(void) fprintf(stderr, "anod policy explain: %s\n",
				       g.why && r == -EINVAL ? g.why : strerror(-r));
	}
	if (r >= 0 && o->json)
		show_json(d, &l);
	else if (r >= 0)
		show(o, d, &l);
	free(g.snapshot);
	return r < 0 ? POLICY_NO : POLICY_GOOD;
}
