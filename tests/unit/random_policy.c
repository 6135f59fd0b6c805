/*
 * random_policy - policies over the whole language, routers and proposals, for property tests.
 *
 * Design.  Statements are put together from texts, because that is how policies come.  Whatever
 * depends on history is asked of facts that grow no older, so that a completion is a history of
 * its own and nothing else.
 */
#include "random_policy.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <string.h>

#define S UINT64_C(1000000)

static const struct {
	const char *kind, *entity, *attr;
	const char *value[4];
} facts[] = {
	{ "link", "wan0", "a", { "1", "5", "9", "5" } },
	{ "link", "wan1", "a", { "1", "5", "9", "5" } },
	{ "link", "wan2", "a", { "3", "5", "9", "0" } },
	{ "link", "wan0", "b", { "true", "false", "true", "false" } },
	{ "link", "wan1", "b", { "true", "false", "true", "true" } },
	{ "link", "wan0", "c", { "red", "blue", "red", "green" } },
	{ "link", "wan1", "c", { "red", "blue", "red", "green" } },
	{ "link", "wan0", "role", { "uplink", "core", "uplink", "uplink" } },
	{ "link", "wan1", "role", { "uplink", "core", "uplink", "uplink" } },
	{ "link", "wan0", "rx_loss", { "0%", "1%", "5%", "50%" } },
	{ "link", "wan1", "rx_loss", { "0%", "1%", "5%", "50%" } },
	{ "path", "wan0", "loss", { "0%", "1%", "5%", "50%" } },
};

static const char *pick(struct dice *d, const char *const *list, unsigned n)
{
	return list[dice_roll(d, n)];
}

#define PICK(d, ...)                                                                               \
	pick(d, (const char *const[]){ __VA_ARGS__ },                                              \
	     sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* ---- conditions ------------------------------------------------------------------------- */

static const char *of_any_action(struct dice *d)
{
	return PICK(d, "link.wan0.a > 3", "link.wan1.a == 5", "link.a <= 5", "link.a != 5",
		    "link.wan0.b", "not link.b", "link.wan1.c == red", "link.c != blue",
		    "link.rx_loss > 2%", "path.wan0.loss < 2%", "path.loss >= 1%",
		    "link.wan0.a + link.wan1.a > 9", "link.wan0.a / link.wan2.a >= 1",
		    "2 x link.a - 1 < 10", "link.wan0.a > link.wan1.a", "link.a >= link.wan2.a",
		    "count(uplinks up) >= 2", "count(fine where a > 3) >= 1",
		    "count(link where b) < 2", "count(both up) == 1", "any(link where a > 7)",
		    "every(uplinks where a < 7)", "any(fine where not b)", "max(link.a) < 9",
		    "min(link.a where b) >= 5", "sum(link.a) > 12", "avg(link.a where a > 1) > 4",
		    "link.wan0.b for 10s", "link.a > 3 for 40s", "link.c == red in 60s",
		    "not (link.b in 30s)", "action.kind == \"link.set\"",
		    "resource == \"link wan0\"", "model.confidence > 50%", "evidence.count >= 1",
		    "path.wan9.loss > 1%", "reversals(resource) >= 0 in 30m",
		    "reversals(resource) < 1 in 10m", "formerly link.set within 1h",
		    "not (formerly route.del any within 1h)", "action.dev in uplinks",
		    "not (action.dev in named)", "true or link.b");
}

static const char *of_routes(struct dice *d)
{
	return PICK(d, "action.dst overlaps customers", "action.dst in customers",
		    "not (action.dst overlaps 10.0.0.0/8)", "action.metric < 60");
}

static void condition(struct dice *d, bool routes, unsigned depth, char *buf, size_t size)
{
	char a[200], b[200];

	if (depth == 0 || dice_roll(d, 3) == 0) {
		(void) copy_text(buf, size,
				 routes && dice_roll(d, 4) == 0 ? of_routes(d) : of_any_action(d));
		return;
	}
	condition(d, routes, depth - 1, a, sizeof(a));
	condition(d, routes, depth - 1, b, sizeof(b));
	if (dice_roll(d, 3) == 0)
		(void) snprintf(buf, size, "not (%s)", a);
	else
		(void) snprintf(buf, size, "(%s %s %s)", a, dice_roll(d, 2) ? "and" : "or", b);
}

/* ---- statements ------------------------------------------------------------------------- */

struct writer {
	char *buf;
	size_t n;
};

static void _printf_(2, 3) add(struct writer *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	w->n += (size_t) vsnprintf(w->buf + w->n, STATEMENT_SIZE - w->n, fmt, ap);
	va_end(ap);
	cr_assert(w->n < STATEMENT_SIZE);
}

static void add_terms(struct dice *d, struct writer *w)
{
	add(w, " level %s\n",
	    PICK(d, "observe", "propose", "approve by 1 of noc", "approve",
		 "auto\n verify within 5s that link.wan1.carrier",
		 "auto\n verify within 5s that link.wan1.carrier"));
	if (dice_roll(d, 4) == 0)
		add(w, " budget %s\n", PICK(d, "few", "each", "mine"));
	if (dice_roll(d, 6) == 0)
		add(w, " cooldown 10m per %s\n", PICK(d, "resource", "agent"));
	if (dice_roll(d, 3))
		add(w, " foreign objects\n");
}

static void add_rule(struct dice *d, const char *kind, unsigned nth, struct writer *w)
{
	const char *action = PICK(d, "any", "any", "link.*", "link.set, link.down", "route.*");
	bool routes = action[0] != 'l';
	char when[420];

	add(w, "%s \"%c%u\" {\n agent %s\n action %s\n", kind, kind[0], nth,
	    PICK(d, "any", "any", "uplink", "doctors", "arp, doctors"), action);
	add(w, "%s",
	    PICK(d, "", "", "", " on uplinks\n", " on not fine\n", " on link { wan0, wan2 }\n",
		 " on both\n", " on prefix in customers\n", " on prefix not in customers\n",
		 " on prefix 10.0.0.0/8, uplinks\n"));
	if (dice_roll(d, 4)) {
		condition(d, routes, 2, when, sizeof(when));
		add(w, " when %s\n", when);
	}
	if (dice_roll(d, 8) == 0)
		add(w, " during %s\n", PICK(d, "night", "late", "freeze"));
	if (kind[0] == 'p')
		add_terms(d, w);
	else if (kind[0] == 'c')
		add(w, " to %s%s\n", PICK(d, "observe", "propose", "approve"),
		    dice_roll(d, 3) ? "" : " for 1h");
	add(w, "}\n");
}

void random_statement(struct dice *d, const char *kind, unsigned nth, char *buf)
{
	struct writer w = { .buf = buf };

	buf[0] = 0;
	if (kind[0] != 'i') {
		add_rule(d, kind, nth, &w);
		return;
	}
	add(&w, "invariant \"i%u\" {\n", nth);
	for (unsigned i = 0; i <= dice_roll(d, 2); i++)
		add(&w, " require %s\n",
		    PICK(d, "count(uplinks up) >= 1", "count(link up) >= 2", "count(fine up) != 0",
			 "link.wan0.a < 9", "link.wan1.carrier or link.wan0.b",
			 "new blackhole == 0", "moved prefixes <= 1", "every mgmt reachable",
			 "every mgmt reachable with 1 link lost"));
	add(&w, "%s}\n", dice_roll(d, 2) ? " if broken now allow when not worse\n" : "");
}

void random_statements(struct dice *d, struct statements *s)
{
	s->n = 1 + dice_roll(d, STATEMENTS_MAX - 2);
	for (unsigned i = 0; i < s->n; i++)
		random_statement(d,
				 i == 0 ? "permit"
					: PICK(d, "permit", "permit", "permit", "permit", "permit",
					       "cap", "forbid", "invariant"),
				 i, s->text[i]);
}

void load_statements(struct world *w, const struct statements *s)
{
	static const char head[] = "set uplinks = link where role == uplink\n"
				   "set fine = link where rx_loss < 2%\n"
				   "set both = link where role == uplink and not (c == blue)\n"
				   "set named = link { wan1, wan2 }\n"
				   "set customers = prefix { 10.1.0.0/16, 192.0.2.0/24 }\n"
				   "set mgmt = flow { 198.51.100.1 -> ssh }\n"
				   "set doctors = agent { uplink, planner }\n"
				   "window night = daily 01:00..05:00 tz UTC\n"
				   "window late = daily 22:00..06:00 tz UTC\n"
				   "window freeze = 2026-11-22 00:00 .. 2026-11-23 00:00 tz UTC\n"
				   "budget few = 3 per 1h\n"
				   "budget each = 2 per 10m shared 4 per 2h per link\n"
				   "budget mine = 3 per 30m per agent\n";
	char text[sizeof(head) + (STATEMENTS_MAX + 1) * STATEMENT_SIZE];
	int n = snprintf(text, sizeof(text), "%s", head);

	for (unsigned i = 0; i < s->n; i++)
		n += snprintf(text + n, sizeof(text) - (size_t) n, "%s", s->text[i]);
	world_policy(w, text);
}

/* ---- the router ------------------------------------------------------------------------- */

void random_world(struct world *w)
{
	struct anod_object foreign;

	world_init(w);
	for (unsigned i = 0; i < 3; i++) {
		struct anod_object o = world_link_object(
			2 + i, (const char *const[]){ "wan0", "wan1", "wan2" }[i], true, i != 2);

		cr_assert(model_put(w->model, &o) == 0);
	}
	world_route(w, "0.0.0.0/0", 100, NULL, 2);
	world_route(w, "0.0.0.0/0", 200, NULL, 3);
	world_route(w, "10.1.0.0/16", 50, NULL, 2);
	foreign = world_route_object("10.2.0.0/16", 254, 50, NULL, 3);
	cr_assert(model_put(w->model, &foreign) == 0);
}

const char *random_agent(struct dice *d)
{
	return PICK(d, "uplink", "uplink", "arp", "planner");
}

static void random_action(struct dice *d, struct world *w, unsigned nth)
{
	const char *link = PICK(d, "wan0", "wan1", "wan2");
	const char *kind = PICK(d, "link.set", "link.set", "link.down", "route.replace",
				"route.del", "route.metric");
	struct anod_action *a = nth ? world_also(w, kind) : world_propose(w, kind);

	if (kind[0] == 'l') {
		world_arg(a, "dev", link);
		if (strcmp(kind, "link.set") == 0 && dice_roll(d, 2))
			world_arg(a, "mtu", "1400");
		else if (strcmp(kind, "link.set") == 0)
			world_arg(a, "admin", "down");
		return;
	}
	world_arg(a, "dst", PICK(d, "10.1.0.0/16", "10.2.0.0/16"));
	world_arg(a, "metric", "50");
	if (strcmp(kind, "route.metric") == 0)
		world_arg(a, "to", "60");
	else if (strcmp(kind, "route.replace") == 0)
		world_arg(a, "dev", link);
}

void random_proposal(struct dice *d, struct world *w)
{
	unsigned n = 1 + (dice_roll(d, 4) == 0);

	for (unsigned i = 0; i < n; i++)
		random_action(d, w, i);
	w->proposal.confidence = dice_roll(d, 3) ? 0.9 : -1;
	w->evidence = dice_roll(d, 3);
	w->wall_us = (UINT64_C(1795359600) + dice_roll(d, 2 * 86400)) * S;
}

/* ---- facts ------------------------------------------------------------------------------ */

void random_history(struct dice *d, struct history *h)
{
	static const uint64_t ago[] = { 200 * S, 50 * S, 20 * S, 5 * S };

	h->n = 0;
	for (size_t t = 0; t < ARRAY_SIZE(ago); t++)
		for (unsigned i = 0; i < ARRAY_SIZE(facts) && h->n < EVENTS_MAX; i++) {
			/* Long ago something is said of each, so that all of it can be known. */
			if (t > 0 && dice_roll(d, 8))
				continue;
			h->event[h->n++] = (struct event){
				.ago_us = ago[t],
				.fact = i,
				.value = facts[i].value[dice_roll(d, 4)],
				.known = dice_roll(d, 3) != 0,
			};
		}
}

void complete_history(struct dice *d, struct history *h)
{
	for (unsigned i = 0; i < h->n; i++)
		if (!h->event[i].known) {
			h->event[i].value = facts[h->event[i].fact].value[dice_roll(d, 4)];
			h->event[i].known = true;
		}
}

static enum anod_tri member(const struct expr_env *env, const char *set, uint16_t kind,
			    const char *entity)
{
	const struct world *w = env->data;

	return set_has(w->config, w->store, env->now_us, set, kind, entity);
}

static const struct expr *set_where(const struct expr_env *env, const char *set)
{
	const struct world *w = env->data;
	const struct policy_set *s = policy_find_set(w->config->policy, set);

	return s ? s->where : NULL;
}

/* Whatever was before is too long ago to matter to any condition here. */
static void begin(struct world *w)
{
	struct expr_env env = {
		.store = w->store, .member = member, .set_where = set_where, .data = w
	};
	const struct policy *p = w->config->policy;

	watches_free(w->watches);
	w->watches = watches_new(w->store);
	cr_assert(w->watches);
	watches_set_env(w->watches, &env);
	for (unsigned i = 0; i < p->n_rules; i++)
		if (p->rule[i].when)
			cr_assert(watch_track(w->watches, p->rule[i].when) == 0);
	w->now_us += 1000 * S;
}

void live(struct world *w, const struct history *h)
{
	uint64_t now_us;

	begin(w);
	now_us = w->now_us;
	for (unsigned i = 0; i < h->n; i++) {
		const struct event *e = &h->event[i];

		w->now_us = now_us - e->ago_us;
		world_fact(w, facts[e->fact].kind, facts[e->fact].entity, facts[e->fact].attr,
			   e->known ? e->value : "unknown");
		if (i + 1 == h->n || h->event[i + 1].ago_us / S != e->ago_us / S)
			(void) watch_run(w->watches, w->now_us);
	}
	w->now_us = now_us;
	(void) store_expire(w->store, now_us);
	(void) watch_run(w->watches, now_us);
}

unsigned rounds_of(unsigned usual)
{
	const char *text = getenv("ANOD_ROUNDS");

	return text ? (unsigned) strtoul(text, NULL, 0) : usual;
}
