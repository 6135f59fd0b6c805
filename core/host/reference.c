/*
 * reference - anod reference: docs/reference.md, from the manifests of all that is installed.
 *
 * Design.  What a sensor publishes, an action takes and an agent reads is written once, in its
 * manifest; this page is those manifests in the order of an engineer's questions: what is there to
 * be known, what can be done, who does it.  Nothing of the running system is looked at, so
 * the same files give the same page, and a test holds the one in docs/ to it.
 */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "base/log.h"
#include "facts/expr.h"
#include "host/policy_cmd.h"

/* ---- words ------------------------------------------------------------------------------------ */

/* In a cell of a table: one line, and no bar that would end it. */
static void cell(FILE *out, const char *text)
{
	for (const char *c = text ? text : ""; *c; c++) {
		if (*c == '|')
			fputc('\\', out);
		fputc(*c == '\n' || *c == '\t' ? ' ' : *c, out);
	}
}

static const char *type_text(uint8_t type, uint8_t unit)
{
	return type == ANOD_BOOL ? "true or false" : expr_type_text(type, unit);
}

static void line(FILE *out, const char *what, const char *text)
{
	if (!text || !text[0])
		return;
	fprintf(out, "%s: ", what);
	cell(out, text);
	fputs("\n\n", out);
}

static void words(FILE *out, const char *what, const char *const *list)
{
	if (!list || !list[0])
		return;
	fprintf(out, "%s: ", what);
	for (const char *const *w = list; *w; w++)
		fprintf(out, "%s`%s`", w == list ? "" : ", ", *w);
	fputs("\n\n", out);
}

static void example(FILE *out, const char *text)
{
	if (text && text[0])
		fprintf(out, "```\n%s\n```\n\n", text);
}

static void bound(FILE *out, const struct anod_opt *o, double x)
{
	struct anod_value v = o->type == ANOD_INT ? value_int((int64_t) x, (enum anod_unit) o->unit)
						  : value_real(x, (enum anod_unit) o->unit);
	char text[64];

	fputs(value_format(&v, text, sizeof(text)), out);
}

static void options(FILE *out, const struct anod_opt *opts)
{
	if (!opts || !opts->name)
		return;
	fputs("| option | takes | default | |\n| --- | --- | --- | --- |\n", out);
	for (const struct anod_opt *o = opts; o->name; o++) {
		fprintf(out, "| `%s`%s | ", o->name, o->required ? " *" : "");
		fputs(o->words ? o->words : type_text(o->type, o->unit), out);
		if (o->many)
			fputs(", or a list", out);
		if (o->min < o->max) {
			fputs(", ", out);
			bound(out, o, o->min);
			fputs(" to ", out);
			bound(out, o, o->max);
		}
		fputs(" | ", out);
		cell(out, o->dflt);
		fputs(" | ", out);
		cell(out, o->help);
		fputs(" |\n", out);
	}
	fputc('\n', out);
}

/* ---- facts ------------------------------------------------------------------------------------ */

static void age(FILE *out, uint64_t us)
{
	struct anod_value v = value_int((int64_t) us, ANOD_UNIT_TIME);
	char text[64];

	fputs(us ? value_format(&v, text, sizeof(text)) : "event", out);
}

static void fact(FILE *out, const struct schema_attr *a)
{
	fprintf(out, "| `%s.%s` | %s%s | ", a->kind_name, a->name, type_text(a->type, a->unit),
		a->flags & ANOD_VALUE_OUTSIDE ? ", from outside" : "");
	age(out, a->max_age_us);
	fputs(" | ", out);
	cell(out, a->help);
	fputs(" |\n", out);
}

/* All that one source provides, by kind. */
static void facts_of(FILE *out, const struct schema *s, const char *source)
{
	for (uint16_t k = 1; k <= schema_n_kinds(s); k++) {
		bool begun = false;

		for (uint16_t slot = 0; slot < schema_n_slots(s, k); slot++) {
			const struct schema_attr *a = schema_attr_at(s, k, slot);

			if (!a || strcmp(a->source, source) != 0 || (a->flags & SCHEMA_DERIVED))
				continue;
			if (!begun)
				fprintf(out,
					"Kind `%s`: %s\n\n| fact | is | unknown after | |\n"
					"| --- | --- | --- | --- |\n",
					schema_kind_name(s, k), schema_kind_help(s, k) ?: "");
			begun = true;
			fact(out, a);
		}
		if (begun)
			fputc('\n', out);
	}
}

static void sensors(FILE *out, const struct policy_world *w)
{
	fputs("## Sensors and facts\n\n"
	      "*Unknown after*: how long a value counts without being renewed; *event*: it is true "
	      "until it changes, is withdrawn, or its source lost events. *From outside*: text "
	      "that "
	      "others control; shown, never compared, never an argument.\n\n"
	      "### core\n\nWhat the daemon knows by itself and from its configuration.\n\n",
	      out);
	facts_of(out, w->schema, "core");
	for (unsigned i = 0; i < w->plugins->n; i++) {
		const struct anod_plugin *p = w->plugins->item[i].desc;

		if (!(p->roles & ANOD_SENSOR))
			continue;
		fprintf(out, "### %s\n\n", p->name);
		line(out, "Sensor", p->summary);
		line(out, "Source", p->source);
		line(out, "Cost", p->cost);
		example(out, p->example);
		options(out, p->opts);
		facts_of(out, w->schema, p->name);
	}
}

/* ---- actions ----------------------------------------------------------------------------------- */

static void param(FILE *out, const struct anod_param *p)
{
	fprintf(out, "| `%s`%s | ", p->name, p->required ? " *" : "");
	if (p->words)
		for (const char *const *w = p->words; *w; w++)
			fprintf(out, "%s`%s`", w == p->words ? "" : ", ", *w);
	else
		fputs(p->entity ? p->entity : type_text(p->type, p->unit), out);
	if (p->min || p->max)
		fprintf(out, ", %lld to %lld", (long long) p->min, (long long) p->max);
	fputs(" | ", out);
	cell(out, p->help);
	fputs(" |\n", out);
}

static void actions(FILE *out, const struct policy_world *w)
{
	fputs("## Actions\n\nArguments with * must be given. What an action means in a policy, and "
	      "how "
	      "it is undone, is in [actions.md](actions.md).\n\n",
	      out);
	for (unsigned i = 0; w->env.actions[i]; i++) {
		const struct anod_action_desc *a = w->env.actions[i];

		fprintf(out, "### %s\n\n%s.%s%s%s\n\n", a->kind, a->help,
			a->flags & ANOD_ACT_UNDO ? " It can be undone, so it may be `auto`."
						 : " It cannot be undone.",
			a->flags & ANOD_ACT_FOREIGN
				? " Objects of others only where the permit says so."
				: "",
			a->flags & ANOD_ACT_PERSISTENT ? " It outlives a reboot." : "");
		if (!a->params || !a->params->name)
			continue;
		fputs("| argument | takes | |\n| --- | --- | --- |\n", out);
		for (const struct anod_param *p = a->params; p->name; p++)
			param(out, p);
		fputc('\n', out);
	}
}

/* ---- agents ------------------------------------------------------------------------------------ */

static void agent(FILE *out, const struct anod_plugin *p, const struct agent_program *program)
{
	const char *how = program ? "Declared, without C." : "Written in C.";

	fprintf(out, "### %s\n\n", p->name);
	if (p->summary && p->summary[0])
		fprintf(out, "%s. %s\n\n", p->summary, how);
	else
		fprintf(out, "%s\n\n", how);
	if (program)
		fprintf(out, "Finds: `%s` on each %s\n\n", agent_code(program),
			agent_kind(program));
	line(out, "Cost", p->cost);
	words(out, "Reads", p->reads);
	words(out, "Proposes", p->proposes);
	words(out, "Asks the sensors", p->senses);
	if (p->asks)
		fputs("It may ask models.\n\n", out);
	example(out, p->example);
	options(out, p->opts);
}

/* The name of "/x/crc-watch.agent", in 'buf'; NULL: it is longer than a name. */
static const char *name_of(const char *path, char *buf, size_t size)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t n = strlen(name) - strlen(".agent");

	if (n >= size)
		return NULL;
	memcpy(buf, name, n);
	buf[n] = '\0';
	return buf;
}

static int declared(FILE *out, FILE *err, const struct policy_world *w, const char *path)
{
	_cleanup_(config_freep) struct config *c = NULL;
	char name[ANOD_NAME_SIZE], text[2 * ANOD_NAME_SIZE];
	struct diag_list diags = { 0 };
	int r;

	if (!name_of(path, name, sizeof(name)))
		return -ENAMETOOLONG;
	(void) snprintf(text, sizeof(text), "agent %s { }\n", name);
	r = config_load_text(name, text, &w->env, &diags, &c);
	if (r < 0)
		diag_print(&diags, err);
	else if (c->n_defs == 1 && c->def[0].manifest)
		agent(out, c->def[0].manifest, agent_program_of(&c->def[0]));
	diag_done(&diags);
	return r;
}

/* The last folder: that of the installation, or the one that was named. */
static int all_declared(FILE *out, FILE *err, const struct policy_world *w)
{
	const char *dirs = w->env.agent_dirs, *last = strrchr(dirs, ':');
	_cleanup_(freep) char *pattern = NULL;
	char **paths = NULL;
	int n, r = 0;

	if (asprintf(&pattern, "%s/*.agent", last ? last + 1 : dirs) < 0)
		return -ENOMEM;
	n = config_glob(NULL, pattern, &paths);
	for (int i = 0; i < n; i++) {
		int e = declared(out, err, w, paths[i]);

		r = MIN_OF(r, e);
		free(paths[i]);
	}
	free(paths);
	return MIN_OF(r, n < 0 ? n : 0);
}

static int agents(FILE *out, FILE *err, const struct policy_world *w)
{
	fputs("## Agents\n\nWhat each reads and may propose; the configuration can only narrow it. "
	      "How to "
	      "declare one without C: [agents.md](agents.md).\n\n",
	      out);
	for (unsigned i = 0; i < w->plugins->n; i++)
		if (w->plugins->item[i].desc->roles & ANOD_AGENT)
			agent(out, w->plugins->item[i].desc, NULL);
	return all_declared(out, err, w);
}

int reference_write(const struct host_options *o, FILE *out, FILE *err)
{
	_cleanup_(policy_world_close) struct policy_world w;
	int r = policy_world_open(&w, o->plugin_dir, err);

	if (r < 0)
		return r;
	if (o->agent_dirs)
		w.env.agent_dirs = o->agent_dirs;
	fputs("# Reference\n\n"
	      "All sensors with their facts, all actions and all agents, from their manifests: "
	      "written by "
	      "`make docs`, not by hand. `anod reference` writes it for what is installed "
	      "here.\n\n",
	      out);
	sensors(out, &w);
	actions(out, &w);
	return agents(out, err, &w);
}
