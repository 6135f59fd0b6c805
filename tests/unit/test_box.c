/*
 * Guards as boxes: what the regions say against what the evaluator says, at every point of small
 * spaces, for random guards.  ANOD_SEED, ANOD_CASES.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "config_env.h"
#include "facts/value.h"
#include "policy/witness.h"
#include "world.h"

#define CASES 400

/* ---- random guards ----------------------------------------------------------------------- */

static const char *const leaves[] = {
	"link.mtu > 1400",	   "link.mtu >= 1500",
	"link.mtu == 1500",	   "link.mtu != 9000",
	"link.mtu < 1401",	   "link.util > 70%",
	"link.util <= 70%",	   "link.util < 10%",
	"1500 < link.mtu",	   "link.carrier",
	"link.carrier == false",   "link.operstate == up",
	"link.operstate != down",  "link.mtu > link.rx_packets x 1",
	"path.rtt > 20ms",	   "path.rtt > path.jitter",
	"path.rtt <= path.jitter", "action.metric < 100",
	"action.dst in nets",	   "action.dst overlaps 10.1.0.0/16",
	"action.dst == 0.0.0.0/0", "action.dev in ups",
	"link.carrier for 10s",	   "link.carrier in 1m",
	"evidence.count >= 2",	   "model.confidence > 0.9",
};

static void random_guard(struct dice *d, unsigned depth, char *buf, size_t size)
{
	size_t n = strlen(buf);
	uint32_t roll = dice_roll(d, 10);

	if (depth == 0 || roll < 4) {
		const char *leaf = leaves[dice_roll(d, ARRAY_SIZE(leaves))];

		/* Units do not mix: this one is only here to be refused. */
		if (strstr(leaf, "rx_packets"))
			leaf = leaves[0];
		(void) snprintf(buf + n, size - n, "%s", leaf);
		return;
	}
	(void) snprintf(buf + n, size - n, roll < 6 ? "not (" : "(");
	random_guard(d, depth - 1, buf, size);
	if (roll >= 6) {
		n = strlen(buf);
		(void) snprintf(buf + n, size - n, ") %s (", roll < 8 ? "and" : "or");
		random_guard(d, depth - 1, buf, size);
	}
	n = strlen(buf);
	(void) snprintf(buf + n, size - n, ")");
}

static struct config *load(const struct schema *schema, const char *a, const char *b)
{
	struct config_env env = env_make(schema, NULL);
	struct diag_list diags = { 0 };
	struct config *c = NULL;
	char text[8192];

	(void) snprintf(
		text, sizeof(text),
		"agent doctor { }\n"
		"set nets = prefix { 10.0.0.0/8, 192.168.0.0/16 }\n"
		"set ups = link { wan0, wan1 }\n"
		"permit \"a\" { agent doctor  action route.replace  when %s\n level propose }\n"
		"permit \"b\" { agent doctor  action route.replace  when %s\n level propose }\n",
		a, b);
	if (config_load_text("t", text, &env, &diags, &c) < 0)
		diag_print(&diags, stderr);
	diag_done(&diags);
	cr_assert(c, "%s", text);
	return c;
}

/* ---- the evaluator at a point ------------------------------------------------------------ */

struct at {
	const struct space *s;
	const struct point *p;
	const struct schema *schema;
	const struct config *c;
};

static const struct at *at_of(const struct expr_env *env)
{
	return env->data;
}

static bool value_of(const struct at *a, const char *key, struct anod_value *ret)
{
	const struct var *v = space_find(a->s, key);

	if (!v)
		return false;
	*ret = piece_value(v, a->p->piece[v - a->s->var]);
	return ret->type != ANOD_UNKNOWN;
}

static const char *subject(const struct expr_env *env, uint16_t kind)
{
	(void) env;
	(void) kind;
	return "it";
}

/* Two facts that are compared with each other: one second against less, as much or more. */
static bool ordered(const struct at *a, const char *name, struct anod_value *ret)
{
	static const int64_t jitter[] = { 0, 500000, 1000000, 2000000 };
	const struct var *v = space_find(a->s, "path.jitter against path.rtt");
	unsigned piece = v ? a->p->piece[v - a->s->var] : PIECE_UNKNOWN;

	if (piece == PIECE_UNKNOWN || strncmp(name, "path.", 5) != 0)
		return false;
	*ret = value_int(strcmp(name, "path.rtt") == 0 ? jitter[PIECE_EQUAL] : jitter[piece],
			 ANOD_UNIT_TIME);
	return true;
}

static bool fact(const struct expr_env *env, uint16_t kind, uint16_t slot, const char *entity,
		 struct anod_value *ret)
{
	const struct at *a = at_of(env);
	const struct schema_attr *attr = schema_attr_at(a->schema, kind, slot);
	char key[128];

	(void) entity;
	(void) snprintf(key, sizeof(key), "%s.%s", attr->kind_name, attr->name);
	if (!value_of(a, key, ret) && !ordered(a, key, ret))
		*ret = value_unknown();
	return true;
}

static bool operand(const struct expr_env *env, const char *name, struct anod_value *ret)
{
	return value_of(at_of(env), name, ret);
}

static enum anod_tri in_set(const struct expr_env *env, const char *set, const struct anod_value *v)
{
	const struct policy_set *s = policy_find_set(at_of(env)->c->policy, set);

	for (unsigned i = 0; i < s->n_names; i++)
		if (strcmp(s->member[i], v->u.text) == 0)
			return ANOD_TRUE;
	for (unsigned i = 0; i < s->n_prefixes; i++)
		if (prefix_contains(&s->prefix[i], &v->u.prefix))
			return ANOD_TRUE;
	return ANOD_FALSE;
}

static enum anod_tri truth_at(const struct at *a, const struct expr *e);

static enum anod_tri held(const struct expr_env *env, const struct expr *node)
{
	char *key = expr_format(node);
	struct anod_value v = value_unknown();

	(void) value_of(at_of(env), key, &v);
	free(key);
	return v.type == ANOD_UNKNOWN ? ANOD_DOUBT : v.u.i ? ANOD_TRUE : ANOD_FALSE;
}

static enum anod_tri truth_at(const struct at *a, const struct expr *e)
{
	struct expr_env env = { .subject = subject,
				.operand = operand,
				.in_set = in_set,
				.held = held,
				.fact = fact,
				.data = (void *) (uintptr_t) a };

	return expr_truth(e, &env);
}

/* Points that cannot be: X for D without X, and orders of facts that the numbers contradict. */
static bool can_be(const struct at *a)
{
	for (unsigned i = 0; i < a->s->n_vars; i++) {
		const struct var *v = &a->s->var[i];
		unsigned piece = a->p->piece[i];
		enum anod_tri now;

		if (v->type == VAR_ORDER && space_find(a->s, "path.rtt"))
			return false;
		if (!v->of || (v->of->op != EXPR_FOR && v->of->op != EXPR_WITHIN))
			continue;
		now = truth_at(a, v->of->a);
		if (v->of->op == EXPR_FOR && ((piece == PIECE_TRUE && now != ANOD_TRUE) ||
					      (piece != PIECE_FALSE && now == ANOD_FALSE)))
			return false;
		if (v->of->op == EXPR_WITHIN && ((piece == PIECE_FALSE && now != ANOD_FALSE) ||
						 (piece != PIECE_TRUE && now == ANOD_TRUE)))
			return false;
	}
	return true;
}

static bool in_box(const struct space *s, const uint64_t *b, const struct point *p)
{
	for (unsigned i = 0; i < s->n_vars; i++)
		if (!box_has(&s->var[i], b, p->piece[i]))
			return false;
	return true;
}

static bool in_region(const struct space *s, const struct region *r, const struct point *p)
{
	for (unsigned i = 0; i < r->n; i++)
		if (in_box(s, region_box(s, r, i), p))
			return true;
	return false;
}

static bool expected(enum anod_tri t, enum where w)
{
	switch (w) {
	case WHERE_TRUE:
		return t == ANOD_TRUE;
	case WHERE_FALSE:
		return t == ANOD_FALSE;
	case WHERE_NOT_TRUE:
		return t != ANOD_TRUE;
	case WHERE_NOT_FALSE:
		return t != ANOD_FALSE;
	}
	return false;
}

/* ---- one case ------------------------------------------------------------------------------ */

struct tested {
	struct at at;
	const struct expr *a, *b;
	struct region ra[4], rb[4], minus, meet;
	bool a_in_b, meet_empty; /* as enumerated */
	unsigned points;
};

static void check_point(struct tested *t, const char *text)
{
	enum anod_tri a, b;

	if (!can_be(&t->at))
		return;
	t->points++;
	a = truth_at(&t->at, t->a);
	b = truth_at(&t->at, t->b);
	for (unsigned w = 0; w < 4; w++) {
		bool in = in_region(t->at.s, &t->ra[w], t->at.p);

		cr_assert(in == expected(a, (enum where) w), "%s: where %u, truth %s", text, w,
			  tri_name(a));
	}
	t->a_in_b &= a != ANOD_TRUE || b != ANOD_FALSE;
	t->meet_empty &= a != ANOD_TRUE || b != ANOD_TRUE;
	cr_assert(in_region(t->at.s, &t->minus, t->at.p) == (a == ANOD_TRUE && b == ANOD_FALSE),
		  "%s: difference", text);
	cr_assert(in_region(t->at.s, &t->meet, t->at.p) == (a == ANOD_TRUE && b == ANOD_TRUE),
		  "%s: intersection", text);
}

/* Every point where there are few, else some. */
static void check_points(struct tested *t, struct dice *d, const char *text)
{
	const struct space *s = t->at.s;
	struct point p = { 0 };
	double all = 1;

	t->at.p = &p;
	for (unsigned i = 0; i < s->n_vars; i++)
		all *= s->var[i].n_pieces;
	for (unsigned n = 0; n < (all <= 3000 ? (unsigned) all : 600); n++) {
		unsigned left = n;
		bool real = true;

		for (unsigned i = 0; i < s->n_vars; i++) {
			unsigned pieces = s->var[i].n_pieces;

			p.piece[i] = all <= 3000 ? left % pieces : dice_roll(d, pieces);
			left /= pieces;
			real &= box_has(&s->var[i], s->all, p.piece[i]);
		}
		if (real)
			check_point(t, text);
	}
	t->at.p = NULL;
	/* Both a number and in an order: such points were left out above. */
	if (all > 3000 ||
	    (space_find(s, "path.rtt") && space_find(s, "path.jitter against path.rtt")))
		return;
	/* Enumerated whole: emptiness and inclusion are the same. */
	{
		struct region meet = { 0 }, inside = { 0 };

		cr_assert(region_join(s, &meet, &t->meet) == 0);
		cr_assert(held_possible(s, &meet) == 0);
		cr_assert_eq(meet.n == 0, t->meet_empty, "%s: emptiness", text);
		cr_assert(region_join(s, &inside, &t->ra[WHERE_TRUE]) == 0);
		cr_assert(held_possible(s, &inside) == 0);
		cr_assert_eq(region_inside(s, &inside, &t->rb[WHERE_NOT_FALSE], NULL), t->a_in_b,
			     "%s: inclusion", text);
		region_done(&meet);
		region_done(&inside);
	}
}

static bool prepare(struct tested *t, struct space *s)
{
	if (dnf_note(s, t->a) < 0 || dnf_note(s, t->b) < 0 || space_seal(s) < 0)
		return false;
	for (unsigned w = 0; w < 4; w++)
		if (dnf_region(s, t->a, (enum where) w, &t->ra[w]) < 0 ||
		    dnf_region(s, t->b, (enum where) w, &t->rb[w]) < 0)
			return false;
	return region_minus(s, &t->ra[WHERE_TRUE], &t->rb[WHERE_NOT_FALSE], &t->minus) == 0 &&
	       region_meet(s, &t->ra[WHERE_TRUE], &t->rb[WHERE_TRUE], &t->meet) == 0;
}

static void tested_done(struct tested *t)
{
	for (unsigned w = 0; w < 4; w++) {
		region_done(&t->ra[w]);
		region_done(&t->rb[w]);
	}
	region_done(&t->minus);
	region_done(&t->meet);
}

Test(box, regions_say_what_the_evaluator_says_at_every_point)
{
	struct schema *schema = env_schema();
	struct dice d = { dice_seed("box") };
	unsigned cases = getenv("ANOD_CASES") ? (unsigned) atoi(getenv("ANOD_CASES")) : CASES;
	unsigned done = 0, points = 0;

	for (unsigned i = 0; i < cases; i++) {
		char a[2048] = "", b[2048] = "", text[4200];
		struct tested t = { .a_in_b = true, .meet_empty = true };
		struct config *c;
		struct space *s;

		random_guard(&d, 1 + dice_roll(&d, 3), a, sizeof(a));
		random_guard(&d, 1 + dice_roll(&d, 2), b, sizeof(b));
		(void) snprintf(text, sizeof(text), "%s | %s", a, b);
		c = load(schema, a, b);
		s = space_new(c, schema);
		t.a = c->policy->rule[0].when;
		t.b = c->policy->rule[1].when;
		t.at = (struct at){ .s = s, .schema = schema, .c = c };
		if (prepare(&t, s)) {
			check_points(&t, &d, text);
			done++;
			points += t.points;
		}
		tested_done(&t);
		space_free(s);
		config_free(c);
	}
	cr_expect(done > cases * 9 / 10, "%u of %u cases", done, cases);
	cr_expect(points > cases * 20, "%u points", points);
	schema_free(schema);
}

/* ---- single things --------------------------------------------------------------------------- */

Test(box, numbers_know_their_domain_and_their_neighbours)
{
	struct var v = { .type = VAR_NUMBER, .low = 0, .high = 1 };

	cr_expect_float_eq(number_within(0.7, 1, false), 0.71, 1e-9);
	cr_expect_float_eq(number_within(0.7, 0.705, false), 0.7025, 1e-9);
	cr_expect_float_eq(number_within(5, 6.5, true), 6, 1e-9);
	cr_assert(var_note_number(&v, 0.5) == 0 && var_note_number(&v, 0.5) == 0);
	cr_expect_eq(v.n, 1);
	cr_expect_eq(var_note_number(&v, 1e17), -E2BIG);
	cr_expect_eq(piece_at(&v, 0.5), 2);
	cr_expect_eq(piece_at(&v, 0.4), 1);
	cr_expect_eq(piece_at(&v, 0.6), 3);
	cr_expect(piece_compares(&v, 2, VALUE_GE, 0.5) && !piece_compares(&v, 2, VALUE_GT, 0.5));
	free(v.number);
}

Test(box, prefixes_fall_into_the_classes_of_those_written)
{
	struct schema *schema = env_schema();
	struct config *c = load(schema, "action.dst in nets", "link.carrier");
	struct space *s = space_new(c, schema);
	static const char *const written[] = { "10.0.0.0/8",	 "10.1.0.0/16",	  "10.1.2.0/24",
					       "192.168.0.0/16", "2001:db8::/32", "10.128.0.0/9" };
	static const char *const tried[] = { "0.0.0.0/0",   "10.0.0.0/7",    "10.1.0.0/17",
					     "10.1.2.0/25", "10.1.3.0/24",   "10.2.0.0/16",
					     "11.0.0.0/8",  "192.0.0.0/8",   "192.168.1.1",
					     "::/0",	    "2001:db8::/31", "2001:db8::1",
					     "10.0.0.0/9",  "172.16.0.0/12", "10.192.0.0/10" };
	struct var *v;

	cr_assert(space_var(s, "x", VAR_PREFIX, &v) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		struct anod_prefix p = world_prefix(written[i]);

		cr_assert(var_note_prefix(v, &p) == 0);
	}
	cr_assert(space_seal(s) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(tried); i++) {
		struct anod_prefix p = world_prefix(tried[i]);
		unsigned piece = piece_around(v, &p);

		cr_assert(piece != PIECE_UNKNOWN, "%s has no class", tried[i]);
		for (size_t k = 0; k < ARRAY_SIZE(written); k++) {
			struct anod_prefix w = world_prefix(written[k]);
			const struct anod_prefix *one = piece_prefix(v, piece);

			cr_expect_eq(prefix_contains(&w, &p), prefix_contains(&w, one));
			cr_expect_eq(prefix_contains(&p, &w), prefix_contains(one, &w));
		}
	}
	space_free(s);
	config_free(c);
	schema_free(schema);
}

Test(box, every_random_prefix_has_a_class)
{
	struct schema *schema = env_schema();
	struct config *c = load(schema, "link.carrier", "link.carrier");
	struct dice d = { dice_seed("prefixes") };

	for (unsigned n = 0; n < 200; n++) {
		struct space *s = space_new(c, schema);
		struct var *v;

		cr_assert(space_var(s, "x", VAR_PREFIX, &v) == 0);
		for (unsigned i = 0; i < 1 + dice_roll(&d, 6); i++) {
			struct anod_prefix p = { .family = 2, .len = (uint8_t) dice_roll(&d, 9) };

			p.addr[0] = (uint8_t) (p.len ? dice_roll(&d, 256) & (0xff00 >> p.len) : 0);
			cr_assert(var_note_prefix(v, &p) == 0);
		}
		cr_assert(space_seal(s) == 0);
		for (unsigned i = 0; i < 200; i++) {
			struct anod_prefix p = { .family = 2, .len = (uint8_t) dice_roll(&d, 13) };
			unsigned bits = dice_roll(&d, 4096) & (0xfff000 >> p.len);

			p.addr[0] = (uint8_t) (bits >> 4);
			p.addr[1] = (uint8_t) (bits << 4);
			cr_assert(piece_around(v, &p) != PIECE_UNKNOWN, "case %u", n);
		}
		space_free(s);
	}
	config_free(c);
	schema_free(schema);
}
