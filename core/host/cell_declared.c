/*
 * cell_declared - in a cell: from the text of a declarative agent to a program.
 *
 * Design.  The host sends the schema, then the arguments of the actions that the agent proposes,
 * then the text: all that the checks of the language need, so the cell reads the text with the
 * host's own reader and comes to the same program.
 */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "base/log.h"
#include "host/cell_int.h"

#define DECLARED_ACTIONS_MAX 64
#define DECLARED_PARAMS_MAX  32 /* an action may know more arguments than it takes at once */

struct declared_action {
	struct anod_action_desc desc;
	char kind[ANOD_KIND_SIZE];
	unsigned n;
	char name[DECLARED_PARAMS_MAX][ANOD_KIND_SIZE];
	struct anod_param param[DECLARED_PARAMS_MAX + 1]; /* ended by a NULL name */
};

struct declared {
	unsigned n_actions;
	struct declared_action *action[DECLARED_ACTIONS_MAX];
	struct config *config; /* with the one definition; NULL: none yet */
};

static struct declared *declared_of(struct cell *c)
{
	if (!c->declared)
		c->declared = calloc(1, sizeof(*c->declared));
	return c->declared;
}

static struct declared_action *action_of(struct declared *d, const char *kind)
{
	struct declared_action *a;

	for (unsigned i = 0; i < d->n_actions; i++)
		if (strcmp(d->action[i]->kind, kind) == 0)
			return d->action[i];
	if (d->n_actions == DECLARED_ACTIONS_MAX)
		return NULL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	copy_text(a->kind, sizeof(a->kind), kind);
	a->desc = (struct anod_action_desc){ .kind = a->kind, .help = "", .params = a->param };
	d->action[d->n_actions++] = a;
	return a;
}

int cell_on_param(struct cell *c, const struct cell_param *m)
{
	struct declared *d = declared_of(c);
	struct declared_action *a;

	if (!memchr(m->action, '\0', sizeof(m->action)) ||
	    !memchr(m->name, '\0', sizeof(m->name)) || c->n_agents)
		return -EPROTO;
	a = d ? action_of(d, m->action) : NULL;
	if (!a)
		return -ENOMEM;
	if (a->n == DECLARED_PARAMS_MAX)
		return -EPROTO;
	copy_text(a->name[a->n], ANOD_KIND_SIZE, m->name);
	a->param[a->n] = (struct anod_param){
		.name = a->name[a->n],
		.type = (uint8_t) m->type,
		.unit = (uint8_t) m->unit,
		.required = (uint8_t) m->required,
		.min = m->min,
		.max = m->max,
	};
	a->n++;
	return 0;
}

static void say_errors(const struct diag_list *diags)
{
	for (unsigned i = 0; i < diags->n; i++)
		if (diags->item[i].level == DIAG_ERROR)
			log_error("%u:%u: %s", diags->item[i].place.line,
				  diags->item[i].place.column, diags->item[i].text);
}

int cell_on_text(struct cell *c, const struct cell_text *m)
{
	const struct anod_action_desc *actions[DECLARED_ACTIONS_MAX + 1] = { 0 };
	struct declared *d = declared_of(c);
	struct diag_list diags = { 0 };
	int r;

	if (!d)
		return -ENOMEM;
	if (c->n_agents || d->config || m->text_size == 0 || m->text_size > CELL_TEXT_SIZE ||
	    m->head.size != offsetof(struct cell_text, text) + m->text_size ||
	    strnlen(m->text, m->text_size) != m->text_size - 1)
		return -EPROTO;
	for (unsigned i = 0; i < d->n_actions; i++)
		actions[i] = &d->action[i]->desc;
	r = agent_load_text("agent", m->text, c->schema, actions, &diags, &d->config);
	if (r < 0)
		say_errors(&diags);
	diag_done(&diags);
	return 0; /* the AGENT that follows fails, and says so */
}

const struct anod_plugin *cell_declared_manifest(const struct cell *c)
{
	const struct declared *d = c->declared;

	return d && d->config ? d->config->def[0].manifest : NULL;
}

void cell_declared_attach(const struct cell *c, struct instance *i)
{
	agent_attach(&i->ctx, agent_program_of(&c->declared->config->def[0]));
}

void cell_declared_done(struct cell *c)
{
	struct declared *d = c->declared;

	if (!d)
		return;
	for (unsigned i = 0; i < d->n_actions; i++)
		free(d->action[i]);
	config_free(d->config);
	free(d);
	c->declared = NULL;
}
