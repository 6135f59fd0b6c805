/*
 * code_random - random expressions and random histories of a small store, for the tests that
 * compare the vector machine and the watches with the tree evaluator.
 *
 * Deterministic by seed.  Entities come in two kinds with common names, so that facts of another
 * kind are found by name; there are more than 64 of them, so that there is more than one block.
 */
#ifndef TESTS_CODE_RANDOM_H
#define TESTS_CODE_RANDOM_H

#include "facts/value.h"
#include "unit/facts_help.h"

#define RANDOM_ENTITIES 90

struct dice {
	unsigned short seed[3];
};

static inline unsigned roll(struct dice *d, unsigned n)
{
	return (unsigned) nrand48(d->seed) % n;
}

#define PICK(d, list) ((list)[roll((d), ARRAY_SIZE(list))])

/* ---- expressions ------------------------------------------------------------------------- */

static inline void random_truth(struct dice *d, unsigned depth, bool counts, FILE *f);

/* Numbers of bytes. */
static inline void random_number(struct dice *d, unsigned depth, bool counts, FILE *f)
{
	static const char *const leaf[] = {
		"link.mtu",	  "link.mtu",
		"link.eth3.mtu",  "1500",
		"9000",		  "0",
		"64KiB",	  "link.mtu",
		"link.eth70.mtu", "2000000000 x 2000000000 x link.mtu"
	};
	static const char *const fold[] = { "max", "min", "sum", "avg" };

	if (counts && roll(d, 6) == 0) {
		fprintf(f, "%s(link.mtu where ", PICK(d, fold));
		random_truth(d, depth + 1, false, f);
		fputs(")", f);
	} else if (depth > 3 || roll(d, 2)) {
		fputs(PICK(d, leaf), f);
	} else {
		static const char *const op[] = { "+", "-", "+", "-" };
		bool scale = roll(d, 3) == 0;

		fputs("(", f);
		random_number(d, depth + 1, counts, f);
		if (scale)
			fprintf(f, " %s %u", roll(d, 2) ? "x" : "/", roll(d, 4));
		else
			fprintf(f, " %s ", PICK(d, op));
		if (!scale)
			random_number(d, depth + 1, counts, f);
		fputs(")", f);
	}
}

static inline void random_compare(struct dice *d, unsigned depth, bool counts, FILE *f)
{
	static const char *const cmp[] = { "==", "!=", "<", "<=", ">", ">=" };
	static const char *const real[] = { "link.util",
					    "path.loss",
					    "link.eth5.util",
					    "link.util + path.loss",
					    "link.util x 2.5",
					    "path.eth9.loss",
					    "link.util / path.loss",
					    "link.util / 0",
					    "max(path.loss)",
					    "avg(link.util)" };
	static const char *const ratio[] = { "5%", "0", "0.5", "link.util", "path.loss", "50%" };
	static const char *const text[] = { "link.operstate == up",
					    "link.operstate != up",
					    "link.role == \"core\"",
					    "link.role != link.operstate",
					    "link.eth1.operstate == up",
					    "link.address == 10.0.0.1",
					    "link.address overlaps 10.0.0.0/30" };

	switch (roll(d, counts ? 7 : 5)) {
	case 0:
	case 1:
		random_number(d, depth, counts, f);
		fprintf(f, " %s ", PICK(d, cmp));
		random_number(d, depth, counts, f);
		break;
	case 2:
		fprintf(f, "%s %s %s", PICK(d, real), PICK(d, cmp), PICK(d, ratio));
		break;
	case 3:
		fputs(PICK(d, text), f);
		break;
	case 4:
		fprintf(f, "path.rtt %s %u ms", PICK(d, cmp), roll(d, 6));
		break;
	case 5:
		fprintf(f, "count(%s where ", roll(d, 2) ? "link" : "path");
		random_truth(d, depth + 1, roll(d, 4) == 0, f);
		fprintf(f, ") %s %u", PICK(d, cmp), roll(d, 60));
		break;
	default:
		if (roll(d, 2))
			fprintf(f, "%u", roll(d, 60));
		else
			fprintf(f, "count(link up)%s", roll(d, 2) ? "" : " + 5");
		fprintf(f, " %s count(link where ", PICK(d, cmp));
		random_truth(d, depth + 1, false, f);
		fputs(")", f);
		break;
	}
}

static inline void random_truth(struct dice *d, unsigned depth, bool counts, FILE *f)
{
	static const char *const flag[] = { "link.carrier",
					    "link.admin_up",
					    "link.eth2.carrier",
					    "link.carrier == true",
					    "link.carrier == link.admin_up",
					    "link.carrier != (path.rtt > 2ms)",
					    "true",
					    "link.nobody.carrier",
					    "bgp.flaps > 3" };
	unsigned what = roll(d, depth > 3 ? 4 : 11);

	if (what < 2) {
		fputs(PICK(d, flag), f);
	} else if (what < 4) {
		random_compare(d, depth, counts, f);
	} else if (what < 9) {
		fputs("(", f);
		random_truth(d, depth + 1, counts, f);
		fputs(roll(d, 2) ? " and " : " or ", f);
		random_truth(d, depth + 1, counts, f);
		fputs(")", f);
	} else if (what < 10 || !counts) {
		fputs("not (", f);
		random_truth(d, depth + 1, counts, f);
		fputs(")", f);
	} else {
		fprintf(f, "%s(link where ", roll(d, 2) ? "every" : "any");
		random_truth(d, depth + 1, roll(d, 4) == 0, f);
		fputs(")", f);
	}
}

/* malloc()ed. */
static inline char *random_text(struct dice *d)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	cr_assert(f != NULL);
	random_truth(d, 0, true, f);
	(void) fclose(f);
	return text;
}

/* NULL: it is not well typed; roll again.  'ret_text' is malloc()ed. */
static inline struct expr *random_expr(struct dice *d, const struct schema *schema, char **ret_text)
{
	struct expr_scope scope = { .schema = schema };
	struct diag_list diags = { 0 };
	char *text = random_text(d);
	struct expr *e = NULL;
	struct lexer l;
	int r;

	lex_init(&l, "random", text, strlen(text));
	r = expr_parse(&l, &diags, &e);
	if (r >= 0)
		r = expr_check(e, &scope, true, &diags);
	diag_done(&diags);
	if (r < 0) {
		e = expr_free(e);
		free(text);
		text = NULL;
	}
	*ret_text = text;
	return e;
}

/* ---- histories --------------------------------------------------------------------------- */

static inline struct anod_value random_value(struct dice *d, const struct schema_attr *a)
{
	static const int64_t numbers[] = {
		0, 1, 1500, 1500, 9000, 2000, 3000, INT64_MAX, INT64_MIN
	};
	static const double reals[] = { 0, 0.05, 0.5, 0.25, 1, 1e308, -0.5, -1e308 };
	static const char *const texts[] = { "up",  "down",	      "core",
					     "up1", "lowerlayerdown", "lowerlayerdow" };
	struct anod_prefix p = { .family = 2, .len = 32, .addr = { 10, 0, 0 } };

	switch ((enum anod_type) a->type) {
	case ANOD_BOOL:
		return value_bool(roll(d, 2));
	case ANOD_INT:
		return value_int(PICK(d, numbers), ANOD_UNIT_NONE);
	case ANOD_REAL:
		return value_real(PICK(d, reals), ANOD_UNIT_NONE);
	case ANOD_TEXT:
		return value_text(PICK(d, texts));
	case ANOD_PREFIX:
		p.addr[3] = (uint8_t) roll(d, 8);
		return value_prefix(&p);
	case ANOD_UNKNOWN:
		break;
	}
	return value_unknown();
}

static inline const struct schema_attr *random_attr(struct dice *d, const struct schema *s,
						    const char *kind)
{
	uint16_t id = schema_kind_id(s, kind);

	return schema_attr_at(s, id, (uint16_t) roll(d, schema_n_slots(s, id)));
}

/* Something happens to the store. */
static inline void random_step(struct dice *d, struct store *s, uint64_t now_us)
{
	const char *kind = roll(d, 3) ? "link" : "path";
	const struct schema_attr *a = random_attr(d, store_schema(s), kind);
	struct anod_value v = random_value(d, a);
	unsigned what = roll(d, 100);
	char name[16];
	uint32_t e;

	(void) snprintf(name, sizeof(name), "eth%u", roll(d, RANDOM_ENTITIES));
	if (what < 4) {
		e = store_find(s, a->kind, name);
		if (e)
			(void) store_remove(s, e, now_us);
	} else if (what < 5) {
		(void) store_sync(s, a->source, a->kind, ANOD_SYNC_LOST, now_us);
	} else if (what < 6) {
		(void) store_sync(s, a->source, a->kind, ANOD_SYNC_BEGIN, now_us);
	} else if (what < 7) {
		(void) store_sync(s, a->source, a->kind, ANOD_SYNC_DONE, now_us);
	} else if (what < 12) {
		e = help_entity(s, kind, name);
		(void) store_publish(s, e, a->slot, NULL, now_us);
	} else {
		e = help_entity(s, kind, name);
		cr_assert(store_publish(s, e, a->slot, &v, now_us) >= 0);
	}
}

#endif
