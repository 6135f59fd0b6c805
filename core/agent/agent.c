/*
 * agent - a declarative agent from its text alone, as a cell and a test make it.
 *
 * Design.  The text is a configuration with one statement, so it is read by the reader of
 * configurations: there is no second parser that could understand it otherwise.
 */
#include "agent/program.h"

static int no_file(void *data, const char *path, char **ret_text, size_t *ret_size)
{
	(void) data, (void) path, (void) ret_text, (void) ret_size;
	return -EPERM;
}

static int no_glob(void *data, const char *pattern, char ***ret_paths)
{
	(void) data, (void) pattern, (void) ret_paths;
	return -EPERM;
}

const struct agent_program *agent_program_of(const struct config_def *d)
{
	return d->program;
}

const struct anod_plugin *agent_manifest(const struct agent_program *a)
{
	return &a->manifest;
}

const char *agent_code(const struct agent_program *a)
{
	return a->code;
}

const char *agent_kind(const struct agent_program *a)
{
	return a->kind;
}

int agent_load_text(const char *name, const char *text, const struct schema *schema,
		    const struct anod_action_desc *const *actions, struct diag_list *diags,
		    struct config **ret)
{
	static const struct anod_plugin *const no_plugins[] = { NULL };
	_cleanup_(config_freep) struct config *c = NULL;
	const struct config_env env = {
		.schema = schema,
		.actions = actions,
		.plugins = no_plugins,
		.read_file = no_file,
		.glob = no_glob,
		.agents = &agent_language,
	};
	int r = config_load_text(name, text, &env, diags, &c);

	if (r < 0)
		return r;
	if (c->n_defs != 1 || !c->def[0].program)
		return -EINVAL;
	*ret = TAKE(c);
	return 0;
}
