/*
 * policy_parse_damp - the statements damping and brake: what is built in, in other numbers.
 *
 * Design.  Both hold without being written; "off" has to be.  Each may stand once.
 */
#include "policy/parse.h"

#define LOCK_MAX_US (UINT64_C(24) * 3600 * 1000000)

void damping_defaults(struct policy *p)
{
	const uint64_t minute = 60 * UINT64_C(1000000);

	p->damping = (struct policy_damping){
		.suppress = 6000,
		.reuse = 750,
		.half_life_us = 15 * minute,
		.max_us = 60 * minute,
		.lockout_us = 60 * minute,
		.window_us = 30 * minute,
	};
	p->brake = (struct policy_brake){
		.count = 10,
		.window_us = minute,
		.shared_count = 60,
		.shared_window_us = 60 * minute,
		.mute_after = 5,
	};
}

static int parse_once(struct parse *p, const struct lex_place *place, const char *what,
		      struct lex_place *first, bool *written)
{
	if (*written)
		return parse_error(p, place, "a second '%s'; the first is in %s:%u", what,
				   first->file, first->line);
	*written = true;
	*first = *place;
	return 0;
}

/* ---- damping ------------------------------------------------------------------------------ */

static int parse_penalty(struct parse *p, const char *clause, unsigned *ret)
{
	int64_t n;
	int r = parse_number(p, clause, 1, 1000000, &n);

	if (r == 0)
		*ret = (unsigned) n;
	return r;
}

static int damping_clause(struct parse *p, void *target, unsigned index)
{
	struct policy_damping *d = target;
	struct lex_place place = parse_ahead(p)->place;
	int r;

	switch (index) {
	case 0:
		r = parse_penalty(p, "suppress", &d->suppress);
		/* RFC 7196, section 3: what is less suppresses what is well. */
		if (r == 0 && d->suppress < 6000)
			parse_warning(p, &place,
				      "'suppress %u' damps after a few changes; RFC 7196 says 6000 "
				      "or more",
				      d->suppress);
		return r;
	case 1:
		return parse_penalty(p, "reuse", &d->reuse);
	case 2:
		return parse_duration(p, "half-life", &d->half_life_us);
	case 3:
		return parse_duration(p, "max", &d->max_us);
	case 4:
		r = parse_duration(p, "lockout", &d->lockout_us);
		if (r == 0 && d->lockout_us > LOCK_MAX_US)
			return parse_error(p, &place, "a lock-out is at most 24h");
		return r;
	default:
		return parse_duration(p, "window", &d->window_us);
	}
}

static int check_damping(struct parse *p, const struct lex_place *place,
			 const struct policy_damping *d)
{
	double doublings = (double) d->max_us / (double) d->half_life_us;

	if (d->reuse >= d->suppress)
		return parse_error(
			p, place,
			"'reuse %u' is not below 'suppress %u': what is suppressed would "
			"be free at once",
			d->reuse, d->suppress);
	if (doublings < 40 &&
	    d->reuse * (double) (UINT64_C(1) << (unsigned) doublings) * 2 <= d->suppress)
		return parse_error(p, place,
				   "nothing is ever suppressed: a penalty that falls to %u within "
				   "'max' cannot reach %u; give 'max' more half-lives",
				   d->reuse, d->suppress);
	return 0;
}

int parse_damping(struct parse *p, const struct lex_place *place)
{
	static const char *const words[] = { "suppress", "reuse",  "half-life", "max",
					     "lockout",	 "window", NULL };
	static const struct block b = {
		.what = "damping", .words = words, .clause = damping_clause, .noun = "a number"
	};
	struct policy_damping *d = &p->config->policy->damping;
	int r = parse_once(p, place, "damping", &d->place, &d->written);

	if (r < 0)
		return r;
	if (parse_accept(p, "off")) {
		d->off = true;
		return 0;
	}
	if (!parse_is(p, "{"))
		return parse_expected(p, "'off' or '{'");
	r = parse_block(p, &b, d);
	return r < 0 ? r : check_damping(p, place, d);
}

/* ---- brake -------------------------------------------------------------------------------- */

/* "N per DUR [, N per DUR]" */
static int parse_rates(struct parse *p, struct policy_brake *b)
{
	struct lex_place place = parse_ahead(p)->place;
	int64_t n = 0;
	int r = parse_number(p, "apply", 1, 1000000, &n);

	b->count = (unsigned) n;
	b->shared_count = 0;
	if (r == 0)
		r = parse_expect(p, "per", "'per'");
	if (r == 0)
		r = parse_duration(p, "per", &b->window_us);
	if (r < 0 || !parse_accept(p, ","))
		return r;
	r = parse_number(p, "apply", 1, 1000000, &n);
	b->shared_count = (unsigned) n;
	if (r == 0)
		r = parse_expect(p, "per", "'per'");
	if (r == 0)
		r = parse_duration(p, "per", &b->shared_window_us);
	if (r == 0 && (b->shared_window_us <= b->window_us || b->shared_count <= b->count))
		return parse_error(p, &place,
				   "the second rate is for a longer time and more "
				   "changes than the first one");
	return r;
}

/* "more than RATIO of SET" */
static int parse_sick(struct parse *p, struct policy_brake *b)
{
	struct token t;
	int r = parse_expect(p, "more", "'more than' and a share such as 50%");

	if (r == 0)
		r = parse_expect(p, "than", "'than'");
	if (r < 0)
		return r;
	t = *parse_ahead(p);
	if (t.type != TOKEN_VALUE || t.value.type != ANOD_REAL || t.value.u.r < 0 ||
	    t.value.u.r >= 1)
		return parse_expected(p, "a share below 100% such as 50%");
	lex_next(&p->lexer, &t);
	b->sick = t.value.u.r;
	r = parse_expect(p, "of", "'of' and a set");
	return r < 0 ? r : parse_word(p, "the name of a set of links", &b->sick_set);
}

static int brake_clause(struct parse *p, void *target, unsigned index)
{
	struct policy_brake *b = target;
	int64_t n = 0;
	int r;

	if (index == 0)
		return parse_rates(p, b);
	if (index == 1)
		return parse_sick(p, b);
	r = parse_expect(p, "after", "'after'");
	if (r == 0)
		r = parse_number(p, "mute", 2, 1000, &n);
	if (r < 0)
		return r;
	b->mute_after = (unsigned) n;
	return parse_expect(p, "denials", "'denials'");
}

int parse_brake(struct parse *p, const struct lex_place *place)
{
	static const char *const words[] = { "apply", "sick", "mute", NULL };
	static const struct block b = {
		.what = "brake", .words = words, .clause = brake_clause, .noun = "a limit"
	};
	struct policy_brake *k = &p->config->policy->brake;
	int r = parse_once(p, place, "brake", &k->place, &k->written);

	if (r < 0)
		return r;
	if (parse_accept(p, "off")) {
		k->off = true;
		return 0;
	}
	if (!parse_is(p, "{"))
		return parse_expected(p, "'off' or '{'");
	return parse_block(p, &b, k);
}

void policy_check_brake(struct parse *p)
{
	const struct policy_brake *b = &p->config->policy->brake;
	const struct policy_set *s;

	if (!b->sick_set)
		return;
	s = policy_find_set(p->config->policy, b->sick_set);
	if (!s)
		(void) parse_error(p, parse_place_of(p, b->sick_set, &b->place),
				   "no set is named '%s'", b->sick_set);
	else if (s->kind == SET_PREFIX || s->kind == SET_AGENT || s->kind == SET_FLOW)
		(void) parse_error(p, parse_place_of(p, b->sick_set, &b->place),
				   "set '%s' is of %s; what is sick has findings, as links have",
				   b->sick_set, s->kind_name);
}
