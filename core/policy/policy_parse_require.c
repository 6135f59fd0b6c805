/*
 * policy_parse_require - what one requirement of an invariant says.
 *
 * Design.  A requirement is recognised by its first words; what is not one of the built-in forms
 * is an expression.  count(SET up) is turned from an expression into a requirement of its own,
 * because it is counted in the predicted state and not in the facts.
 */
#include "policy/parse.h"

static int parse_cmp(struct parse *p, enum value_cmp *ret)
{
	static const struct {
		const char *word;
		enum value_cmp cmp;
	} ops[] = { { "==", VALUE_EQ }, { "!=", VALUE_NE }, { "<", VALUE_LT },
		    { "<=", VALUE_LE }, { ">", VALUE_GT },  { ">=", VALUE_GE } };

	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
		if (parse_accept(p, ops[i].word)) {
			*ret = ops[i].cmp;
			return 0;
		}
	}
	return parse_expected(p, "a comparison such as <=");
}

static int parse_limit_cmp(struct parse *p, enum value_cmp *ret)
{
	struct lex_place place = parse_ahead(p)->place;
	int r;

	r = parse_cmp(p, ret);
	if (r == 0 && *ret != VALUE_LE && *ret != VALUE_LT && *ret != VALUE_EQ)
		return parse_error(p, &place, "this is a limit: write <=, < or ==");
	return r;
}

static int parse_least_cmp(struct parse *p, enum value_cmp *ret)
{
	struct lex_place place = parse_ahead(p)->place;
	int r;

	r = parse_cmp(p, ret);
	if (r == 0 && *ret != VALUE_GE && *ret != VALUE_GT)
		return parse_error(p, &place, "this is a least number: write >= or >");
	return r;
}

static int parse_words(struct parse *p, const char *const *words, const char *what)
{
	for (; *words; words++)
		if (!parse_accept(p, *words))
			return parse_expected(p, what);
	return 0;
}

static int parse_count(struct parse *p, const char *clause, uint64_t *ret)
{
	int64_t n = 0;
	int r = parse_number(p, clause, 0, INT64_MAX, &n);

	*ret = (uint64_t) n;
	return r;
}

/* ---- every SET ... -------------------------------------------------------------------------- */

/* "N disjoint links|srlgs" behind "via" */
static int parse_via(struct parse *p, struct policy_require *q)
{
	int64_t n = 1;
	int r;

	r = parse_number(p, "via", 1, ANOD_LEGS_MAX, &n);
	if (r == 0)
		r = parse_expect(p, "disjoint", "'disjoint links' or 'disjoint srlgs'");
	if (r < 0)
		return r;
	q->n = (uint64_t) n;
	if (parse_accept(p, "srlgs") || parse_accept(p, "srlg")) {
		q->kind = REQUIRE_DISJOINT_SRLGS;
		return 0;
	}
	return parse_expect(p, parse_is(p, "link") ? "link" : "links", "'links' or 'srlgs'");
}

/* "1 link|srlg lost" behind "with" */
static int parse_with(struct parse *p, struct policy_require *q)
{
	int64_t n = 1;
	int r;

	q->kind = REQUIRE_WITHOUT_LINK;
	r = parse_number(p, "with", 1, 1, &n);
	if (r < 0)
		return r;
	if (parse_accept(p, "srlg"))
		q->kind = REQUIRE_WITHOUT_SRLG;
	else
		r = parse_expect(p, "link", "'link lost' or 'srlg lost'");
	return r < 0 ? r : parse_expect(p, "lost", "'lost'");
}

static int parse_reachable(struct parse *p, struct policy_require *q)
{
	q->kind = REQUIRE_REACHABLE;
	q->cmp = VALUE_GE;
	q->n = 1;
	if (parse_accept(p, "via"))
		return parse_via(p, q);
	if (parse_accept(p, "with"))
		return parse_with(p, q);
	if (!parse_accept(p, "on"))
		return 0;
	q->kind = REQUIRE_ON_LINK;
	return parse_expect(p, "link", "'link'");
}

/* "not smaller" or ">= N [bytes]" behind "mtu" */
static int parse_mtu(struct parse *p, struct policy_require *q)
{
	struct token t;
	int r;

	q->kind = REQUIRE_MTU_KEPT;
	if (parse_accept(p, "not"))
		return parse_expect(p, "smaller", "'smaller'");
	q->kind = REQUIRE_MTU;
	r = parse_least_cmp(p, &q->cmp);
	if (r < 0)
		return r;

	t = *parse_ahead(p);
	if (t.type == TOKEN_VALUE && t.value.type == ANOD_INT && t.value.unit == ANOD_UNIT_BYTES &&
	    t.value.u.i > 0) {
		lex_next(&p->lexer, &t);
		q->n = (uint64_t) t.value.u.i;
		return 0;
	}
	r = parse_count(p, "mtu", &q->n);
	if (r == 0)
		(void) parse_accept(p, "bytes");
	return r;
}

static int parse_load(struct parse *p, struct policy_require *q)
{
	int r;

	q->kind = REQUIRE_LOAD;
	r = parse_limit_cmp(p, &q->cmp);
	return r < 0 ? r : parse_expr(p, &q->expr);
}

/* "members >= N" or "legs >= N" */
static int parse_width(struct parse *p, struct policy_require *q, enum require_kind kind)
{
	int r;

	q->kind = kind;
	r = parse_least_cmp(p, &q->cmp);
	return r < 0 ? r : parse_count(p, kind == REQUIRE_LEGS ? "legs" : "members", &q->n);
}

static int parse_every(struct parse *p, struct policy_require *q)
{
	int r;

	r = parse_word(p, "the name of a set", &q->set);
	if (r < 0)
		return r;
	if (parse_accept(p, "reachable"))
		return parse_reachable(p, q);
	if (parse_accept(p, "load"))
		return parse_load(p, q);
	if (parse_accept(p, "mtu"))
		return parse_mtu(p, q);
	if (parse_accept(p, "legs"))
		return parse_width(p, q, REQUIRE_LEGS);
	if (parse_accept(p, "members"))
		return parse_width(p, q, REQUIRE_MEMBERS);
	if (!parse_accept(p, "returns"))
		return parse_expected(p, "'reachable', 'load', 'returns', 'mtu', 'legs' or "
					 "'members'");
	q->kind = REQUIRE_RETURNS;
	return 0;
}

/* ---- what changes ------------------------------------------------------------------------- */

/* "total SET capacity >= EXPR" */
static int parse_total(struct parse *p, struct policy_require *q)
{
	int r;

	q->kind = REQUIRE_CAPACITY;
	r = parse_word(p, "the name of a set", &q->set);
	if (r == 0)
		r = parse_expect(p, "capacity", "'capacity'");
	if (r == 0)
		r = parse_least_cmp(p, &q->cmp);
	return r < 0 ? r : parse_expr(p, &q->expr);
}

/* "400Gbps in 1h" is read as an expression of its own, which is not what it means here. */
static int parse_traffic(struct parse *p, struct policy_require *q)
{
	struct expr *limit;
	int r;

	r = parse_limit_cmp(p, &q->cmp);
	if (r == 0)
		r = parse_expr(p, &q->expr);
	if (r < 0 || q->expr->op != EXPR_WITHIN)
		return r;
	q->window_us = q->expr->dur_us;
	limit = TAKE(q->expr->a);
	expr_free(q->expr);
	q->expr = limit;
	return 0;
}

static int parse_window_of(struct parse *p, struct policy_require *q)
{
	return parse_accept(p, "in") ? parse_duration(p, "in", &q->window_us) : 0;
}

/* "prefixes <= N" or "prefixes <= RATIO of table"; "traffic <= EXPR" behind "moved" */
static int parse_moved(struct parse *p, struct policy_require *q)
{
	struct token t;
	int r;

	q->kind = REQUIRE_MOVED_TRAFFIC;
	if (parse_accept(p, "traffic"))
		return parse_traffic(p, q);
	r = parse_expect(p, "prefixes", "'prefixes' or 'traffic'");
	if (r < 0)
		return r;
	q->kind = REQUIRE_MOVED_PREFIXES;
	r = parse_limit_cmp(p, &q->cmp);
	if (r < 0)
		return r;

	t = *parse_ahead(p);
	if (t.type != TOKEN_VALUE || t.value.unit != ANOD_UNIT_RATIO) {
		r = parse_count(p, "moved prefixes", &q->n);
		return r < 0 ? r : parse_window_of(p, q);
	}
	if (!(t.value.u.r > 0 && t.value.u.r <= 1))
		return parse_wants(p, "moved prefixes", "a share between 0% and 100%");
	lex_next(&p->lexer, &t);
	q->ratio = t.value.u.r;
	r = parse_expect(p, "of", "'of table'");
	if (r == 0)
		r = parse_expect(p, "table", "'table'");
	return r < 0 ? r : parse_window_of(p, q);
}

/* "blackhole <= N [prefixes]" or "blackhole traffic <= EXPR" behind "new" */
static int parse_new(struct parse *p, struct policy_require *q)
{
	int r;

	q->kind = REQUIRE_NEW_BLACKHOLE;
	r = parse_expect(p, "blackhole", "'blackhole'");
	if (r < 0)
		return r;
	if (parse_accept(p, "traffic")) {
		q->kind = REQUIRE_BLACKHOLE_TRAFFIC;
		return parse_traffic(p, q);
	}
	r = parse_limit_cmp(p, &q->cmp);
	if (r == 0)
		r = parse_count(p, "new blackhole", &q->n);
	if (r == 0)
		(void) parse_accept(p, "prefixes");
	return r;
}

/* ---- the others --------------------------------------------------------------------------- */

/* "hops [of SET] alive" behind "next" */
static int parse_next_hops(struct parse *p, struct policy_require *q)
{
	int r;

	q->kind = REQUIRE_NEXTHOPS_ALIVE;
	r = parse_expect(p, "hops", "'hops alive'");
	if (r == 0 && parse_accept(p, "of"))
		r = parse_word(p, "the name of a set", &q->set);
	return r < 0 ? r : parse_expect(p, "alive", "'alive'");
}

/* "PATTERN on|overlaps SET" behind "no" */
static int parse_no(struct parse *p, struct policy_require *q)
{
	int r;

	q->kind = REQUIRE_NO_OVERLAP;
	if (parse_is(p, "new"))
		return parse_error(p, &parse_ahead(p)->place,
				   "'no ACTION on SET' is about actions; write new blackhole == 0");
	r = parse_word(p, "an action such as nft.*", &q->pattern);
	if (r == 0 && !parse_accept(p, "overlaps"))
		r = parse_expect(p, "on", "'on' or 'overlaps' and a set");
	return r < 0 ? r : parse_word(p, "the name of a set", &q->set);
}

/* "transactions <= N" behind "open" */
static int parse_open(struct parse *p, struct policy_require *q)
{
	int r;

	q->kind = REQUIRE_OPEN;
	r = parse_expect(p, "transactions", "'transactions'");
	if (r == 0)
		r = parse_limit_cmp(p, &q->cmp);
	return r < 0 ? r : parse_count(p, "open transactions", &q->n);
}

/* "PATTERN in A..B" behind "sysctl" */
static int parse_sysctl(struct parse *p, struct policy_require *q)
{
	struct lex_place place;
	int r;

	q->kind = REQUIRE_SYSCTL;
	r = parse_name(p, "the name of a sysctl, in quotes when it has a '*' inside", &q->pattern);
	if (r == 0)
		r = parse_expect(p, "in", "'in' and a range such as 0..2");
	if (r < 0)
		return r;
	place = parse_ahead(p)->place;
	r = parse_number(p, "in", -INT64_MAX, INT64_MAX - 1, &q->low);
	if (r == 0)
		r = parse_expect(p, "..", "'..' and the end of the range");
	if (r == 0)
		r = parse_number(p, "..", -INT64_MAX, INT64_MAX - 1, &q->high);
	if (r == 0 && q->low > q->high)
		return parse_error(p, &place, "the range %lld..%lld is empty", (long long) q->low,
				   (long long) q->high);
	return r;
}

static int parse_keeps(struct parse *p, struct policy_require *q)
{
	q->kind = REQUIRE_ENDPOINTS;
	if (parse_accept(p, "endpoints"))
		return 0;
	q->kind = REQUIRE_APPROVERS;
	return parse_expect(p, "approvers", "'endpoints' or 'approvers'");
}

/* count(SET up) CMP N, as the tree of an expression */
static void as_count_up(struct policy_require *q)
{
	const struct expr *e = q->expr;

	if (e->op != EXPR_COMPARE || e->a->op != EXPR_COUNT || e->a->fn != EXPR_FN_COUNT ||
	    !e->a->up || e->b->op != EXPR_LITERAL || e->b->lit.type != ANOD_INT ||
	    e->b->lit.unit != ANOD_UNIT_NONE || e->b->lit.u.i < 0)
		return;
	q->kind = REQUIRE_COUNT_UP;
	q->set = TAKE(e->a->name);
	q->cmp = e->cmp;
	q->n = (uint64_t) e->b->lit.u.i;
	q->expr = expr_free(q->expr);
}

int parse_requirement(struct parse *p, struct policy_require *q)
{
	static const char *const loop_free[] = { "free", NULL };
	static const char *const undo_safe[] = { "safe", NULL };
	static const char *const one_per[] = { "open", "transaction", "per", "srlg", NULL };
	static const struct {
		const char *word;
		int (*parse)(struct parse *, struct policy_require *);
		const char *const *more; /* or the rest of the words */
		const char *what;
		enum require_kind kind;
	} forms[] = {
		{ "total", parse_total },
		{ "moved", parse_moved },
		{ "new", parse_new },
		{ "next", parse_next_hops },
		{ "no", parse_no },
		{ "open", parse_open },
		{ "sysctl", parse_sysctl },
		{ "keeps", parse_keeps },
		{ "loop", NULL, loop_free, "'free'", REQUIRE_LOOP_FREE },
		{ "undo", NULL, undo_safe, "'safe'", REQUIRE_UNDO_SAFE },
		{ "one", NULL, one_per, "'one open transaction per srlg'", REQUIRE_ONE_PER_SRLG },
	};
	int r;

	if (parse_is(p, "every") && !token_is(lex_peek(&p->lexer, 1), "(")) {
		(void) parse_accept(p, "every");
		return parse_every(p, q);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(forms); i++) {
		if (!parse_accept(p, forms[i].word))
			continue;
		if (forms[i].parse)
			return forms[i].parse(p, q);
		q->kind = forms[i].kind;
		return parse_words(p, forms[i].more, forms[i].what);
	}

	q->kind = REQUIRE_EXPR;
	r = parse_expr(p, &q->expr);
	if (r == 0)
		as_count_up(q);
	return r;
}
