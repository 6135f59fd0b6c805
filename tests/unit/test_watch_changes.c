#include "facts/watch_priv.h"

#include "unit/code_random.h"

#define N_WATCHES 16

/* One who believes what a watch says. */
struct believer {
	struct expr *expr;
	char *text;
	bool over_time;
	uint64_t id;
	signed char truth[RANDOM_ENTITIES + 1]; /* the last one: of an expression without subject */
};

struct side {
	struct schema *schema;
	struct store *store;
	struct watches *w;
	struct believer b[N_WATCHES];
};

static void heard(void *data, uint64_t id, const char *entity, enum anod_tri truth)
{
	struct believer *b = data;
	unsigned n = entity[0] ? (unsigned) atoi(entity + 3) : RANDOM_ENTITIES;

	cr_assert(eq(u64, id, b->id));
	/* Nothing is said twice, but that an entity of which nothing is known came after it went. */
	cr_assert(b->truth[n] != (signed char) truth || truth == ANOD_DOUBT, "%s of %s", b->text,
		  entity);
	b->truth[n] = (signed char) truth;
}

static void watch_one(struct side *s, struct believer *b)
{
	memset(b->truth, -1, sizeof(b->truth));
	cr_assert(eq(int, watch_add(s->w, b->expr, heard, b, &b->id), 0));
}

/* The same on both sides: the dice fall the same. */
static void side_init(struct side *s, unsigned short seed)
{
	static const char *const over_time[] = { "((%s)) for 2s", "((%s)) in 2s",
						 "count(link where (%s) for 1s) > 3",
						 "not ((link.mtu > 1500 in 1s) and (%s)) for 1s",
						 "link.carrier and (%s) for 500ms" };
	struct dice d = { .seed = { seed, 21, 22 } };

	*s = (struct side){ .schema = help_schema() };
	s->store = store_new(s->schema);
	s->w = watches_new(s->store);
	for (unsigned i = 0; i < N_WATCHES; i++) {
		struct believer *b = &s->b[i];

		while (!b->expr)
			b->expr = random_expr(&d, s->schema, &b->text);
		if (i % 2) {
			const char *format = PICK(&d, over_time);
			char *text = NULL;

			cr_assert(ge(int, asprintf(&text, format, b->text), 0));
			expr_free(b->expr);
			free(b->text);
			b->text = text;
			b->expr = help_expr(s->schema, text);
			b->over_time = true;
		}
		watch_one(s, b);
	}
}

static void side_done(struct side *s)
{
	watches_free(s->w);
	for (unsigned i = 0; i < N_WATCHES; i++) {
		expr_free(s->b[i].expr);
		free(s->b[i].text);
	}
	store_free(s->store);
	schema_free(s->schema);
}

static const char *the_subject(const struct expr_env *env, uint16_t kind)
{
	(void) kind;
	return env->data;
}

/* What is believed of an entity is what the tree says; a lack of news means doubt for those who
 * went. */
static void check_beliefs(const struct side *s, uint64_t now_us)
{
	for (unsigned i = 0; i < N_WATCHES; i++) {
		const struct believer *b = &s->b[i];
		uint16_t kind = watch_subject_kind(b->expr);

		for (unsigned n = 0; !b->over_time && n <= RANDOM_ENTITIES; n++) {
			struct expr_env env = { .store = s->store,
						.now_us = now_us,
						.subject = the_subject };
			char name[16];

			if ((kind == 0) != (n == RANDOM_ENTITIES))
				continue;
			(void) snprintf(name, sizeof(name), "eth%u", n);
			env.data = kind ? name : NULL;
			if (kind && !store_find(s->store, kind, name))
				cr_assert(b->truth[n] == -1 || b->truth[n] == ANOD_DOUBT,
					  "%s of %s, which is gone", b->text, name);
			else
				cr_assert(
					eq(int, (int) b->truth[n], (int) expr_truth(b->expr, &env)),
					"%s of %s", b->text, name);
		}
	}
}

static void side_run(struct side *s, uint64_t now_us)
{
	(void) store_expire(s->store, now_us);
	(void) watch_run(s->w, now_us);
	cr_expect(not(watch_pending(s->w)));
}

Test(watch_changes, incremental_is_the_same_as_evaluating_everything, .timeout = 60)
{
	for (unsigned short round = 0; round < 6; round++) {
		struct dice d = { .seed = { round, 31, 32 } };
		struct side *lazy = calloc(1, sizeof(*lazy)), *eager = calloc(1, sizeof(*eager));
		uint64_t now = 100 * SECOND;

		side_init(lazy, round);
		side_init(eager, round);
		for (unsigned i = 0; i < 120; i++) {
			unsigned n = roll(&d, 3) ? roll(&d, 6) : roll(&d, 60);
			unsigned other = roll(&d, N_WATCHES);

			for (unsigned k = 0; k < n; k++) {
				struct dice same = d;

				random_step(&same, lazy->store, now);
				random_step(&d, eager->store, now);
			}
			if (roll(&d, 20) == 0) {
				cr_expect(eq(int, watch_remove(lazy->w, lazy->b[other].id), 0));
				cr_expect(eq(int, watch_remove(eager->w, eager->b[other].id), 0));
				watch_one(lazy, &lazy->b[other]);
				watch_one(eager, &eager->b[other]);
			}
			eager->w->refill = true; /* looks at every row again */
			side_run(lazy, now);
			side_run(eager, now);
			if (i % 30 == 0)
				check_beliefs(lazy, now);
			for (unsigned k = 0; k < N_WATCHES; k++)
				cr_assert(memcmp(lazy->b[k].truth, eager->b[k].truth,
						 sizeof(lazy->b[k].truth)) == 0,
					  "round %u step %u: %s", round, i, lazy->b[k].text);
			now += roll(&d, 4) ? roll(&d, SECOND / 2) : roll(&d, 8 * SECOND);
		}
		side_done(lazy);
		side_done(eager);
		free(lazy);
		free(eager);
	}
}

Test(watch_changes, what_is_read_is_needed_and_no_longer)
{
	struct schema *schema = help_schema();
	struct store *s = store_new(schema);
	struct watches *w = watches_new(s);
	struct expr *e = help_expr(schema, "link.util > 5% for 5s and link.mtu > 1");
	const struct schema_attr *util = schema_attr(schema, "link", "util");
	const struct schema_attr *mtu = schema_attr(schema, "link", "mtu");
	struct believer b = { .expr = e };

	cr_assert(eq(int, watch_add(w, e, heard, &b, &b.id), 0));
	cr_expect(gt(uint, store_needed(s, util), 0));
	cr_expect(gt(uint, store_needed(s, mtu), 0));
	cr_assert(eq(int, watch_track(w, e), 0));
	cr_expect(eq(int, watch_remove(w, b.id), 0));
	cr_expect(gt(uint, store_needed(s, util), 0));
	cr_expect(gt(uint, store_needed(s, mtu), 0));
	watch_untrack(w, e);
	cr_expect(eq(uint, store_needed(s, util), 0));
	cr_expect(eq(uint, store_needed(s, mtu), 0));
	watches_free(w);
	expr_free(e);
	store_free(s);
	schema_free(schema);
}
