/* Statistics under watches: the columns, the vector machine and the tree say the same. */
#include <math.h>

#include "base/clock.h"
#include "facts/stats.h"
#include "facts/table.h"
#include "facts/watch.h"
#include "unit/facts_help.h"

#define LINKS 150

static const char *const texts[] = {
	"mean(link.util, 5s) > 50%",
	"high(link.util, 3s) > 2 x low(link.util, 3s) and not changed(link.carrier, 4s)",
	"ewma(link.util, 4s) > 50% or link.carrier and p95(link.util, 6s) > 90%",
	"mean(link.eth7.util, 5s) > 50% or zscore(link.util, 8s) > 2",
	"changed(link.carrier)",
	"mean(mean(link.util, 2s), 4s) > 50%",
};

static enum anod_tri told[ARRAY_SIZE(texts)][LINKS];

static void on_truth(void *data, uint64_t id, const char *entity, enum anod_tri truth)
{
	enum anod_tri *row = data;
	unsigned n;

	(void) id;
	if (sscanf(entity, "eth%u", &n) == 1 && n < LINKS)
		row[n] = truth;
}

static const char *name_of(unsigned n)
{
	static char name[16];

	(void) snprintf(name, sizeof(name), "eth%u", n);
	return name;
}

static const char *subject(const struct expr_env *env, uint16_t kind)
{
	(void) kind;
	return name_of(*(const unsigned *) env->data);
}

static uint64_t dice(void)
{
	static uint64_t seed = 12345;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void publish(struct store *s, uint64_t t)
{
	for (unsigned n = 0; n < LINKS; n++) {
		if (dice() % 4)
			help_put(s, "link", name_of(n), "util",
				 value_real((double) (dice() % 100) / 100, ANOD_UNIT_RATIO), t);
		if (dice() % 8 == 0)
			help_put(s, "link", name_of(n), "carrier", value_bool(dice() % 2), t);
	}
	if (dice() % 10 == 0)
		(void) store_remove(s, help_entity(s, "link", name_of(9)), t);
}

Test(stats_watch, says_what_the_tree_says_at_every_moment)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	_cleanup_(stats_freep) struct stats *t = stats_new(schema, s);
	struct watches *w = watches_new(s);
	struct expr *e[ARRAY_SIZE(texts)];
	unsigned seen[3] = { 0 }, n;
	uint64_t now = 100 * US_PER_S;
	struct expr_env env = { .store = s, .subject = subject, .data = &n };
	const char *why;
	uint64_t id;

	for (unsigned k = 0; k < ARRAY_SIZE(texts); k++) {
		e[k] = help_expr(schema, texts[k]);
		cr_assert_eq(stats_bind(t, e[k], &why), 0, "%s", texts[k]);
		for (n = 0; n < LINKS; n++)
			told[k][n] = ANOD_DOUBT;
		cr_assert_eq(watch_add(w, e[k], on_truth, told[k], &id), 0);
	}
	for (unsigned step = 0; step < 60; step++) {
		now += US_PER_S;
		if (step % 20 != 19) /* a pause longer than nobody may be silent */
			publish(s, now);
		else
			now += 11 * US_PER_S;
		(void) store_expire(s, now);
		(void) stats_run(t, now);
		store_settle(s);
		(void) watch_run(w, now);
		env.now_us = now;
		for (unsigned k = 0; k < ARRAY_SIZE(texts); k++)
			for (n = 0; n < LINKS; n++) {
				enum anod_tri truth = expr_truth(e[k], &env);

				seen[truth]++;
				cr_assert_eq(told[k][n], truth, "%s of eth%u at %u: %d, not %d",
					     texts[k], n, step, told[k][n], truth);
			}
	}
	cr_expect(seen[0] > 1000 && seen[1] > 1000 && seen[2] > 1000, "%u %u %u", seen[0], seen[1],
		  seen[2]);
	watches_free(w);
	for (unsigned k = 0; k < ARRAY_SIZE(texts); k++) {
		stats_unbind(t, e[k]);
		expr_free(e[k]);
	}
}
