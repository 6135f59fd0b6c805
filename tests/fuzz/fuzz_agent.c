/*
 * fuzz_agent - any bytes as a declarative agent, and what loads at work on random facts.
 *
 * The text ends with the first NUL; each four bytes behind it are something that happens: a fact, an
 * entity that goes, a verdict, time.  No crash, no leak; watches read nothing that the manifest
 * does not list; what is proposed has the types of its action's arguments; a finding is open at
 * most once; everything that is found ends when its entity is gone.
 */
#include "config_env.h"
#include "unit/declared.c"

#define TEXT_MAX (16u << 10)
#define STEPS	 48

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "not so: %s\n", #cond);                                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static const char *const entities[] = { "wan0", "wan1", "lan0", "lo" };

static struct anod_value value_from(const struct anod_attr *a, uint8_t b)
{
	static const int64_t numbers[] = { 0, 1, 2, 68, 900, 1300, 1400, 1500, 9000, INT64_MAX };

	switch ((enum anod_type) a->type) {
	case ANOD_BOOL:
		return value_bool(b & 1);
	case ANOD_INT:
		return value_int(numbers[b % ARRAY_SIZE(numbers)], (enum anod_unit) a->unit);
	case ANOD_REAL:
		return value_real((double) (b % 101) / 100, (enum anod_unit) a->unit);
	case ANOD_TEXT:
		return value_text(entities[b % ARRAY_SIZE(entities)]);
	case ANOD_PREFIX:
	case ANOD_UNKNOWN:
		break;
	}
	return value_unknown();
}

static void fact(struct declared *d, const uint8_t *b)
{
	const struct anod_kind *k = &env_kinds[b[0] / 8 % 3];
	struct item *i;
	unsigned n = 0;

	while (k->attrs[n].name)
		n++;
	i = item_of(d->world, k->name, entities[b[1] % ARRAY_SIZE(entities)],
		    k->attrs[b[2] % n].name);
	i->v = b[3] == 255 ? value_unknown() : value_from(&k->attrs[b[2] % n], b[3]);
	i->v.flags = (uint8_t) (k->attrs[b[2] % n].flags & ANOD_VALUE_OUTSIDE);
	i->is = i->v.type == ANOD_INT ? (double) i->v.u.i : 0;
	i->grow = b[3] & 64 && i->v.type == ANOD_INT && i->v.u.i < 10000 ? 10 * b[3] : 0;
	publish(d->world, i);
}

static void verdict(struct declared *d, const uint8_t *b)
{
	for (unsigned i = 0; i < d->n_proposals; i++) {
		struct declared_proposal *p = &d->proposal[(i + b[1]) % d->n_proposals];

		if (p->ended)
			continue;
		declared_verdict(d, (unsigned) (p - d->proposal),
				 (enum anod_verdict)(ANOD_WAITING + b[2] % ANOD_EXPIRED), "so");
		return;
	}
}

static void step(struct declared *d, const uint8_t *b)
{
	switch (b[0] % 8) {
	case 0:
		declared_run(d, (double) b[1] / 10);
		return;
	case 1:
		verdict(d, b);
		return;
	case 2:
		declared_gone(d, env_kinds[b[1] % 3].name, entities[b[2] % ARRAY_SIZE(entities)]);
		return;
	}
	fact(d, b);
}

static void check_arg(const struct anod_action *a, const struct anod_arg *arg)
{
	for (unsigned i = 0; env_actions[i]; i++) {
		if (strcmp(env_actions[i]->kind, a->kind) != 0)
			continue;
		for (const struct anod_param *p = env_actions[i]->params; p->name; p++)
			if (strcmp(p->name, arg->name) == 0) {
				CHECK(arg->value.type == p->type);
				CHECK(!(arg->value.flags & ANOD_VALUE_OUTSIDE));
				return;
			}
	}
	CHECK(!"an argument that its action has not");
}

static void check(const struct declared *d)
{
	for (unsigned i = 0; i < d->n_findings; i++)
		for (unsigned k = 0; k < i; k++)
			CHECK(!d->finding[i].open || !d->finding[k].open ||
			      strcmp(d->finding[i].f.entity, d->finding[k].f.entity) != 0);
	for (unsigned i = 0; i < d->n_proposals; i++)
		for (uint32_t k = 0; k < d->proposal[i].p.n_actions; k++) {
			const struct anod_action *a = &d->proposal[i].p.action[k];

			for (uint32_t n = 0; n < a->n_args; n++)
				check_arg(a, &a->arg[n]);
		}
}

static void work(struct declared *d, const uint8_t *b, size_t size)
{
	for (unsigned n = 0; n < STEPS && size >= 4; n++, b += 4, size -= 4)
		step(d, b);
	declared_run(d, 1);
	check(d);
	for (unsigned k = 0; k < 3; k++)
		for (unsigned i = 0; i < ARRAY_SIZE(entities); i++)
			declared_gone(d, env_kinds[k].name, entities[i]);
	declared_run(d, 0.1);
	for (unsigned i = 0; i < d->n_proposals; i++)
		if (!d->proposal[i].ended)
			declared_verdict(d, i, ANOD_EXPIRED, "");
	declared_run(d, 0.1);
	CHECK(declared_n_open(d) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = strnlen((const char *) data, MIN_OF(size, (size_t) TEXT_MAX));
	char *text = strndup((const char *) data, n), why[512];
	struct schema *schema = env_schema();
	struct declared *d;

	if (!text || !schema)
		abort();
	d = declared_new(schema, env_actions, text, NULL, why, sizeof(why));
	if (d && n < size)
		work(d, data + n + 1, size - n - 1);
	declared_free(d);
	free(text);
	return 0;
}
