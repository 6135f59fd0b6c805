/*
 * policy_check_cmd - anod policy check: everything that the analysis finds, for people and programs.
 */
#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "facts/value.h"
#include "host/policy_cmd.h"
#include "policy/analyse.h"
#include "policy/pairs.h"
#include "policy/stage.h"

struct report {
	const struct policy_options *o;
	struct policy_world *w;
	cJSON *files; /* NULL: as text */
	bool errors, warnings;
};

static cJSON *place_json(const struct lex_place *p)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "file", p->file ? p->file : "");
	cJSON_AddNumberToObject(o, "line", p->line);
	cJSON_AddNumberToObject(o, "column", p->column);
	return o;
}

static void add_json(cJSON *list, const char *severity, const char *check,
		     const struct lex_place *place, const char *text, const char *cure)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "severity", severity);
	cJSON_AddStringToObject(o, "check", check);
	cJSON_AddItemToObject(o, "place", place_json(place));
	cJSON_AddStringToObject(o, "text", text);
	cJSON_AddStringToObject(o, "cure", cure);
	cJSON_AddItemToArray(list, o);
}

static void show_diags(struct report *r, const struct diag_list *l, cJSON *list)
{
	for (unsigned i = 0; list && i < l->n; i++)
		add_json(list, l->item[i].level == DIAG_ERROR ? "error" : "warning", "load",
			 &l->item[i].place, l->item[i].text, "");
	for (unsigned i = 0; i < l->n; i++)
		r->warnings |= l->item[i].level == DIAG_WARNING;
	if (!list)
		diag_print(l, stdout);
}

static void show_findings(struct report *r, const struct findings *l, cJSON *list)
{
	for (unsigned i = 0; i < l->n; i++) {
		const struct finding *f = &l->item[i];
		const char *severity = f->level == FINDING_WARNING ? "warning" : "note";

		r->warnings |= f->level == FINDING_WARNING;
		if (list)
			add_json(list, severity, f->check, &f->place, f->text, f->cure);
		else
			(void) printf("%s:%u:%u: %s: %s%s%s\n", f->place.file, f->place.line,
				      f->place.column, severity, f->text, f->cure[0] ? "; " : "",
				      f->cure);
	}
	if (l->n_dropped && !list)
		(void) printf("and %u more\n", l->n_dropped);
}

static void show_summary(const struct config *c, const char *path, const struct findings *l,
			 cJSON *file)
{
	unsigned warnings = 0, notes;

	for (unsigned i = 0; i < l->n; i++)
		warnings += l->item[i].level == FINDING_WARNING;
	notes = l->n - warnings;
	if (!file) {
		(void) printf("%s: good: %u rules, %u invariants, %u agents", path,
			      c->policy->n_rules, c->policy->n_invariants, c->n_agents);
		if (warnings)
			(void) printf(", %u warning%s", warnings, warnings == 1 ? "" : "s");
		if (notes)
			(void) printf(", %u note%s", notes, notes == 1 ? "" : "s");
		(void) puts("");
		return;
	}
	cJSON_AddNumberToObject(file, "rules", c->policy->n_rules);
	cJSON_AddNumberToObject(file, "invariants", c->policy->n_invariants);
	cJSON_AddNumberToObject(file, "agents", c->n_agents);
}

static int add_pair(const struct pair_relation *p, void *data)
{
	cJSON *list = data, *o;

	if (!list) {
		(void) printf("%s \"%s\" and %s \"%s\", agent %s, %s: %s\n", p->a_word, p->a,
			      p->b_word, p->b, p->agent, p->action, p->text);
		return 0;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "a", p->a);
	cJSON_AddStringToObject(o, "b", p->b);
	cJSON_AddStringToObject(o, "agent", p->agent);
	cJSON_AddStringToObject(o, "action", p->action);
	cJSON_AddStringToObject(o, "relation", p->text);
	cJSON_AddBoolToObject(o, "a_empty", p->a_empty);
	cJSON_AddBoolToObject(o, "b_empty", p->b_empty);
	cJSON_AddBoolToObject(o, "meet", p->meet);
	cJSON_AddBoolToObject(o, "a_inside", p->a_inside);
	cJSON_AddBoolToObject(o, "b_inside", p->b_inside);
	cJSON_AddBoolToObject(o, "decided", p->decided);
	cJSON_AddItemToArray(list, o);
	return 0;
}

/* ---- the invariants on a snapshot ------------------------------------------------------------- */

static void show_invariant(const struct policy_invariant *v, const struct invariant_result *r,
			   const char *why, const char *topology, cJSON *list)
{
	cJSON *o;

	if (!list) {
		(void) printf("%s: invariant \"%s\" %s%s%s\n", topology, v->name,
			      r->holds == ANOD_TRUE    ? "holds"
			      : r->holds == ANOD_FALSE ? "does not hold"
						       : "is not known to hold",
			      why[0] ? ": " : "", why);
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "name", v->name);
	cJSON_AddStringToObject(o, "holds", tri_name(r->holds));
	cJSON_AddStringToObject(o, "why", why);
	cJSON_AddItemToArray(list, o);
}

/* How the network of the snapshot stands, without a change. */
static int check_topology(struct report *r, struct config *c, cJSON *list)
{
	_cleanup_(stage_freep) struct stage *s = stage_new(r->w->schema, r->w->env.actions);
	_cleanup_(freep) struct invariant_result *result = NULL;
	_cleanup_(freep) struct text *why = NULL;
	_cleanup_(freep) char *text = NULL;
	struct diag_list diags = { 0 };
	size_t size = 0;
	int err = s ? config_read_file(NULL, r->o->topology, &text, &size) : -ENOMEM;

	if (err == 0)
		err = stage_snapshot(s, c, r->o->topology, text, size, &diags);
	diag_print(&diags, stderr);
	if (err < 0 && !diags.n_errors)
		(void) fprintf(stderr, "%s: %s\n", r->o->topology, strerror(-err));
	diag_done(&diags);
	result = calloc(c->policy->n_invariants + 1, sizeof(*result));
	why = calloc(c->policy->n_invariants + 1, sizeof(*why));
	if (err == 0)
		err = result && why ? stage_bind(s, c) : -ENOMEM;
	if (err == 0)
		err = stage_invariants(s, c, result, why);
	for (unsigned i = 0; err == 0 && i < c->policy->n_invariants; i++) {
		show_invariant(&c->policy->invariant[i], &result[i], why[i].b, r->o->topology,
			       list);
		r->warnings |= result[i].holds != ANOD_TRUE;
	}
	return err;
}

static void check_one(struct report *r, const char *path)
{
	_cleanup_(config_freep) struct config *c = NULL;
	struct diag_list diags = { 0 };
	struct findings found = { 0 };
	struct analyse_in in = { .env = &r->w->env,
				 .wall_us = clock_wall_us(),
				 .max_pairs = ANALYSE_PAIRS_MAX,
				 .notes = !r->o->quiet };
	cJSON *file = r->files ? cJSON_CreateObject() : NULL;
	cJSON *list = file ? cJSON_AddArrayToObject(file, "findings") : NULL;
	int err = config_load(path, &r->w->env, &diags, &c);

	show_diags(r, &diags, list);
	if (err < 0 && !diags.n_errors && !list)
		(void) printf("%s: %s\n", path, strerror(-err));
	if (err >= 0) {
		in.config = c;
		err = analyse(&in, &found);
	}
	if (err >= 0) {
		show_findings(r, &found, list);
		show_summary(c, path, &found, file);
	}
	if (err >= 0 && r->o->pairs)
		err = pairs_each(c, &r->w->env, add_pair,
				 file ? cJSON_AddArrayToObject(file, "pairs") : NULL);
	if (err >= 0 && r->o->topology)
		err = check_topology(
			r, c, file ? cJSON_AddArrayToObject(file, "invariant_states") : NULL);
	r->errors |= err < 0;
	if (file) {
		cJSON_AddStringToObject(file, "file", path);
		cJSON_AddBoolToObject(file, "good", err >= 0);
		cJSON_AddItemToArray(r->files, file);
	}
	findings_done(&found);
	diag_done(&diags);
}

int policy_check_command(const struct policy_options *o, struct policy_world *w, int argc,
			 char **argv)
{
	struct report r = { .o = o, .w = w, .files = o->json ? cJSON_CreateArray() : NULL };
	char *text;

	for (int i = 0; i < argc; i++)
		check_one(&r, argv[i]);
	if (r.files) {
		text = cJSON_Print(r.files);
		(void) puts(text ? text : "null");
		free(text);
		cJSON_Delete(r.files);
	}
	return r.errors || (o->strict && r.warnings) ? POLICY_NO : POLICY_GOOD;
}
