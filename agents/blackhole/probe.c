/*
 * probe - asks for the probes of a sweep, and reads what they have said.
 *
 * Design.  A probe that somebody else asked for as well has counted before: what counts here begins
 * with the first look.
 */
#include "blackhole.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define TIMEOUT_US 1000000

struct anod_arg *arg_add(struct anod_action *act, const char *name, uint8_t type)
{
	struct anod_arg *arg = &act->arg[act->n_args++];

	(void) snprintf(arg->name, sizeof(arg->name), "%s", name);
	arg->value.type = type;
	return arg;
}

void arg_int(struct anod_action *act, const char *name, enum anod_unit unit, int64_t i)
{
	struct anod_arg *arg = arg_add(act, name, ANOD_INT);

	arg->value.unit = (uint8_t) unit;
	arg->value.u.i = i;
}

void probe_ask(struct hole *h, unsigned i, int64_t every_us)
{
	struct anod_action q = { .size = sizeof(q), .kind = "probe" };
	const struct anod_host *host = h->a->ctx->host;
	char text[INET6_ADDRSTRLEN] = "";
	int r;

	(void) inet_ntop(h->host.family, h->host.addr, text, sizeof(text));
	if (h->rung[i].size)
		(void) snprintf(h->probe[i], sizeof(h->probe[i]), "%s/%s/size/%u", h->dev, text,
				h->rung[i].size);
	else
		(void) snprintf(h->probe[i], sizeof(h->probe[i]), "%s/%s", h->dev, text);
	(void) snprintf(arg_add(&q, "dev", ANOD_TEXT)->value.u.text, ANOD_TEXT_SIZE, "%s", h->dev);
	arg_add(&q, "target", ANOD_PREFIX)->value.u.prefix = h->host;
	arg_int(&q, "every", ANOD_UNIT_TIME, every_us);
	arg_int(&q, "timeout", ANOD_UNIT_TIME, TIMEOUT_US);
	if (h->rung[i].size)
		arg_int(&q, "size", ANOD_UNIT_BYTES, h->rung[i].size);
	h->base[i].sent = -1;
	r = host->sense(h->a->ctx, &q, &h->ask[i]);
	if (r < 0) {
		h->ask[i] = 0;
		host->log(h->a->ctx, LOG_WARNING, "%s cannot be probed: %s", h->probe[i],
			  strerror(-r));
	}
}

static void hush(struct hole *h, unsigned i)
{
	if (h->ask[i])
		(void) h->a->ctx->host->cancel(h->a->ctx, h->ask[i]);
	h->ask[i] = 0;
}

void probe_hush(struct hole *h)
{
	for (unsigned i = 0; i < h->n; i++)
		hush(h, i);
}

void probe_read(struct hole *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		struct anod_value sent, lost, voided;

		if (!h->ask[i] || !hole_get(h->a, "probe", h->probe[i], "sent", ANOD_INT, &sent) ||
		    !hole_get(h->a, "probe", h->probe[i], "lost", ANOD_INT, &lost) ||
		    !hole_get(h->a, "probe", h->probe[i], "void", ANOD_INT, &voided))
			continue;
		if (h->base[i].sent < 0 || sent.u.i - voided.u.i < h->base[i].sent)
			h->base[i] =
				(struct rung){ .sent = sent.u.i - voided.u.i, .lost = lost.u.i };
		h->rung[i].sent = sent.u.i - voided.u.i - h->base[i].sent;
		h->rung[i].lost = lost.u.i - h->base[i].lost;
	}
}
