/*
 * config_offer - what there is, for a block that names a plugin that is not there.
 *
 * Design.  Declarative agents are offered as well as shared objects, so the folders of agents are
 * looked through; only here, because their files are read only when a block names them.
 */
#include "policy/parse.h"

struct offered {
	const char *names[256]; /* NULL-ended */
	unsigned n;
	char *owned[256];
	unsigned n_owned;
};

static void offered_done(struct offered *o)
{
	for (unsigned i = 0; i < o->n_owned; i++)
		free(o->owned[i]);
}

/* "x" of "/etc/anod/agents.d/x.agent". */
static void offer_file(struct offered *o, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t n = strlen(name);

	if (n <= strlen(".agent") || o->n == ARRAY_SIZE(o->names) - 1)
		return;
	o->owned[o->n_owned] = strndup(name, n - strlen(".agent"));
	if (o->owned[o->n_owned])
		o->names[o->n++] = o->owned[o->n_owned++];
}

static void offer_files(struct parse *p, struct offered *o)
{
	for (const char *f = p->env->agents ? p->env->agent_dirs : NULL; f && *f;) {
		size_t len = strcspn(f, ":");
		_cleanup_(freep) char *pattern = NULL;
		char **paths = NULL;

		if (asprintf(&pattern, "%.*s/*.agent", (int) len, f) < 0)
			return;
		if (p->env->glob(p->env->data, pattern, &paths) >= 0)
			for (char **path = paths; path && *path; path++) {
				offer_file(o, *path);
				free(*path);
			}
		free(paths);
		f += len + (f[len] == ':');
	}
}

int no_such_plugin(struct parse *p, const struct config_block *b, uint32_t role, const char *what)
{
	_cleanup_(offered_done) struct offered o = { 0 };
	_cleanup_(freep) char *all = NULL;
	const char *near;
	size_t size = 0;
	FILE *f;

	for (unsigned i = 0; p->env->plugins[i] && o.n < ARRAY_SIZE(o.names) - 1; i++) {
		if (p->env->plugins[i]->roles & role)
			o.names[o.n++] = p->env->plugins[i]->name;
	}
	if (role == ANOD_AGENT)
		offer_files(p, &o);
	near = nearest_word(b->plugin, o.names);
	if (near)
		return parse_error(p, &b->place, "there is no %s plugin '%s'; did you mean '%s'?",
				   what, b->plugin, near);
	f = open_memstream(&all, &size);
	if (!f)
		return parse_no_memory(p);
	for (unsigned i = 0; i < o.n; i++)
		fprintf(f, "%s%s", i ? ", " : "", o.names[i]);
	if (fclose(f) != 0)
		return parse_no_memory(p);
	return parse_error(p, &b->place, "there is no %s plugin '%s'; loaded are: %s", what,
			   b->plugin, o.n ? all : "none");
}
