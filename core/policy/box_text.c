/*
 * box_text - boxes and points in words.
 *
 * Design.  Only what a box binds is said.  Pieces of a number that lie side by side become one
 * interval; the longest list is cut, because a message that nobody reads explains nothing.
 */
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "facts/value.h"
#include "policy/witness.h"

#define LIST_MAX 3 /* words or prefixes of one variable */

struct out {
	char *buf;
	size_t size, n;
};

static void add(struct out *o, const char *fmt, ...) _printf_(2, 3);
static void add(struct out *o, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(o->buf + o->n, o->size - o->n, fmt, args);
	va_end(args);
	if (n > 0)
		o->n = MIN_OF(o->n + (size_t) n, o->size - 1);
}

static void add_number(struct out *o, const struct var *v, double x)
{
	struct anod_value value = v->whole ? value_int((int64_t) x, (enum anod_unit) v->unit)
					   : value_real(x, (enum anod_unit) v->unit);
	char text[96];

	if (value.type == ANOD_INT && strncmp(v->key, "time of day", 11) == 0)
		add(o, "%02d:%02d", (int) (x / 3600), (int) (value.u.i / 60 % 60));
	else if (value.type == ANOD_INT && strncmp(v->key, "date in", 7) == 0 && x >= 0)
		add(o, "%.16s", format_wall((uint64_t) value.u.i * US_PER_S, text, sizeof(text)));
	else
		add(o, "%s", value_format(&value, text, sizeof(text)));
}

static bool in_box(const struct space *s, const struct var *v, const uint64_t *b, unsigned piece)
{
	/* What cannot be belongs to either side: it makes longer intervals. */
	return box_has(v, b, piece) || !box_has(v, s->all, piece);
}

/* Pieces first..last of a number. */
static void add_interval(struct out *o, const struct var *v, unsigned first, unsigned last)
{
	unsigned end = v->n_pieces - 1;
	const char *low_op = first % 2 ? ">" : ">=", *high_op = last % 2 ? "<" : "<=";
	double high = last < end ? v->number[(last - 1) / 2] : 0, low = 0;

	if (first % 2 == 0)
		low = v->number[(first - 1) / 2];
	else if (first > 1)
		low = v->number[(first - 1) / 2 - 1];
	if (first == last && first % 2 == 0) {
		add(o, "%s == ", v->key);
		add_number(o, v, low);
		return;
	}
	if (first > 1) {
		add(o, "%s %s ", v->key, low_op);
		add_number(o, v, low);
	}
	if (last < end) {
		if (first > 1)
			add(o, " and ");
		add(o, "%s %s ", v->key, high_op);
		add_number(o, v, high);
	}
}

static void add_numbers(const struct space *s, struct out *o, const struct var *v,
			const uint64_t *b)
{
	unsigned n = 0;

	for (unsigned p = 1; p < v->n_pieces; p++) {
		unsigned last = p;
		bool real = false;

		if (!in_box(s, v, b, p))
			continue;
		while (last + 1 < v->n_pieces && in_box(s, v, b, last + 1))
			last++;
		for (unsigned i = p; i <= last; i++)
			real |= box_has(v, b, i);
		if (real && (p > 1 || last < v->n_pieces - 1)) {
			add(o, "%s", n++ ? " or " : "");
			add_interval(o, v, p, last);
		}
		p = last;
	}
}

static void add_list(const struct space *s, struct out *o, const struct var *v, const uint64_t *b)
{
	unsigned n = 0, out = 0, shown = 0;
	bool without;

	for (unsigned p = 1; p < v->n_pieces; p++) {
		n += box_has(v, b, p);
		out += box_has(v, s->all, p) && !box_has(v, b, p);
	}
	/* Words: the last piece is "another one", so the others are named. */
	without = v->type == VAR_WORD && box_has(v, b, v->n_pieces - 1);
	if (without && !out) {
		add(o, "%s known", v->key);
		return;
	}
	add(o, "%s %s ", v->key, without ? (out > 1 ? "not in" : "!=") : (n > 1 ? "in" : "=="));
	for (unsigned p = 1; p < v->n_pieces; p++) {
		struct anod_value value = piece_value(v, p);
		char text[96];

		if (!box_has(v, s->all, p) || box_has(v, b, p) == without)
			continue;
		if (shown == LIST_MAX) {
			add(o, " ...");
			break;
		}
		add(o, "%s%s", shown++ ? ", " : "",
		    value.type == ANOD_TEXT && !value.u.text[0]
			    ? "none"
			    : value_format(&value, text, sizeof(text)));
	}
}

/* "not X", or "not (X for 10s)" */
static void add_truth_of(struct out *o, const struct var *v, bool yes)
{
	bool long_key = strchr(v->key, ' ');

	add(o, "%s%s%s%s", yes ? "" : "not ", !yes && long_key ? "(" : "", v->key,
	    !yes && long_key ? ")" : "");
}

static void add_truth(struct out *o, const struct var *v, const uint64_t *b)
{
	bool yes = box_has(v, b, PIECE_TRUE), no = box_has(v, b, PIECE_FALSE);
	bool unknown = box_has(v, b, PIECE_UNKNOWN);

	if (unknown && yes)
		add(o, "%s or it is unknown", v->key);
	else if (unknown)
		add(o, "%s not known to be true", v->key);
	else if (yes && no)
		add(o, "%s known", v->key);
	else
		add_truth_of(o, v, yes);
}

static void add_order(struct out *o, const struct var *v, const uint64_t *b)
{
	static const char *const words[] = { "", "<", "==", "<=", ">", "!=", ">=", "known" };
	unsigned bits = 0;

	for (unsigned p = PIECE_LESS; p <= PIECE_MORE; p++)
		bits |= box_has(v, b, p) ? 1u << (p - 1) : 0;
	add(o, "%s: %s", v->key, bits ? words[bits] : "unknown");
}

static void add_var(const struct space *s, struct out *o, const struct var *v, const uint64_t *b)
{
	unsigned known = 0;

	for (unsigned p = 1; p < v->n_pieces; p++)
		known += box_has(v, b, p);
	if (!known) {
		add(o, "%s unknown", v->key);
		return;
	}
	switch (v->type) {
	case VAR_TRUTH:
		add_truth(o, v, b);
		return;
	case VAR_NUMBER: {
		size_t before = o->n;

		add_numbers(s, o, v, b);
		if (o->n == before)
			add(o, "%s known", v->key);
		break;
	}
	case VAR_WORD:
	case VAR_PREFIX:
		add_list(s, o, v, b);
		break;
	case VAR_ORDER:
		add_order(o, v, b);
		break;
	}
	if (box_has(v, b, PIECE_UNKNOWN))
		add(o, " or unknown");
}

void box_text(const struct space *s, const uint64_t *b, char *buf, size_t size)
{
	struct out o = { .buf = buf, .size = size };

	buf[0] = '\0';
	for (unsigned i = 0; i < s->n_vars; i++) {
		if (box_free_in(s, b, &s->var[i]))
			continue;
		add(&o, "%s", o.n ? ", " : "");
		add_var(s, &o, &s->var[i], b);
	}
	if (!o.n)
		add(&o, "always");
}

/* ---- points ------------------------------------------------------------------------------- */

/* Rather known than not, rather named than another, rather true than false where it matters. */
static unsigned rank(const struct space *s, const struct var *v, const uint64_t *b, unsigned piece)
{
	bool bound = !box_free_in(s, b, v);

	if (piece == PIECE_UNKNOWN)
		return 9;
	if (v->type == VAR_TRUTH)
		return piece == PIECE_TRUE && bound ? 0 : 1;
	if (v->type == VAR_WORD)
		return piece_is_word(v, piece, "") ? 5 : bound && piece <= v->n ? 0 : 1;
	if (v->type == VAR_NUMBER) {
		struct anod_value x = piece_value(v, piece);
		bool negative = x.type == ANOD_INT ? x.u.i < 0 : x.u.r < 0;

		return negative ? 4 : 0;
	}
	/* An IPv4 prefix that is not the default route looks most like a route. */
	if (v->type == VAR_PREFIX)
		return piece_prefix(v, piece)->family != AF_INET ? 3
								 : piece_prefix(v, piece)->len < 8;
	return 0;
}

/* Pieces of the variable in the box, best first; returns how many. */
static unsigned ranked(const struct space *s, const struct var *v, const uint64_t *b, unsigned *ret)
{
	unsigned n = 0;

	for (unsigned want = 0; want <= 9; want++)
		for (unsigned p = 0; p < v->n_pieces; p++)
			if (box_has(v, b, p) && rank(s, v, b, p) == want)
				ret[n++] = p;
	return n;
}

bool point_nth(const struct space *s, const uint64_t *box, unsigned nth, struct point *ret)
{
	unsigned pieces[SPACE_PIECES_MAX];

	for (unsigned i = 0; i < s->n_vars; i++) {
		unsigned n = ranked(s, &s->var[i], box, pieces);

		if (!n)
			return false;
		ret->piece[i] = pieces[nth % n];
		nth /= n;
	}
	return nth == 0;
}

void point_of(const struct space *s, const uint64_t *box, struct point *ret)
{
	(void) point_nth(s, box, 0, ret);
}

static void add_value(struct out *o, const struct var *v, unsigned piece)
{
	struct anod_value value = piece_value(v, piece);
	char text[96];

	if (v->type == VAR_NUMBER)
		add_number(o, v, value.type == ANOD_INT ? (double) value.u.i : value.u.r);
	else if (value.type == ANOD_TEXT && !value.u.text[0])
		add(o, "none");
	else
		add(o, "%s", value_format(&value, text, sizeof(text)));
}

static void add_fact(struct out *o, const struct var *v, unsigned piece)
{
	static const char *const order[] = { "", "the first is less", "both are equal",
					     "the first is more" };

	if (piece == PIECE_UNKNOWN) {
		add(o, ", %s unknown", v->key);
	} else if (v->type == VAR_TRUTH) {
		add(o, ", ");
		add_truth_of(o, v, piece == PIECE_TRUE);
	} else if (v->type == VAR_ORDER) {
		add(o, ", %s: %s", v->key, order[piece]);
	} else {
		bool fact = strchr(v->key, '.') || strchr(v->key, '(');

		add(o, ", %s %s", v->key, fact ? "= " : "");
		add_value(o, v, piece);
	}
}

void point_text(const struct space *s, const uint64_t *box, const struct point *p,
		const char *agent, const char *kind, char *buf, size_t size)
{
	struct out o = { .buf = buf, .size = size };

	buf[0] = '\0';
	if (agent)
		add(&o, ", agent %s", agent);
	if (kind)
		add(&o, ", %s", kind);
	for (unsigned i = 0; i < s->n_vars; i++) {
		const struct var *v = &s->var[i];

		if (strncmp(v->key, "action.", 7) != 0 || strchr(v->key, ' ') ||
		    p->piece[i] == PIECE_UNKNOWN || box_free_in(s, box, v) ||
		    strcmp(v->key, "action.kind") == 0)
			continue;
		add(&o, " %s ", v->key + 7);
		add_value(&o, v, p->piece[i]);
	}
	for (unsigned i = 0; i < s->n_vars; i++) {
		const struct var *v = &s->var[i];
		bool argument = strncmp(v->key, "action.", 7) == 0 && !strchr(v->key, ' ');

		/* "on link another" says nothing. */
		if (strncmp(v->key, "on ", 3) == 0 && p->piece[i] == v->n_pieces - 1)
			continue;
		if (!box_free_in(s, box, v) && (!argument || p->piece[i] == PIECE_UNKNOWN) &&
		    strcmp(v->key, "action.kind") != 0)
			add_fact(&o, v, p->piece[i]);
	}
	if (o.n > 2)
		memmove(buf, buf + 2, o.n - 1);
}
