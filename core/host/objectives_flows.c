/*
 * objectives_flows - probes for the flows that the policy reads, and what they say of a set.
 *
 * Design.  The plan (policy/objective_plan.h) says which probes there have to be; they are asked of
 * the sensor "probe" as agents do, without a link, so they take the way that the kernel picks.  From
 * one plan to the next a probe that stays keeps its past: the new pace is asked for before the old
 * one is given back.  The outcomes of each are read from its counters whenever one can have come;
 * loss is over whole seconds, as PLAN_LOSS_WINDOW.  A lost probe counts in rtt as its timeout: it
 * took at least as long, so "rtt < 30ms" is disproven by it, and an outage is no gap in the
 * measurement.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "host/objectives_int.h"

#define HOST_ITSELF    0 /* agents count from 1 */
#define MEASURE_MIN    (100 * US_PER_MS)
#define MEASURE_MAX    (1 * US_PER_S)
#define OUTCOMES_MIN   20 /* before loss is known; or half of what the window can hold */
#define OUTCOMES_LEAST 3

/* ---- asking ---------------------------------------------------------------------------------- */

static void text_arg(struct anod_action *q, const char *name, const char *text)
{
	struct anod_arg *a = &q->arg[q->n_args++];

	copy_text(a->name, sizeof(a->name), name);
	a->value = value_text(text);
}

static void int_arg(struct anod_action *q, const char *name, uint64_t i, enum anod_unit unit)
{
	struct anod_arg *a = &q->arg[q->n_args++];

	copy_text(a->name, sizeof(a->name), name);
	a->value = value_int((int64_t) i, unit);
}

static void ask(struct host *h, struct member *m)
{
	struct anod_action q = { .size = sizeof(q), .kind = "probe" };
	int r;

	copy_text(q.arg[0].name, sizeof(q.arg[0].name), "target");
	q.arg[q.n_args++].value = value_prefix(&m->probe.target);
	text_arg(&q, "proto", m->probe.proto);
	if (m->probe.port)
		int_arg(&q, "port", m->probe.port, ANOD_UNIT_NONE);
	int_arg(&q, "every", m->probe.every_us, ANOD_UNIT_TIME);
	int_arg(&q, "timeout", m->probe.timeout_us, ANOD_UNIT_TIME);

	m->request = ++h->objectives->last_request;
	r = sensors_request(h, HOST_ITSELF, m->request, &q);
	m->refused = r < 0;
	if (r < 0)
		log_warning("no probe of %s for the objectives: %s", m->name, strerror(-r));
}

/* As the sensor names a probe without a link. */
static void name_probe(struct member *m)
{
	char address[INET6_ADDRSTRLEN];

	if (!inet_ntop(m->probe.target.family, m->probe.target.addr, address, sizeof(address)))
		address[0] = '\0';
	if (m->probe.port)
		(void) snprintf(m->name, sizeof(m->name), "%s/%s/%u", address, m->probe.proto,
				m->probe.port);
	else
		(void) snprintf(m->name, sizeof(m->name), "%s", address);
}

static struct member *find_member(struct member *list, unsigned n, const char *name)
{
	for (unsigned k = 0; k < n; k++)
		if (strcmp(list[k].name, name) == 0)
			return &list[k];
	return NULL;
}

/* The plan's probes, with the past of those that were there. */
static int take_over(struct host *h, const struct flow_plan *plan, bool anew, struct member **ret)
{
	struct objectives *s = h->objectives;
	struct member *list = calloc(plan->n_probes + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;

	for (unsigned k = 0; k < plan->n_probes; k++) {
		struct member *m = &list[k], *old;

		m->probe = plan->probe[k];
		name_probe(m);
		old = find_member(s->member, s->n_members, m->name);
		if (old) {
			struct flow_probe probe = m->probe;

			*m = *old;
			m->probe = probe;
			m->based &= !anew;
		}
		m->changed = !old || !flow_probe_same(&m->probe, &old->probe);
		if (m->changed || anew)
			ask(h, m);
		else
			old->request = 0; /* it goes on */
	}
	*ret = list;
	return 0;
}

static void remove_entity(struct host *h, const char *set)
{
	uint32_t e = store_find(h->store, schema_kind_id(h->schema, "flows"), set);

	if (e)
		(void) store_remove(h->store, e, host_now(h));
}

static bool plan_has(const struct flow_plan *p, const char *set)
{
	for (unsigned k = 0; k < p->n_sets; k++)
		if (strcmp(p->set[k].set->name, set) == 0)
			return true;
	return false;
}

/* Entities of sets that nobody reads any more. */
static void sweep_sets(struct host *h, const struct flow_plan *plan)
{
	uint16_t kind = schema_kind_id(h->schema, "flows");

	for (unsigned n = store_count(h->store, kind); n-- > 0;) {
		const char *name = store_entity_name(h->store, store_nth(h->store, kind, n));

		if (!plan_has(plan, name))
			remove_entity(h, name);
	}
}

static void install(struct host *h, struct flow_plan *plan, struct member *list, bool anew)
{
	struct objectives *s = h->objectives;

	for (unsigned k = 0; k < s->n_members && !anew; k++)
		if (s->member[k].request)
			sensors_unrequest(h, HOST_ITSELF, s->member[k].request);
	free(s->member);
	flow_plan_done(&s->plan);
	s->plan = *plan;
	s->member = list;
	s->n_members = plan->n_probes;
	s->next_measure_us = 0;
}

void flows_apply(struct host *h, bool sensors_anew)
{
	struct flow_plan plan;
	struct member *list;
	int r = flow_plan_make(h->config->policy, h->schema, &plan);

	/* Without memory nothing is probed: what the sets are of goes with the old policy. */
	if (r < 0)
		plan = (struct flow_plan){ .slowed = 1 };
	if (r < 0 || take_over(h, &plan, sensors_anew, &list) < 0) {
		log_error("objectives: no memory for their probes");
		flow_plan_done(&plan);
		list = NULL;
	}
	install(h, &plan, list, sensors_anew);
	sweep_sets(h, &h->objectives->plan);
	if (h->objectives->plan.slowed > 1)
		log_warning(
			"the objectives want %.0f probes a second and get %d: each is sent %.1f "
			"times less often",
			PLAN_RATE_MAX * h->objectives->plan.slowed, PLAN_RATE_MAX,
			h->objectives->plan.slowed);
	for (unsigned k = 0; k < h->objectives->plan.n_sets; k++)
		if (h->objectives->plan.set[k].n_left_out)
			log_warning(
				"set %s: %u flows are not probed, more than %d are not; what is "
				"asked of the set is unknown",
				h->objectives->plan.set[k].set->name,
				h->objectives->plan.set[k].n_left_out, PLAN_PROBES_MAX);
}

void flows_done(struct host *h)
{
	struct objectives *s = h->objectives;

	for (unsigned k = 0; k < s->n_members; k++)
		sensors_unrequest(h, HOST_ITSELF, s->member[k].request);
	free(s->member);
	s->member = NULL;
	s->n_members = 0;
	flow_plan_done(&s->plan);
}

struct reads_set {
	const char *set;
	bool found;
};

static void reads_set(const struct expr *e, void *data)
{
	struct reads_set *r = data;

	r->found |= e->entity && strcmp(e->entity, r->set) == 0 &&
		    ((e->op == EXPR_CALL && strncmp(e->name, "path.", 5) == 0) ||
		     (e->op == EXPR_FACT && strcmp(e->kind_name, "flows") == 0));
}

bool objective_reads_set(const struct objective *o, const char *set)
{
	struct reads_set r = { .set = set };

	for (unsigned i = 0; i < o->policy->n_requires; i++)
		expr_walk(o->policy->require[i], reads_set, &r);
	return r.found;
}

bool objective_renewed(const struct objectives *s, const struct objective *o)
{
	for (unsigned k = 0; k < s->plan.n_sets; k++) {
		const struct flow_set *set = &s->plan.set[k];

		for (unsigned i = 0; i < set->n; i++)
			if (s->member[set->probe[i]].changed &&
			    objective_reads_set(o, set->set->name))
				return true;
	}
	return false;
}

/* ---- measuring ------------------------------------------------------------------------------- */

bool objective_int(struct host *h, uint32_t e, const char *kind, const char *attr, uint64_t now_us,
		   int64_t *ret)
{
	const struct schema_attr *a = schema_attr(h->schema, kind, attr);
	struct fact f;

	if (!a || store_get(h->store, e, a->slot, now_us, &f) < 0 || f.value.type != ANOD_INT)
		return false;
	*ret = f.value.u.i;
	return true;
}

/* What the counters gained since they were last looked at. */
static void read_member(struct host *h, struct member *m, uint64_t now_us)
{
	uint32_t e = store_find(h->store, schema_kind_id(h->schema, "probe"), m->name);
	int64_t sent, lost, voided, known, gone, rtt;
	uint64_t second = now_us / US_PER_S;
	unsigned at = (unsigned) (second % LOSS_PARTS);

	if (!e || !objective_int(h, e, "probe", "sent", now_us, &sent) ||
	    !objective_int(h, e, "probe", "lost", now_us, &lost) ||
	    !objective_int(h, e, "probe", "void", now_us, &voided))
		return;
	known = sent - m->sent - (voided - m->voided);
	gone = lost - m->lost;
	if (!m->based || known < 0 || gone < 0) /* the first time, or the sensor began anew */
		known = gone = 0;
	m->based = true;
	m->sent = sent;
	m->lost = lost;
	m->voided = voided;

	if (m->part[at].second != second) {
		m->part[at].second = second;
		m->part[at].known = m->part[at].lost = 0;
	}
	m->part[at].known += (uint32_t) known;
	m->part[at].lost += (uint32_t) gone;
	if (gone > 0)
		m->rtt_us = (int64_t) m->probe.timeout_us;
	else if (known > 0 && objective_int(h, e, "probe", "last_rtt", now_us, &rtt))
		m->rtt_us = rtt;
	if (known > 0)
		m->rtt_at_us = now_us;
}

static bool member_rtt(const struct member *m, uint64_t now_us, int64_t *ret)
{
	*ret = m->rtt_us;
	return m->rtt_at_us && now_us - m->rtt_at_us <= 3 * m->probe.every_us + m->probe.timeout_us;
}

static bool member_loss(const struct member *m, uint64_t now_us, double *ret)
{
	uint64_t second = now_us / US_PER_S, can = PLAN_LOSS_WINDOW / m->probe.every_us / 2;
	uint64_t least = MIN_OF(MAX_OF(can, (uint64_t) OUTCOMES_LEAST), (uint64_t) OUTCOMES_MIN);
	uint64_t known = 0, lost = 0;
	int64_t rtt;

	for (unsigned k = 0; k < LOSS_PARTS; k++) {
		if (second - m->part[k].second >= LOSS_PARTS)
			continue;
		known += m->part[k].known;
		lost += m->part[k].lost;
	}
	*ret = known ? (double) lost / (double) known : 0;
	return known >= least && member_rtt(m, now_us, &rtt);
}

void objective_put(struct host *h, const char *kind, uint32_t e, const char *attr,
		   const struct anod_value *v, uint64_t now_us)
{
	(void) store_publish(h->store, e, schema_attr(h->schema, kind, attr)->slot, v, now_us);
}

/* The worst member, and unknown while one is: it could be worse. */
static void publish_set(struct host *h, const struct flow_set *set, uint64_t now_us)
{
	const struct objectives *s = h->objectives;
	bool rtt_known = !set->n_left_out, loss_known = !set->n_left_out;
	int64_t rtt = 0, one_rtt, measured = 0;
	double loss = 0, one_loss;
	struct anod_value v;
	uint32_t e;

	if (store_entity(h->store, schema_kind_id(h->schema, "flows"), set->set->name, now_us, &e) <
	    0)
		return;
	for (unsigned k = 0; k < set->n; k++) {
		const struct member *m = &s->member[set->probe[k]];

		rtt_known &= member_rtt(m, now_us, &one_rtt);
		rtt = MAX_OF(rtt, one_rtt);
		if (member_loss(m, now_us, &one_loss))
			measured++;
		else
			loss_known = false;
		loss = MAX_OF(loss, one_loss);
	}
	v = value_int(rtt, ANOD_UNIT_TIME);
	objective_put(h, "flows", e, "rtt", rtt_known ? &v : NULL, now_us);
	v = value_real(loss, ANOD_UNIT_RATIO);
	objective_put(h, "flows", e, "loss", loss_known ? &v : NULL, now_us);
	v = value_int((int64_t) set->n + set->n_left_out, ANOD_UNIT_NONE);
	objective_put(h, "flows", e, "members", &v, now_us);
	v = value_int(measured, ANOD_UNIT_NONE);
	objective_put(h, "flows", e, "measured", &v, now_us);
}

uint64_t objectives_measure(struct host *h, uint64_t now_us)
{
	struct objectives *s = h->objectives;
	uint64_t every = MEASURE_MAX;

	if (!s)
		return US_INFINITY;
	if (now_us < s->next_measure_us)
		return s->next_measure_us;

	for (unsigned k = 0; k < s->n_members; k++) {
		read_member(h, &s->member[k], now_us);
		every = MIN_OF(every, s->member[k].probe.every_us);
	}
	for (unsigned k = 0; k < s->plan.n_sets; k++)
		publish_set(h, &s->plan.set[k], now_us);
	traffic_publish(h, now_us);
	s->measure_every_us = MAX_OF(every, MEASURE_MIN);
	s->next_measure_us = now_us + s->measure_every_us;
	return s->next_measure_us;
}
