/*
 * requests - what agents ask sensors to do.
 *
 * Design.  "Keep probing 192.0.2.1 over wan0" is kept here per agent, so that it ends with the
 * agent.
 */
#include <errno.h>
#include <string.h>

#include "host/host.h"
#include "host/pace.h"

#define REQUESTS_MAX 1024

struct request {
	struct request *next;
	unsigned agent;
	uint64_t id;
	struct instance *sensor;
	struct anod_action what;
};

static struct instance *sensor_named(struct host *h, const char *name)
{
	for (unsigned i = 0; i < h->n_sensors; i++)
		if (strcmp(h->sensor[i]->plugin->name, name) == 0)
			return h->sensor[i];
	return NULL;
}

static int sense(struct request *q, int on)
{
	bool begun = meter_begin(q->sensor->meter);
	int r = q->sensor->plugin->sense(&q->sensor->ctx, &q->what, on);

	meter_end(q->sensor->meter, begun);
	return r;
}

int sensors_request(struct host *h, unsigned agent, uint64_t id, const struct anod_action *a)
{
	struct instance *s = sensor_named(h, a->kind);
	struct request *q;
	unsigned n = 0;
	int r;

	if (!s || !s->plugin->sense)
		return -ENOENT;
	for (q = h->request; q; q = q->next)
		n++;
	if (n >= REQUESTS_MAX)
		return -ENOSPC;

	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;

	q->agent = agent;
	q->id = id;
	q->sensor = s;
	q->what = *a;
	r = sense(q, 1);
	if (r < 0) {
		free(q);
		return r;
	}
	q->next = h->request;
	h->request = q;
	return 0;
}

static void end_request(struct request **at)
{
	struct request *q = *at;

	*at = q->next;
	(void) sense(q, 0);
	free(q);
}

void sensors_unrequest(struct host *h, unsigned agent, uint64_t id)
{
	for (struct request **q = &h->request; *q; q = &(*q)->next) {
		if ((*q)->agent == agent && (*q)->id == id) {
			end_request(q);
			return;
		}
	}
}

void sensors_unrequest_agent(struct host *h, unsigned agent)
{
	struct request **q = &h->request;

	while (*q) {
		if ((*q)->agent == agent)
			end_request(q);
		else
			q = &(*q)->next;
	}
}

void sensors_unrequest_all(struct host *h)
{
	while (h->request)
		end_request(&h->request);
}
