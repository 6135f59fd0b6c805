/*
 * cells_declared - what the cell of a declarative agent gets in the place of a shared object.
 *
 * Design.  Its text, which was checked when the configuration was loaded, and the arguments of
 * the actions that it proposes, because the cell has no actuator to ask.  So the cell opens no
 * file, and what it runs is what was checked, also when the file was changed since.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "host/links.h"

const char *host_agent_dirs(void)
{
	static char dirs[700];
	char installed[600];

	(void) snprintf(dirs, sizeof(dirs), "/etc/anod/agents.d:%s",
			installed_file("agents", installed, sizeof(installed)));
	return dirs;
}

static int send_params(struct host *h, unsigned number, const struct anod_action_desc *a)
{
	int r = 0;

	for (const struct anod_param *p = a->params; p && p->name && r >= 0; p++) {
		struct cell_param m = {
			.head = { .type = CELL_PARAM },
			.type = p->type,
			.unit = p->unit,
			.required = p->required,
			.min = p->min,
			.max = p->max,
		};

		copy_text(m.action, sizeof(m.action), a->kind);
		copy_text(m.name, sizeof(m.name), p->name);
		r = cells_send(h, number, &m.head, sizeof(m));
	}
	return r;
}

int cells_send_declared(struct host *h, unsigned number, const struct config_def *d)
{
	size_t size = strlen(d->text) + 1;
	struct cell_text *m;
	int r = 0;

	for (const char *const *kind = d->manifest->proposes; *kind && r >= 0; kind++) {
		const struct anod_action_desc *a = plugins_find_action(*kind, h->plugins);

		r = a ? send_params(h, number, a) : -ENOENT;
	}
	if (r < 0)
		return r;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->head.type = CELL_TEXT;
	m->text_size = (uint32_t) size;
	r = size <= sizeof(m->text) ? 0 : -E2BIG;
	if (r == 0) {
		memcpy(m->text, d->text, size);
		r = cells_send(h, number, &m->head, offsetof(struct cell_text, text) + size);
	}
	free(m);
	return r;
}
