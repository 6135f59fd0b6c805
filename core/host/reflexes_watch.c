/*
 * reflexes_watch - facts that the answer to a reflex depends on.
 *
 * Design.  A watch for the guard of every rule that is about the agent "reflex", and for every
 * invariant over facts: when the truth of one changes, the reflex is judged in the same turn.  What
 * no watch can tell (a window that opens, a budget, an argument in a guard) is looked at once a
 * second.
 */
#include <string.h>

#include "base/log.h"
#include "facts/value.h"
#include "host/reflexes_int.h"
#include "policy/action_text.h"
#include "policy/dnf.h"

static void on_guard(void *data, uint64_t id, const char *entity, enum anod_tri truth)
{
	struct reflex *x = data;

	(void) id, (void) entity, (void) truth;
	x->facts = true;
}

static void on_trigger(void *data, uint64_t id, const char *entity, enum anod_tri truth)
{
	struct reflex *x = data;

	(void) id, (void) entity;
	x->condition = truth;
}

static void add(struct reflex *x, const struct expr *e)
{
	uint64_t id;

	if (!e || x->n_watches == REFLEX_WATCHES ||
	    watch_add(x->h->watches, e, on_guard, x, &id) < 0)
		return;
	x->watch[x->n_watches++] = id;
}

void rfx_watch(struct reflex *x)
{
	const struct policy *p = x->h->config->policy;

	x->condition = ANOD_DOUBT;
	if (x->permit->reflex.when &&
	    watch_add(x->h->watches, x->permit->reflex.when, on_trigger, x, &x->trigger_watch) < 0)
		log_warning("reflex \"%s\": no room to watch its trigger", x->name);
	for (unsigned i = 0; i < p->n_rules; i++)
		if (guard_names_agent(p, &p->rule[i], REFLEX_AGENT))
			add(x, p->rule[i].when);
	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned k = 0; k < p->invariant[i].n_requires; k++)
			if (p->invariant[i].require[k].kind == REQUIRE_EXPR)
				add(x, p->invariant[i].require[k].expr);
}

void rfx_unwatch(struct reflex *x)
{
	if (x->trigger_watch)
		(void) watch_remove(x->h->watches, x->trigger_watch);
	x->trigger_watch = 0;
	while (x->n_watches)
		(void) watch_remove(x->h->watches, x->watch[--x->n_watches]);
}

/* The clause and what it names; another text is another reflex. */
char *rfx_key(const struct config *c, const struct policy_rule *r)
{
	const struct policy_reflex *x = &r->reflex;
	const struct policy_set *s = x->scope ? policy_find_set(c->policy, x->scope) : NULL;
	_cleanup_(freep) char *when = x->when ? expr_format(x->when) : NULL;
	char *text = NULL, buf[512];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, "%s;%s;%s;%llu;%llu;%u;%u;%d", x->link ? x->link : "", when ? when : "",
		x->standby ? x->standby : "", (unsigned long long) x->sentinel_us,
		(unsigned long long) x->refractory_us, x->table, x->max_prefixes, r->touch_foreign);
	for (unsigned i = 0; i < x->n_via; i++)
		fprintf(f, ";%s", prefix_format(&x->via[i], buf, sizeof(buf)));
	for (unsigned i = 0; i < x->n_actions; i++)
		fprintf(f, ";%s", action_format(&x->action[i], buf, sizeof(buf)));
	for (unsigned i = 0; s && i < s->n_prefixes; i++)
		fprintf(f, ";%s", prefix_format(&s->prefix[i], buf, sizeof(buf)));
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
