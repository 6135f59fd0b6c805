/*
 * config_agents - declarative agents in the configuration: where they are found, and which run.
 *
 * Design.  What is written in the configuration, or in a file that it includes, runs: an engineer
 * has said so.  A file in the folders of agents is an offer, like a plugin: it is read, and its
 * mistakes count, only when a block "agent NAME { }" names it, so what a package installs changes
 * nothing on a router until somebody wants it.  The engineer's folder comes before the one of the
 * installation.
 *
 * The text of a definition is kept as it was written; the agent's cell makes its program from it.
 */
#include "policy/parse.h"

bool parse_definition_ahead(struct parse *p, const char *name)
{
	struct lexer l = p->lexer;
	struct token t;

	if (!p->env->agents || find_plugin(p, name, ANOD_AGENT))
		return false;
	lex_next(&l, &t);
	if (!token_is(&t, "{"))
		return false;
	do {
		lex_next(&l, &t);
	} while (t.type == TOKEN_NEWLINE);
	return (t.type == TOKEN_WORD && p->env->agents->begins(&t)) ||
	       (p->library && token_is(&t, "}"));
}

static int definition_named(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_defs; i++)
		if (strcmp(c->def[i].name, name) == 0)
			return (int) i;
	return -1;
}

/* From 'start', the name, to the end of the block. */
static int keep_text(struct parse *p, struct config_def *d, const char *start)
{
	const char *end = parse_ahead(p)->text;

	while (end > start && end[-1] != '}')
		end--;
	if ((size_t) (end - start) + sizeof("agent ") > p->env->agents->text_max)
		return parse_error(p, &d->place, "agent %s is longer than %zu bytes; split it",
				   d->name, p->env->agents->text_max);
	if (asprintf(&d->text, "agent %.*s", (int) (end - start), start) < 0) {
		d->text = NULL;
		return parse_no_memory(p);
	}
	return 0;
}

static int check_definition_name(struct parse *p, const struct config_def *d)
{
	if (strspn(d->name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(d->name))
		return parse_error(p, &d->place,
				   "the name of an agent is of small letters, digits, '-' and '_'");
	return 0;
}

int parse_definition(struct parse *p, const char *name, const char *start,
		     const struct lex_place *place)
{
	int before = definition_named(p->config, name), r;
	struct config_def *d = ARRAY_APPEND(p->config->def, p->config->n_defs);

	if (!d)
		return parse_no_memory(p);
	d->place = *place;
	d->library = p->library;
	d->name = strdup(name);
	if (!d->name)
		return parse_no_memory(p);
	r = check_definition_name(p, d);
	if (r == 0 && before >= 0)
		r = parse_error(p, place, "agent %s is defined already: %s:%u", name,
				p->config->def[before].place.file,
				p->config->def[before].place.line);
	if (r < 0) {
		parse_skip_statement(p);
		return r;
	}
	r = p->env->agents->parse(p, d);
	return r < 0 ? r : keep_text(p, d, start);
}

/* ---- the folders ----------------------------------------------------------------------------- */

/* 1: there is such a file, and it was read. */
static int read_library(struct parse *p, const char *folder, size_t len, const char *name,
			const struct lex_place *from)
{
	_cleanup_(freep) char *path = NULL, *text = NULL;
	struct lex_place place = *from;
	size_t size;
	int r;

	if (asprintf(&path, "%.*s/%s.agent", (int) len, folder, name) < 0) {
		path = NULL;
		return parse_no_memory(p);
	}
	r = p->env->read_file(p->env->data, path, &text, &size);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	r = parse_library_file(p, path, &place);
	return r < 0 ? r : 1;
}

int find_definition(struct parse *p, const char *name, bool *ret_said)
{
	unsigned errors = p->diags->n_errors;
	int at = definition_named(p->config, name);
	struct lex_place place = parse_ahead(p)->place;

	*ret_said = false;
	for (const char *f = p->env->agents && !p->library ? p->env->agent_dirs : NULL;
	     at < 0 && f && *f && !strchr(name, '/');) {
		size_t len = strcspn(f, ":");
		int r = read_library(p, f, len, name, &place);

		if (r < 0)
			break;
		at = definition_named(p->config, name);
		if (r > 0 && at < 0 && p->diags->n_errors == errors)
			(void) parse_error(p, &place, "%.*s/%s.agent defines no agent '%s'",
					   (int) len, f, name, name);
		if (r > 0)
			break;
		f += len + (f[len] == ':');
	}
	*ret_said = p->diags->n_errors > errors;
	if (at < 0 || p->config->def[at].program)
		return at;
	*ret_said = true; /* where it is defined */
	return -1;
}

/* ---- which run --------------------------------------------------------------------------------- */

static int run_definition(struct parse *p, unsigned i)
{
	struct config_block *b = ARRAY_APPEND(p->config->agent, p->config->n_agents);
	struct config_def *d = &p->config->def[i];
	int r;

	if (!b)
		return -ENOMEM;
	b->place = d->place;
	b->def = i + 1;
	b->name = strdup(d->name);
	b->plugin = strdup(d->name);
	if (!b->name || !b->plugin)
		return -ENOMEM;
	r = parse_block_defaults(p, b, d->manifest);
	return r == -ENOMEM ? r : 0; /* said otherwise */
}

int run_definitions(struct parse *p)
{
	for (unsigned i = 0; i < p->config->n_defs; i++) {
		const struct config_def *d = &p->config->def[i];
		int r;

		if (d->library || d->named || !d->program)
			continue;
		r = run_definition(p, i);
		if (r < 0)
			return r;
	}
	return 0;
}

void definitions_done(struct config *c)
{
	for (unsigned i = 0; i < c->n_defs; i++) {
		if (c->def[i].program)
			c->agents->free(c->def[i].program);
		free(c->def[i].name);
		free(c->def[i].text);
	}
	free(c->def);
}
