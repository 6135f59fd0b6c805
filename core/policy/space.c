/*
 * space - the variables that guards read, and into what pieces each falls.
 *
 * Design.  First everything that will be asked is noted: which variables, compared with which
 * constants.  Sealing sorts them and fixes the pieces.  Those of prefixes are in space_prefix.c.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "facts/value.h"
#include "policy/box.h"

struct space *space_new(const struct config *c, const struct schema *schema)
{
	struct space *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->var = calloc(SPACE_VARS_MAX, sizeof(*s->var));
	if (!s->var) {
		free(s);
		return NULL;
	}
	s->config = c;
	s->schema = schema;
	return s;
}

static void var_done(struct var *v)
{
	for (unsigned i = 0; v->word && i < v->n; i++)
		free(v->word[i]);
	free(v->word);
	free(v->number);
	free(v->prefix);
	free(v->written);
	free(v->key);
}

struct space *space_free(struct space *s)
{
	if (!s)
		return NULL;
	for (unsigned i = 0; i < s->n_vars; i++)
		var_done(&s->var[i]);
	free(s->var);
	free(s->all);
	free(s);
	return NULL;
}

const struct var *space_find(const struct space *s, const char *key)
{
	for (unsigned i = 0; i < s->n_vars; i++)
		if (strcmp(s->var[i].key, key) == 0)
			return &s->var[i];
	return NULL;
}

int space_var(struct space *s, const char *key, enum var_type type, struct var **ret)
{
	struct var *v;

	for (unsigned i = 0; i < s->n_vars; i++) {
		if (strcmp(s->var[i].key, key) != 0)
			continue;
		*ret = &s->var[i];
		return s->var[i].type == type ? 0 : -E2BIG; /* one text, two meanings */
	}
	if (s->n_vars == SPACE_VARS_MAX)
		return -E2BIG;

	v = &s->var[s->n_vars];
	*v = (struct var){ .type = type, .low = -INFINITY, .high = INFINITY };
	v->key = strdup(key);
	if (!v->key)
		return -ENOMEM;
	s->n_vars++;
	*ret = v;
	return 0;
}

/* ---- notes ------------------------------------------------------------------------------- */

static void *grow(void *array, unsigned n, size_t size)
{
	/* By doubling, told by the count alone. */
	if (n & (n - 1))
		return array;
	return realloc(array, (n ? 2 * (size_t) n : 1) * size);
}

int var_note_number(struct var *v, double x)
{
	double *grown;

	if (!(fabs(x) <= SPACE_NUMBER_MAX))
		return -E2BIG;
	for (unsigned i = 0; i < v->n; i++)
		if (!(v->number[i] < x) && !(v->number[i] > x))
			return 0;
	if (2 * v->n + 4 > SPACE_PIECES_MAX)
		return -E2BIG;
	grown = grow(v->number, v->n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	v->number = grown;
	v->number[v->n++] = x;
	return 0;
}

int var_note_word(struct var *v, const char *word)
{
	char **grown, *copy;

	for (unsigned i = 0; i < v->n; i++)
		if (strcmp(v->word[i], word) == 0)
			return 0;
	if (v->n + 2 >= SPACE_PIECES_MAX)
		return -E2BIG;
	grown = grow(v->word, v->n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	v->word = grown;
	copy = strdup(word);
	if (!copy)
		return -ENOMEM;
	v->word[v->n++] = copy;
	return 0;
}

/* ---- sealing ------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

static int seal_var(struct var *v)
{
	switch (v->type) {
	case VAR_TRUTH:
		v->n_pieces = 3;
		return 0;
	case VAR_ORDER:
		v->n_pieces = 4;
		return 0;
	case VAR_NUMBER:
		if (v->n)
			qsort(v->number, v->n, sizeof(*v->number), by_size);
		v->n_pieces = 2 + 2 * v->n;
		return 0;
	case VAR_WORD:
		v->n_pieces = 2 + v->n;
		return 0;
	case VAR_PREFIX:
		return var_seal_prefix(v);
	}
	return 0;
}

/* The ends of a piece of a number: open unless they are one point. */
static void ends(const struct var *v, unsigned piece, double *ret_low, double *ret_high)
{
	unsigned k = (piece - 1) / 2;

	if (piece % 2 == 0) {
		*ret_low = *ret_high = v->number[k];
		return;
	}
	*ret_low = k > 0 ? v->number[k - 1] : -INFINITY;
	*ret_high = k < v->n ? v->number[k] : INFINITY;
}

/* Is there a number in it at all? */
static bool can_be(const struct var *v, unsigned piece)
{
	double low, high;

	if (piece == PIECE_UNKNOWN)
		return !v->known;
	if (v->never_known)
		return false;
	if (v->type != VAR_NUMBER)
		return true;
	ends(v, piece, &low, &high);
	if (piece % 2 == 0)
		return low >= v->low && low <= v->high && (!v->whole || !(floor(low) < low));
	/* Open, but closed where the domain ends inside it. */
	if (v->whole) {
		double first = low >= v->low ? floor(low) + 1 : ceil(v->low);
		double last = high <= v->high ? ceil(high) - 1 : floor(v->high);

		return !(first > last);
	}
	return MAX_OF(low, v->low) < MIN_OF(high, v->high) || (low < v->low && v->low < high);
}

int space_seal(struct space *s)
{
	int r;

	s->n_words = 0;
	for (unsigned i = 0; i < s->n_vars; i++) {
		r = seal_var(&s->var[i]);
		if (r < 0)
			return r;
		s->var[i].at = s->n_words;
		s->n_words += (s->var[i].n_pieces + 63) / 64;
	}
	s->all = calloc(MAX_OF(s->n_words, 1u), sizeof(*s->all));
	if (!s->all)
		return -ENOMEM;
	for (unsigned i = 0; i < s->n_vars; i++)
		for (unsigned p = 0; p < s->var[i].n_pieces; p++)
			if (can_be(&s->var[i], p))
				box_set(&s->var[i], s->all, p);
	return 0;
}

/* ---- pieces ------------------------------------------------------------------------------- */

bool order_holds(enum value_cmp cmp, int order)
{
	switch (cmp) {
	case VALUE_EQ:
		return order == 0;
	case VALUE_NE:
		return order != 0;
	case VALUE_LT:
		return order < 0;
	case VALUE_LE:
		return order <= 0;
	case VALUE_GT:
		return order > 0;
	case VALUE_GE:
		return order >= 0;
	}
	return false;
}

bool piece_compares(const struct var *v, unsigned piece, enum value_cmp cmp, double x)
{
	unsigned k = 0, point;

	while (k < v->n && v->number[k] < x)
		k++;
	point = 2 * k + 2;
	return order_holds(cmp, piece < point ? -1 : piece > point);
}

unsigned piece_at(const struct var *v, double x)
{
	unsigned k = 0;

	while (k < v->n && v->number[k] < x)
		k++;
	return k < v->n && !(v->number[k] > x) ? 2 * k + 2 : 2 * k + 1;
}

bool piece_is_word(const struct var *v, unsigned piece, const char *word)
{
	return v->type == VAR_WORD && piece > 0 && piece <= v->n &&
	       strcmp(v->word[piece - 1], word) == 0;
}

const struct anod_prefix *piece_prefix(const struct var *v, unsigned piece)
{
	return &v->prefix[piece - 1];
}

static double step_at(double x, bool whole)
{
	double step = x > 0 || x < 0 ? pow(10, floor(log10(fabs(x))) - 1) : 0.01;

	return whole ? MAX_OF(floor(step), 1) : step;
}

double number_within(double low, double high, bool whole)
{
	double x;

	if (isinf(low) && isinf(high))
		return 0;
	if (isinf(high))
		return (whole ? floor(low) : low) + step_at(low, whole);
	if (isinf(low))
		return (whole ? ceil(high) : high) - step_at(high, whole);
	x = (whole ? floor(low) : low) + step_at(low, whole);
	if (x < high)
		return x;
	return whole ? floor(low) + 1 : low + (high - low) / 2;
}

static struct anod_value number_value(const struct var *v, unsigned piece)
{
	double low, high, x;

	ends(v, piece, &low, &high);
	x = piece % 2 == 0 ? low
			   : number_within(MAX_OF(low, v->low), MIN_OF(high, v->high), v->whole);
	/* Where the domain ends inside the interval, its end belongs to it. */
	if (low < v->low && (x < v->low || x >= high))
		x = v->low;
	if (high > v->high && x > v->high)
		x = v->high;
	if (v->whole)
		return value_int((int64_t) x, (enum anod_unit) v->unit);
	return value_real(x, (enum anod_unit) v->unit);
}

struct anod_value piece_value(const struct var *v, unsigned piece)
{
	if (piece == PIECE_UNKNOWN)
		return value_unknown();
	switch (v->type) {
	case VAR_TRUTH:
		return value_bool(piece == PIECE_TRUE);
	case VAR_NUMBER:
		return number_value(v, piece);
	case VAR_WORD:
		return value_text(piece <= v->n ? v->word[piece - 1] : "another");
	case VAR_PREFIX:
		return value_prefix(&v->prefix[piece - 1]);
	case VAR_ORDER:
		break;
	}
	return value_unknown();
}
