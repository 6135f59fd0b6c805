/*
 * cell - runs agents, away from everything that they could harm.
 *
 * Design.  A cell maps the host's fact store and owns one instance per agent.  It is driven by
 * the host's messages alone: NEWS makes it look what changed in the store and call the agents'
 * event() hooks, TRUTHS call back their watches, which the host evaluates.  Objects are opened before the
 * sandbox closes, because afterwards there is no file system; init() and start() run inside it.
 * A message that does not fit ends the cell: the host starts a new one.
 */
#include "host/cell.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/shm.h"
#include "host/cell_int.h"
#include "host/sandbox.h"

int cell_send(struct cell *c, struct chan_head *head, size_t size)
{
	if (!c->chan)
		return -ENOTCONN;

	head->size = (uint32_t) size;
	return chan_send(c->chan, head);
}

static bool text_ends(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

/* Columns are found by number: a schema that numbers otherwise would read other facts. */
static int on_attr(struct cell *c, const struct cell_attr *m)
{
	struct anod_attr attr[2] = { { .name = m->attr,
				       .type = (uint8_t) m->type,
				       .unit = (uint8_t) m->unit,
				       .flags = (uint16_t) m->flags,
				       .max_age_ms = (uint32_t) (m->max_age_us / US_PER_MS),
				       .help = "" } };
	struct anod_kind kind[2] = { { .name = m->kind, .help = "", .attrs = attr } };
	const struct schema_attr *a;
	const char *why;
	int r;

	if (!text_ends(m->kind, sizeof(m->kind)) || !text_ends(m->attr, sizeof(m->attr)) ||
	    !text_ends(m->source, sizeof(m->source)))
		return -EPROTO;
	if (!m->attr[0])
		kind[0].attrs = NULL;

	r = schema_declare(c->schema, m->source, kind, &why);
	if (r < 0 && r != -EEXIST) /* the built-in ones are there already */
		return r;
	a = schema_attr(c->schema, m->kind, m->attr);
	if (schema_kind_id(c->schema, m->kind) == m->kind_id && (a ? a->id : 0) == m->id)
		return 0;
	log_error("the host numbers %s.%s otherwise than we do", m->kind, m->attr);
	return -EPROTO;
}

static void failed(struct cell *c, unsigned number, int error, const char *why)
{
	struct cell_note m = {
		.head = { .type = CELL_FAILED },
		.agent = number,
		.error = error,
	};

	copy_text(m.text, sizeof(m.text), why);
	(void) cell_send(c, &m.head, sizeof(m));
}

/* A shared object, or without a path the program of the text that came before. */
static const struct anod_plugin *open_agent(struct cell *c, const struct cell_agent *m,
					    struct loaded_plugin *ret, char *why)
{
	const struct anod_plugin *p;

	if (m->path[0])
		return plugin_open(m->path, ret, why) < 0 ? NULL : ret->desc;
	p = cell_declared_manifest(c);
	if (!p)
		(void) snprintf(why, 256, "its text is not understood in the cell");
	return p;
}

static int on_agent(struct cell *c, const struct cell_agent *m)
{
	unsigned k = c->n_agents;
	const struct anod_plugin *desc;
	struct instance *i;
	char why[256];
	int r;

	if (c->started || k == CELL_AGENTS_MAX || m->head.id != k + 1 ||
	    m->n_options > CELL_OPTIONS_MAX ||
	    m->head.size !=
		    offsetof(struct cell_agent, option) + m->n_options * sizeof(m->option[0]))
		return -EPROTO;

	c->n_agents++;
	desc = open_agent(c, m, &c->plugin[k], why);
	if (!desc) {
		failed(c, k + 1, -ENOEXEC, why);
		return 0;
	}
	i = instance_new(desc, m->name, &cell_table, c->loop, c->store, c);
	if (!i)
		return -ENOMEM;

	i->number = k + 1;
	if (!m->path[0])
		cell_declared_attach(c, i);
	for (uint32_t n = 0; n < m->n_options; n++) {
		r = instance_add_option(i, m->option[n].name, &m->option[n].value);
		if (r < 0)
			return r;
	}
	c->agent[k] = i;
	return 0;
}

static int on_start(struct cell *c)
{
	struct chan_head ready = { .type = CELL_READY };
	int r;

	if (c->started)
		return -EPROTO;

	if (c->sandboxed) {
		r = sandbox_enter(SHM_MAX);
		if (r < 0) {
			log_error("cannot enter the sandbox: %s", strerror(-r));
			return r;
		}
	}
	c->started = true;
	cell_news_begin(c);
	for (unsigned k = 0; k < c->n_agents; k++) {
		if (!c->agent[k])
			continue;
		r = instance_start(c->agent[k]);
		if (r < 0) {
			failed(c, k + 1, r, "init or start failed");
			c->agent[k] = instance_free(c->agent[k]);
		}
	}
	return cell_send(c, &ready, sizeof(ready));
}

static struct instance *agent_at(struct cell *c, uint32_t number)
{
	return number >= 1 && number <= c->n_agents ? c->agent[number - 1] : NULL;
}

static int on_message(void *data, const struct chan_head *msg)
{
	struct cell *c = data;
	struct instance *i;

#define FITS(type) (msg->size == sizeof(type))
	switch (msg->type) {
	case CELL_ATTR:
		return FITS(struct cell_attr) ? on_attr(c, (const void *) msg) : -EPROTO;
	case CELL_AGENT:
		return msg->size >= offsetof(struct cell_agent, option)
			       ? on_agent(c, (const void *) msg)
			       : -EPROTO;
	case CELL_PARAM:
		return FITS(struct cell_param) ? cell_on_param(c, (const void *) msg) : -EPROTO;
	case CELL_TEXT:
		return msg->size > offsetof(struct cell_text, text)
			       ? cell_on_text(c, (const void *) msg)
			       : -EPROTO;
	case CELL_NEWS:
		cell_news_run(c);
		return 0;
	case CELL_START:
		return on_start(c);
	case CELL_VERDICT:
		i = FITS(struct cell_verdict)
			    ? agent_at(c, ((const struct cell_verdict *) msg)->agent)
			    : NULL;
		if (i)
			cell_on_verdict(i, (const void *) msg);
		return 0;
	case CELL_ANSWER:
		i = FITS(struct cell_answer)
			    ? agent_at(c, ((const struct cell_answer *) msg)->agent)
			    : NULL;
		if (i)
			cell_on_answer(i, (const void *) msg);
		return 0;
	case CELL_TRUTHS:
		if (msg->size < offsetof(struct cell_truths, data))
			return -EPROTO;
		i = agent_at(c, ((const struct cell_truths *) msg)->agent);
		return i ? cell_on_truths(i, (const void *) msg) : 0;
	case CELL_PING: {
		struct chan_head pong = { .type = CELL_PONG, .id = msg->id };

		return cell_send(c, &pong, sizeof(pong));
	}
	case CELL_STOP:
		(void) sd_event_exit(c->loop, 0);
		return 0;
	default:
		return -EPROTO;
	}
#undef FITS
}

static void on_close(void *data, int error)
{
	struct cell *c = data;

	c->chan = chan_free(c->chan);
	if (error)
		log_error("lost the host: %s", strerror(-error));
	if (c->sandboxed)
		(void) sd_event_exit(c->loop, error ? 1 : 0);
}

int cell_open(sd_event *loop, int fd, int facts, bool sandboxed, struct cell **ret)
{
	_cleanup_(cell_freep) struct cell *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		(void) close(fd);
		return -ENOMEM;
	}
	c->loop = sd_event_ref(loop);
	c->sandboxed = sandboxed;
	c->last_id = CELL_FIRST_FINDING;
	r = chan_open(loop, fd, "host", on_message, on_close, c, &c->chan);
	if (r < 0)
		return r;

	c->schema = schema_new();
	if (!c->schema)
		return -ENOMEM;
	r = store_open(c->schema, facts, &c->store);
	if (r < 0) {
		log_error("cannot map the facts: %s", strerror(-r));
		return r;
	}
	*ret = TAKE(c);
	return 0;
}

struct cell *cell_free(struct cell *c)
{
	if (!c)
		return NULL;

	for (unsigned k = 0; k < c->n_agents; k++)
		instance_free(c->agent[k]);
	c->chan = chan_free(c->chan);
	cell_news_done(c);
	cell_declared_done(c);
	store_free(c->store);
	schema_free(c->schema);
	for (unsigned k = 0; k < c->n_agents; k++)
		plugin_close(&c->plugin[k]);
	sd_event_unref(c->loop);
	free(c);
	return NULL;
}

int cell_main(int fd)
{
	_cleanup_(sd_event_unrefp) sd_event *loop = NULL;
	_cleanup_(cell_freep) struct cell *c = NULL;
	int r;

	(void) prctl(PR_SET_NAME, "anod-cell");
	r = sd_event_new(&loop);
	if (r >= 0)
		r = cell_open(loop, fd, CELL_FACTS_FD, true, &c);
	(void) close(CELL_FACTS_FD);
	if (r >= 0)
		r = sd_event_loop(loop);
	return r < 0 ? 1 : r;
}
