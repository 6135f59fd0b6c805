/*
 * config_check - blocks against each other and against what is loaded; and config_free().
 *
 * Design.  What can be wrong inside one block was said while it was parsed.  Here is what needs
 * the whole: endpoints whose provider no plugin speaks.
 */
#include "policy/parse.h"

const struct anod_plugin *find_plugin(const struct parse *p, const char *name, uint32_t role)
{
	for (unsigned i = 0; p->env->plugins[i]; i++) {
		if ((p->env->plugins[i]->roles & role) &&
		    strcmp(p->env->plugins[i]->name, name) == 0)
			return p->env->plugins[i];
	}
	return NULL;
}

const struct config_block *find_agent(const struct parse *p, const char *name)
{
	for (unsigned i = 0; i < p->config->n_agents; i++) {
		if (strcmp(p->config->agent[i].name, name) == 0)
			return &p->config->agent[i];
	}
	return NULL;
}

static void check_provider(struct parse *p, const struct config_endpoint *e)
{
	const char *names[64] = { 0 }, *near;
	unsigned n = 0;

	for (unsigned i = 0; p->env->plugins[i] && n < ARRAY_SIZE(names) - 1; i++) {
		const struct anod_plugin *m = p->env->plugins[i];

		if (!(m->roles & ANOD_MODEL) || !m->dialect)
			continue;
		if (strcmp(m->dialect->name, e->provider) == 0)
			return;
		names[n++] = m->dialect->name;
	}
	near = nearest_word(e->provider, names);
	if (near)
		(void) parse_error(p, &e->place,
				   "endpoint %s: there is no provider '%s'; did you mean '%s'?",
				   e->name, e->provider, near);
	else
		(void) parse_error(p, &e->place,
				   "endpoint %s: no plugin speaks the dialect of provider '%s'",
				   e->name, e->provider);
}

static int srlg_index(struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_srlgs; i++)
		if (strcmp(c->srlg[i], name) == 0)
			return (int) i;
	if (c->n_srlgs == CONFIG_SRLGS_MAX)
		return -E2BIG;
	c->srlg[c->n_srlgs] = name;
	return (int) c->n_srlgs++;
}

/* Give each risk group a number, so that a link's groups are a word. */
static void number_srlgs(struct parse *p)
{
	struct config *c = p->config;

	for (unsigned i = 0; i < c->n_links; i++)
		for (unsigned k = 0; k < c->link[i].n_srlgs; k++) {
			int at = srlg_index(c, c->link[i].srlg[k]);

			if (at < 0) {
				(void) parse_error(p, &c->link[i].place,
						   "link %s: '%s' is one risk group too many; at "
						   "most %d are possible",
						   c->link[i].name, c->link[i].srlg[k],
						   CONFIG_SRLGS_MAX);
				return;
			}
			c->link[i].srlg_mask |= UINT64_C(1) << at;
		}
}

bool is_own_agent(const char *name)
{
	return strcmp(name, REFLEX_AGENT_NAME) == 0 || strcmp(name, SAFE_AGENT_NAME) == 0;
}

static void check_own_agents(struct parse *p)
{
	for (unsigned i = 0; i < p->config->n_agents; i++) {
		const struct config_block *a = &p->config->agent[i];

		if (strcmp(a->name, REFLEX_AGENT_NAME) == 0)
			(void) parse_error(p, &a->place,
					   "the daemon's own reflexes are called 'reflex': give "
					   "this agent another name, agent NAME plugin reflex");
		if (strcmp(a->name, SAFE_AGENT_NAME) == 0)
			(void) parse_error(p, &a->place,
					   "the daemon's own safe profile is called 'safe': give "
					   "this agent another name, agent NAME plugin safe");
	}
}

void config_check(struct parse *p)
{
	config_people_check(p);
	config_peers_check(p);
	number_srlgs(p);
	check_own_agents(p);
	for (unsigned i = 0; i < p->config->n_endpoints; i++) {
		const struct config_endpoint *e = &p->config->endpoint[i];

		if (!parse_is_broken(p, &e->place))
			check_provider(p, e);
	}
}

static void blocks_done(struct config_block *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < b[i].n_options; k++) {
			free(b[i].option[k].name);
			free(b[i].option[k].value);
		}
		free(b[i].option);
		free(b[i].name);
		free(b[i].plugin);
	}
	free(b);
}

static void endpoint_done(struct config_endpoint *e)
{
	free(e->name);
	free(e->provider);
	free(e->url);
	free(e->model);
	free(e->key_file);
}

struct config *config_free(struct config *c)
{
	if (!c)
		return NULL;

	policy_free(c->policy);
	blocks_done(c->agent, c->n_agents);
	blocks_done(c->sensor, c->n_sensors);
	definitions_done(c);
	for (unsigned i = 0; i < c->n_links; i++) {
		free(c->link[i].name);
		free(c->link[i].role);
		for (unsigned k = 0; k < c->link[i].n_srlgs; k++)
			free(c->link[i].srlg[k]);
		free(c->link[i].srlg);
	}
	free(c->link);
	for (unsigned i = 0; i < c->n_groups; i++)
		config_group_done(&c->group[i]);
	free(c->group);
	for (unsigned i = 0; i < c->n_endpoints; i++)
		endpoint_done(&c->endpoint[i]);
	free(c->endpoint);
	config_peers_done(c);
	for (unsigned i = 0; i < c->n_files; i++)
		free(c->file[i]);
	free(c->file);
	for (unsigned i = 0; i < c->n_history_keeps; i++)
		expr_free(c->history_keep[i]);
	free(c->history_keep);
	free(c->text_name);
	free(c->state_dir);
	free(c->run_dir);
	free(c->plugin_dir);
	free(c->unix_group);
	free(c->safe);
	free(c);
	return NULL;
}
