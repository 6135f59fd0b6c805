/*
 * objective_plan - which probes a policy needs, and how often.
 *
 * Design.  Every expression of the policy is walked with the window and the threshold that stand
 * around the node; a read of kind "flows" names its set.  Nothing of an old plan is looked at, so
 * the same policy gives the same plan.
 */
#include "policy/objective_plan.h"

#include <errno.h>
#include <string.h>
#include <netinet/in.h>

/* ---- services -------------------------------------------------------------------------------- */

/* TCP where a service is offered over both: the kernel of the target answers a handshake or resets
 * it, while a server that does not like our datagram says nothing (RFC 3261 18.3, RFC 1035 4.2). */
static const struct {
	const char *name, *proto;
	uint16_t port;
} services[] = {
	{ "any", "icmp", 0 },	 { "icmp", "icmp", 0 },	  { "ping", "icmp", 0 },
	{ "ssh", "tcp", 22 },	 { "telnet", "tcp", 23 }, { "smtp", "tcp", 25 },
	{ "dns", "tcp", 53 },	 { "http", "tcp", 80 },	  { "ntp", "udp", 123 },
	{ "bgp", "tcp", 179 },	 { "https", "tcp", 443 }, { "netconf", "tcp", 830 },
	{ "dot", "tcp", 853 },	 { "sip", "tcp", 5060 },  { "sips", "tcp", 5061 },
	{ "gnmi", "tcp", 9339 },
};

const char *const *flow_service_names(void)
{
	static const char *names[ARRAY_SIZE(services) + 1];

	for (size_t k = 0; k < ARRAY_SIZE(services); k++)
		names[k] = services[k].name;
	return names;
}

static bool numbered(const char *name, const char *proto, uint16_t *ret_port)
{
	size_t n = strlen(proto);
	unsigned long port;
	char *end;

	if (strncmp(name, proto, n) != 0 || name[n] != '/' || name[n + 1] < '1' ||
	    name[n + 1] > '9')
		return false;
	port = strtoul(name + n + 1, &end, 10);
	if (*end || port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t) port;
	return true;
}

bool flow_service(const char *name, const char **ret_proto, uint16_t *ret_port)
{
	static const char *const protos[] = { "tcp", "udp" };

	for (size_t k = 0; k < ARRAY_SIZE(services); k++) {
		if (strcmp(services[k].name, name) != 0)
			continue;
		*ret_proto = services[k].proto;
		*ret_port = services[k].port;
		return true;
	}
	for (size_t k = 0; k < ARRAY_SIZE(protos); k++) {
		if (numbered(name, protos[k], ret_port)) {
			*ret_proto = protos[k];
			return true;
		}
	}
	return false;
}

void flow_target(const struct policy_flow *f, struct anod_prefix *ret)
{
	uint8_t full = f->dst.family == AF_INET ? 32 : 128;

	*ret = f->dst;
	ret->len = full;
	/* Of two addresses both are hosts (RFC 3021, RFC 6164). */
	if (f->dst.len < full - 1)
		ret->addr[full / 8 - 1] |= 1;
}

/* ---- what is wanted -------------------------------------------------------------------------- */

struct want {
	struct flow_plan *plan;
	const struct policy *policy;
	const struct schema *schema;
	uint64_t window_us; /* of the function around; 0: none */
	double limit;	    /* that it is compared with; 0: none */
	bool no_memory;
};

static uint64_t pace(const struct want *w, const char *attr)
{
	uint64_t window = w->window_us, every = PLAN_EVERY_DFLT;

	if (strcmp(attr, "loss") == 0) {
		window = MAX_OF(window, PLAN_LOSS_WINDOW);
		if (w->limit > 0 && w->limit < 1)
			every = (uint64_t) ((double) window * w->limit / 2);
	} else if (window) {
		every = window / 100;
	}
	return MIN_OF(MAX_OF(every, PLAN_EVERY_MIN), PLAN_EVERY_MAX);
}

/* 0: this read does not say. */
static uint64_t patience(const struct want *w, const char *attr)
{
	double us = w->limit * 10;

	if (strcmp(attr, "rtt") != 0)
		return 0;
	if (!(us > 0) || us > (double) PLAN_TIMEOUT)
		return PLAN_TIMEOUT;
	return MAX_OF((uint64_t) us, PLAN_TIMEOUT_MIN);
}

static void want_set(struct want *w, const char *name, uint64_t every_us, uint64_t timeout_us)
{
	const struct policy_set *set = policy_find_set(w->policy, name);
	struct flow_set *list;

	if (!set || set->kind != SET_FLOW)
		return;
	for (unsigned k = 0; k < w->plan->n_sets; k++) {
		struct flow_set *s = &w->plan->set[k];

		if (s->set == set) {
			s->every_us = MIN_OF(s->every_us, every_us);
			s->timeout_us = MAX_OF(s->timeout_us, timeout_us);
			return;
		}
	}
	list = reallocarray(w->plan->set, w->plan->n_sets + 1, sizeof(*list));
	if (!list) {
		w->no_memory = true;
		return;
	}
	w->plan->set = list;
	list[w->plan->n_sets++] =
		(struct flow_set){ .set = set, .every_us = every_us, .timeout_us = timeout_us };
}

static double literal(const struct expr *e)
{
	if (!e || e->op != EXPR_LITERAL)
		return 0;
	return e->lit.type == ANOD_REAL	 ? e->lit.u.r
	       : e->lit.type == ANOD_INT ? (double) e->lit.u.i
					 : 0;
}

static void walk(struct want *w, const struct expr *e)
{
	const struct schema_attr *a;
	uint64_t window = w->window_us;
	double limit = w->limit;

	if (!e)
		return;
	a = e->kind && e->slot >= 0 ? schema_attr_at(w->schema, e->kind, (uint16_t) e->slot) : NULL;
	if (a && e->entity && strcmp(a->kind_name, "flows") == 0 &&
	    (e->op == EXPR_FACT || (e->op == EXPR_CALL && strncmp(e->name, "path.", 5) == 0))) {
		want_set(w, e->entity, pace(w, a->name), patience(w, a->name));
		return;
	}
	if (e->op == EXPR_CALL)
		w->window_us = MAX_OF(window, e->dur_us);
	if (e->op == EXPR_COMPARE)
		w->limit = MAX_OF(literal(e->a), literal(e->b));
	walk(w, e->a);
	walk(w, e->b);
	w->window_us = window;
	w->limit = limit;
}

static void walk_policy(struct want *w)
{
	const struct policy *p = w->policy;

	for (unsigned k = 0; k < p->n_sets; k++)
		walk(w, p->set[k].where);
	for (unsigned k = 0; k < p->n_invariants; k++)
		for (unsigned i = 0; i < p->invariant[k].n_requires; i++)
			walk(w, p->invariant[k].require[i].expr);
	for (unsigned k = 0; k < p->n_rules; k++) {
		walk(w, p->rule[k].when);
		walk(w, p->rule[k].verify);
		walk(w, p->rule[k].recover);
	}
	for (unsigned k = 0; k < p->n_objectives; k++)
		for (unsigned i = 0; i < p->objective[k].n_requires; i++)
			walk(w, p->objective[k].require[i]);
}

/* ---- probes ---------------------------------------------------------------------------------- */

static bool same_target(const struct flow_probe *a, const struct flow_probe *b)
{
	return memcmp(&a->target, &b->target, sizeof(a->target)) == 0 && a->port == b->port &&
	       strcmp(a->proto, b->proto) == 0;
}

bool flow_probe_same(const struct flow_probe *a, const struct flow_probe *b)
{
	return same_target(a, b) && a->every_us == b->every_us && a->timeout_us == b->timeout_us;
}

static int add_probe(struct flow_plan *p, struct flow_set *s, const struct flow_probe *new)
{
	unsigned k = 0, *list;

	while (k < p->n_probes && !same_target(&p->probe[k], new))
		k++;
	if (k == p->n_probes) {
		struct flow_probe *grown;

		if (p->n_probes == PLAN_PROBES_MAX) {
			s->n_left_out++;
			return 0;
		}
		grown = reallocarray(p->probe, p->n_probes + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		p->probe = grown;
		p->probe[p->n_probes++] = *new;
	}
	p->probe[k].every_us = MIN_OF(p->probe[k].every_us, new->every_us);
	p->probe[k].timeout_us = MAX_OF(p->probe[k].timeout_us, new->timeout_us);

	list = reallocarray(s->probe, s->n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	s->probe = list;
	list[s->n++] = k;
	return 0;
}

static int add_probes(struct flow_plan *p, struct flow_set *s)
{
	int r = 0;

	for (unsigned k = 0; k < s->set->n_flows && r >= 0; k++) {
		struct flow_probe new = { .every_us = s->every_us,
					  .timeout_us =
						  s->timeout_us ? s->timeout_us : PLAN_TIMEOUT };

		if (!flow_service(s->set->flow[k].service, &new.proto, &new.port)) {
			s->n_left_out++; /* refused by the checks */
			continue;
		}
		flow_target(&s->set->flow[k], &new.target);
		r = add_probe(p, s, &new);
	}
	return r;
}

static void slow_down(struct flow_plan *p)
{
	double rate = 0;

	p->slowed = 1;
	for (unsigned k = 0; k < p->n_probes; k++)
		rate += 1e6 / (double) p->probe[k].every_us;
	if (rate <= PLAN_RATE_MAX)
		return;
	p->slowed = rate / PLAN_RATE_MAX;
	for (unsigned k = 0; k < p->n_probes; k++)
		p->probe[k].every_us = (uint64_t) ((double) p->probe[k].every_us * p->slowed) + 1;
}

int flow_plan_make(const struct policy *p, const struct schema *s, struct flow_plan *ret)
{
	struct flow_plan plan = { .slowed = 1 };
	struct want w = { .plan = &plan, .policy = p, .schema = s };
	int r = 0;

	walk_policy(&w);
	if (w.no_memory)
		r = -ENOMEM;
	for (unsigned k = 0; k < plan.n_sets && r >= 0; k++)
		r = add_probes(&plan, &plan.set[k]);
	if (r < 0) {
		flow_plan_done(&plan);
		return r;
	}
	slow_down(&plan);
	*ret = plan;
	return 0;
}

void flow_plan_done(struct flow_plan *p)
{
	for (unsigned k = 0; k < p->n_sets; k++)
		free(p->set[k].probe);
	free(p->set);
	free(p->probe);
	*p = (struct flow_plan){ 0 };
}
