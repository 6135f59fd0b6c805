/*
 * publish - the facts of probes and paths.
 *
 * Design.  Counters are published so that a reader can tell each outcome: 'lost' and 'void'
 * first, then 'sent', which counts probes whose outcome is known.  A reader that acts on 'sent'
 * therefore never sees an outcome without its kind.
 */
#include "probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Probes may be a minute apart, and their answers ten seconds late. */
#define MAX_AGE_MS 150000

static const struct anod_attr probe_attrs[] = {
	{ "dev", ANOD_TEXT, ANOD_UNIT_NONE, 0, 0,
	  "link that the probes leave by; \"\": the kernel chooses" },
	{ "target", ANOD_PREFIX, ANOD_UNIT_NONE, 0, 0, "address that is probed" },
	{ "sent", ANOD_INT, ANOD_UNIT_PACKETS, 0, MAX_AGE_MS,
	  "probes whose outcome is known, since the start" },
	{ "lost", ANOD_INT, ANOD_UNIT_PACKETS, 0, MAX_AGE_MS, "of these, not answered in time" },
	{ "void", ANOD_INT, ANOD_UNIT_PACKETS, 0, MAX_AGE_MS,
	  "of these, spoilt by our own lateness or failure" },
	{ "overdue", ANOD_INT, ANOD_UNIT_PACKETS, 0, MAX_AGE_MS,
	  "of the lost ones, answered after the timeout" },
	{ "loss", ANOD_REAL, ANOD_UNIT_RATIO, 0, MAX_AGE_MS, "share of lost ones in the window" },
	{ "rtt", ANOD_INT, ANOD_UNIT_TIME, 0, MAX_AGE_MS, "median round trip in the window" },
	{ "jitter", ANOD_INT, ANOD_UNIT_TIME, 0, MAX_AGE_MS,
	  "interarrival jitter (RFC 3550 6.4.1)" },
	{ "up", ANOD_BOOL, ANOD_UNIT_NONE, 0, MAX_AGE_MS,
	  "false after 'down-after' losses in a row, true after an answer" },
	{ "late", ANOD_INT, ANOD_UNIT_TIME, 0, MAX_AGE_MS,
	  "own lateness, 99th percentile of the window" },
	{ "last_rtt", ANOD_INT, ANOD_UNIT_TIME, 0, MAX_AGE_MS, "round trip of the last answer" },
	{ NULL },
};

static const struct anod_attr path_attrs[] = {
	{ "targets", ANOD_INT, ANOD_UNIT_NONE, 0, MAX_AGE_MS, "targets probed over the link" },
	{ "targets_up", ANOD_INT, ANOD_UNIT_NONE, 0, MAX_AGE_MS, "of these, answering" },
	{ "loss", ANOD_REAL, ANOD_UNIT_RATIO, 0, MAX_AGE_MS, "median loss of the targets" },
	{ "rtt", ANOD_INT, ANOD_UNIT_TIME, 0, MAX_AGE_MS, "median round trip of the targets" },
	{ "jitter", ANOD_INT, ANOD_UNIT_TIME, 0, MAX_AGE_MS, "median jitter of the targets" },
	{ NULL },
};

const struct anod_kind probe_kinds[] = {
	{ "probe", "an address probed over a link", probe_attrs },
	{ "path", "all probes of a link together", path_attrs },
	{ NULL },
};

/* In the order of enum fact_of_probe, which is that of the tables above. */
int publish_init(struct sensor *s)
{
	unsigned n = 0;

	for (const struct anod_kind *k = probe_kinds; k->name; k++)
		for (const struct anod_attr *a = k->attrs; a->name; a++) {
			char name[ANOD_KIND_SIZE * 2] = "";

			strcat(strcat(strcat(name, k->name), "."), a->name);
			s->fact[n] = s->ctx->host->fact_id(s->ctx, name);
			if (s->fact[n] < 0)
				return s->fact[n];
			n++;
		}
	return 0;
}

static void tell_int(struct sensor *s, uint32_t entity, enum fact_of_probe fact,
		     enum anod_unit unit, int64_t i)
{
	struct anod_value v = { .type = ANOD_INT, .unit = (uint8_t) unit, .u.i = i };

	(void) s->ctx->host->publish(s->ctx, entity, s->fact[fact], &v);
}

static void tell_ratio(struct sensor *s, uint32_t entity, enum fact_of_probe fact, double r)
{
	struct anod_value v = { .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO, .u.r = r };

	(void) s->ctx->host->publish(s->ctx, entity, s->fact[fact], &v);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void publish_path(struct sensor *s, const struct path *path)
{
	double loss[PROBES_MAX], rtt[PROBES_MAX], jitter[PROBES_MAX];
	unsigned n = 0, n_up = 0, n_loss = 0, n_rtt = 0;

	for (const struct probe *p = s->probes; p; p = p->next) {
		if (p->path != path)
			continue;
		n++;
		n_up += p->up == ANOD_TRUE;
		if (p->window.n)
			loss[n_loss++] = window_loss(&p->window);
		if (p->window.has_rtt) {
			rtt[n_rtt] = recent_quantile(&p->window.rtt, 0.5);
			jitter[n_rtt++] = p->window.jitter;
		}
	}
	tell_int(s, path->entity, PATH_TARGETS, ANOD_UNIT_NONE, n);
	tell_int(s, path->entity, PATH_UP, ANOD_UNIT_NONE, n_up);
	if (n_loss)
		tell_ratio(s, path->entity, PATH_LOSS, median(loss, n_loss));
	if (n_rtt) {
		tell_int(s, path->entity, PATH_RTT, ANOD_UNIT_TIME, (int64_t) median(rtt, n_rtt));
		tell_int(s, path->entity, PATH_JITTER, ANOD_UNIT_TIME,
			 (int64_t) median(jitter, n_rtt));
	}
}

static struct path *path_get(struct sensor *s, const char *dev)
{
	struct path *p;

	for (p = s->paths; p; p = p->next)
		if (!strcmp(p->dev, dev))
			break;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return NULL;
		strcpy(p->dev, dev); /* both are IFNAMSIZ */
		if (s->ctx->host->entity(s->ctx, "path", dev, &p->entity) < 0) {
			free(p);
			return NULL;
		}
		p->next = s->paths;
		s->paths = p;
	}
	p->refs++;
	return p;
}

static void path_put(struct sensor *s, struct path *path)
{
	struct path **at = &s->paths;

	if (!path)
		return;
	if (--path->refs) {
		publish_path(s, path);
		return;
	}
	while (*at != path)
		at = &(*at)->next;
	*at = path->next;
	(void) s->ctx->host->entity_gone(s->ctx, path->entity);
	free(path);
}

static void publish_counters(struct probe *p)
{
	tell_int(p->s, p->entity, FACT_LOST, ANOD_UNIT_PACKETS, p->lost);
	tell_int(p->s, p->entity, FACT_VOID, ANOD_UNIT_PACKETS, p->voided);
	tell_int(p->s, p->entity, FACT_OVERDUE, ANOD_UNIT_PACKETS, p->overdue);
	tell_int(p->s, p->entity, FACT_SENT, ANOD_UNIT_PACKETS, p->sent);
}

int publish_new(struct probe *p)
{
	const struct anod_host *h = p->s->ctx->host;
	struct anod_value dev = { .type = ANOD_TEXT }, target = { .type = ANOD_PREFIX };
	int r = h->entity(p->s->ctx, "probe", p->name, &p->entity);

	if (r < 0)
		return r;
	/* A large packet that does not pass says nothing of the loss of the path. */
	if (p->spec.dev[0] && !p->spec.size)
		p->path = path_get(p->s, p->spec.dev);
	if (p->spec.dev[0] && !p->spec.size && !p->path) {
		(void) h->entity_gone(p->s->ctx, p->entity);
		return -ENOMEM;
	}
	memcpy(dev.u.text, p->spec.dev, sizeof(p->spec.dev));
	target.u.prefix = p->spec.target;
	(void) h->publish(p->s->ctx, p->entity, p->s->fact[FACT_DEV], &dev);
	(void) h->publish(p->s->ctx, p->entity, p->s->fact[FACT_TARGET], &target);
	publish_counters(p);
	return 0;
}

void publish_outcome(struct probe *p)
{
	struct anod_value up = { .type = ANOD_BOOL, .u.i = p->up == ANOD_TRUE };
	struct window *w = &p->window;

	publish_counters(p);
	if (w->n)
		tell_ratio(p->s, p->entity, FACT_LOSS, window_loss(w));
	if (w->has_rtt) {
		tell_int(p->s, p->entity, FACT_RTT, ANOD_UNIT_TIME, recent_quantile(&w->rtt, 0.5));
		tell_int(p->s, p->entity, FACT_JITTER, ANOD_UNIT_TIME, (int64_t) w->jitter);
		tell_int(p->s, p->entity, FACT_LAST, ANOD_UNIT_TIME, w->last_rtt);
	}
	if (p->up != ANOD_DOUBT)
		(void) p->s->ctx->host->publish(p->s->ctx, p->entity, p->s->fact[FACT_UP], &up);
	tell_int(p->s, p->entity, FACT_LATE, ANOD_UNIT_TIME, recent_quantile(&w->late, 0.99));
	if (p->path)
		publish_path(p->s, p->path);
}

void publish_gone(struct probe *p)
{
	(void) p->s->ctx->host->entity_gone(p->s->ctx, p->entity);
	path_put(p->s, p->path);
	p->path = NULL;
}
