/*
 * check - anod check: load files as the daemon would, and say what is wrong or strange.
 *
 * Design.  The schema is made of the same manifests that the daemon would open, so what is good
 * here is good there.  Warnings of the analysis come behind those of the parser; what
 * is only worth knowing is for "anod policy check".
 */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "host/history_host.h"
#include "host/policy_cmd.h"
#include "policy/analyse.h"

int policy_world_open(struct policy_world *w, const char *plugin_dir, FILE *err)
{
	const char *why = "";
	int r;

	*w = (struct policy_world){ .schema = schema_new() };
	if (!w->schema)
		return -ENOMEM;
	r = plugins_open(plugin_dir, 0, &w->plugins);
	if (r < 0)
		return r;
	r = record_schema(w->schema);
	if (r >= 0)
		r = flights_schema(w->schema);
	for (unsigned k = 0; r >= 0 && k < w->plugins->n; k++) {
		const struct anod_plugin *p = w->plugins->item[k].desc;

		if (p->kinds)
			r = schema_declare(w->schema, p->name, p->kinds, &why);
	}
	if (r < 0)
		(void) fprintf(err, "facts of the plugins in %s: %s\n", plugin_dir,
			       why[0] ? why : strerror(-r));
	w->env = (struct config_env){
		.schema = w->schema,
		.actions = (const struct anod_action_desc *const *) w->plugins->actions,
		.plugins = (const struct anod_plugin *const *) w->plugins->list,
		.read_file = config_read_file,
		.glob = config_glob,
		.agents = &agent_language,
		.agent_dirs = host_agent_dirs(),
	};
	return r;
}

void policy_world_close(struct policy_world *w)
{
	w->schema = schema_free(w->schema);
	w->plugins = plugins_close(w->plugins);
}

int policy_world_load(const struct policy_world *w, const char *path, FILE *err,
		      struct config **ret)
{
	struct diag_list diags = { 0 };
	int r = config_load(path, &w->env, &diags, ret);

	diag_print(&diags, err);
	if (r < 0 && !diags.n_errors)
		(void) fprintf(err, "%s: %s\n", path, strerror(-r));
	diag_done(&diags);
	return r;
}

static int check_file(const struct policy_world *w, const char *path, FILE *out)
{
	_cleanup_(config_freep) struct config *c = NULL;
	struct diag_list diags = { 0 };
	int r = policy_world_load(w, path, out, &c);

	if (r < 0)
		return r;
	r = analyse_load(c, &w->env, &diags);
	diag_print(&diags, out);
	diag_done(&diags);
	if (r >= 0)
		(void) fprintf(out, "%s: good: %u rules, %u invariants, %u agents\n", path,
			       c->policy->n_rules, c->policy->n_invariants, c->n_agents);
	return r;
}

int check_files(const struct host_options *o, char **files, int n, FILE *out)
{
	_cleanup_(policy_world_close) struct policy_world w;
	int worst = policy_world_open(&w, o->plugin_dir, out);

	if (o->agent_dirs)
		w.env.agent_dirs = o->agent_dirs;
	for (int k = 0; k < n && w.schema && w.env.schema; k++) {
		int r = check_file(&w, files[k], out);

		worst = MIN_OF(worst, r);
	}
	return worst;
}
