/*
 * policy_diff_cmd - anod policy diff: the changed answers, risen first.
 */
#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "host/policy_cmd.h"
#include "policy/diff.h"

static void show_change(const struct change *c)
{
	(void) printf("%s  %s -> %s   %s: %s\n", c->now > c->was ? "ROSE" : "FELL",
		      level_name(c->was), level_name(c->now), c->agents, c->actions);
	(void) printf("  where  %s\n  e.g.   %s\n", c->where, c->example);
	if (c->tried)
		(void) printf("  was    %s\n  now    %s\n", c->was_text, c->now_text);
	else
		(void) printf("  not tried: %s\n", c->untried);
}

static void add_texts(cJSON *o, const char *name, char *const *text, unsigned n)
{
	cJSON *list = cJSON_AddArrayToObject(o, name);

	for (unsigned i = 0; i < n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(text[i]));
}

static void show_json(const struct diff *d)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "changes");
	char *text;

	for (unsigned i = 0; i < d->n; i++) {
		const struct change *c = &d->change[i];
		cJSON *one = cJSON_CreateObject();

		cJSON_AddStringToObject(one, "was", level_name(c->was));
		cJSON_AddStringToObject(one, "now", level_name(c->now));
		cJSON_AddStringToObject(one, "agents", c->agents);
		cJSON_AddStringToObject(one, "actions", c->actions);
		cJSON_AddStringToObject(one, "where", c->where);
		cJSON_AddStringToObject(one, "example", c->example);
		cJSON_AddBoolToObject(one, "tried", c->tried);
		if (c->tried) {
			cJSON_AddStringToObject(one, "was_reason", c->was_text);
			cJSON_AddStringToObject(one, "now_reason", c->now_text);
		} else {
			cJSON_AddStringToObject(one, "untried", c->untried);
		}
		cJSON_AddItemToArray(list, one);
	}
	add_texts(o, "notes", d->note, d->n_notes);
	add_texts(o, "not_decided", d->open, d->n_open);
	text = cJSON_Print(o);
	(void) puts(text ? text : "null");
	free(text);
	cJSON_Delete(o);
}

static void show(const struct diff *d)
{
	for (unsigned i = 0; i < d->n; i++)
		show_change(&d->change[i]);
	for (unsigned i = 0; i < d->n_notes; i++)
		(void) printf("note  %s\n", d->note[i]);
	for (unsigned i = 0; i < d->n_open; i++)
		(void) printf("not decided  %s\n", d->open[i]);
	if (!d->n && !d->n_notes && !d->n_open)
		(void) puts("no answer changes");
}

int policy_diff_command(const struct policy_options *o, struct policy_world *w, int argc,
			char **argv)
{
	_cleanup_(config_freep) struct config *was = NULL, *now = NULL;
	_cleanup_(diff_done) struct diff d = { 0 };
	int r;

	(void) argc;
	if (policy_world_load(w, argv[0], stderr, &was) < 0 ||
	    policy_world_load(w, argv[1], stderr, &now) < 0)
		return POLICY_USE;
	r = policy_diff(was, now, w->schema, &w->env, &d);
	if (r < 0) {
		(void) fprintf(stderr, "anod policy diff: %s\n", strerror(-r));
		return POLICY_USE;
	}
	if (o->json)
		show_json(&d);
	else
		show(&d);
	return d.n || d.n_notes || d.n_open ? POLICY_NO : POLICY_GOOD;
}
