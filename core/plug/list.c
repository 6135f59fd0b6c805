/*
 * list - entities of one kind, marked and swept.
 *
 * Design.  A list comes in the same order nearly every time, so the search begins behind the row
 * that was found last, and is one comparison.  Rows that are gone are taken out at the end of a
 * reading by moving the others up, which keeps that order.
 */
#include <anod/list.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

int anod_list_init(struct anod_list *r, struct anod_ctx *ctx, const struct anod_kind *kind,
		   unsigned max)
{
	char name[2 * ANOD_KIND_SIZE];

	*r = (struct anod_list){ .ctx = ctx, .kind = kind, .max = max };
	for (const struct anod_attr *a = kind->attrs; a->name; a++) {
		size_t k = strlen(kind->name), n = strlen(a->name);

		if (r->n_attrs == ANOD_LIST_ATTRS_MAX || k + n + 2 > sizeof(name))
			return -E2BIG;
		memcpy(name, kind->name, k);
		name[k] = '.';
		memcpy(name + k + 1, a->name, n + 1);
		r->fact[r->n_attrs] = ctx->host->fact_id(ctx, name);
		if (r->fact[r->n_attrs] < 0)
			return r->fact[r->n_attrs];
		r->n_attrs++;
	}
	return 0;
}

void anod_list_done(struct anod_list *r)
{
	free(r->row);
	r->row = NULL;
	r->n = r->size = r->next = 0;
}

void anod_list_begin(struct anod_list *r)
{
	for (unsigned i = 0; i < r->n; i++)
		r->row[i].seen = false;
	r->next = 0;
	r->n_over = 0;
}

static struct anod_list_row *find(const struct anod_list *r, const char *name)
{
	for (unsigned i = 0, k = r->next; i < r->n; i++, k++) {
		if (k >= r->n)
			k = 0;
		if (strcmp(r->row[k].name, name) == 0)
			return &r->row[k];
	}
	return NULL;
}

/* A name that can be written in an expression and in a path of "anodctl facts". */
static bool fit(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= ANOD_NAME_SIZE)
		return false;
	for (; *name; name++)
		if (*name <= ' ' || *name > '~' || *name == '"' || *name == '\\')
			return false;
	return true;
}

static int add(struct anod_list *r, const char *name, struct anod_list_row **ret)
{
	struct anod_list_row row = { 0 };
	int e;

	if (!fit(name))
		return -EINVAL;
	if (r->n >= r->max) {
		r->n_over++;
		return -ENOSPC;
	}
	if (r->n == r->size) {
		unsigned size = r->size ? r->size * 2 : 8;
		struct anod_list_row *grown = reallocarray(r->row, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		r->row = grown;
		r->size = size;
	}
	e = r->ctx->host->entity(r->ctx, r->kind->name, name, &row.entity);
	if (e < 0)
		return e;
	memcpy(row.name, name, strlen(name));
	r->row[r->n] = row;
	*ret = &r->row[r->n++];
	return 0;
}

static void publish(struct anod_list *r, struct anod_list_row *row, const struct anod_value *v)
{
	for (unsigned i = 0; i < r->n_attrs; i++) {
		const struct anod_attr *a = &r->kind->attrs[i];
		struct anod_value one = v[i];

		one.flags = (uint8_t) (a->flags & ANOD_VALUE_OUTSIDE);
		one.unit = a->unit;
		(void) r->ctx->host->publish(r->ctx, row->entity, r->fact[i],
					     one.type == a->type ? &one : NULL);
	}
}

int anod_list_put(struct anod_list *r, const char *name, const struct anod_value *v)
{
	struct anod_list_row *row = find(r, name);

	if (!row) {
		int e = add(r, name, &row);

		if (e < 0)
			return e;
	}
	row->seen = true;
	r->next = (unsigned) (row - r->row) + 1;
	publish(r, row, v);
	return 0;
}

void anod_list_mark(struct anod_list *r, const char *name)
{
	struct anod_list_row *row = find(r, name);

	if (row)
		row->seen = true;
}

bool anod_list_has(const struct anod_list *r, const char *name)
{
	return find(r, name) != NULL;
}

bool anod_list_seen(const struct anod_list *r, const char *name)
{
	const struct anod_list_row *row = find(r, name);

	return row && row->seen;
}

void anod_list_end(struct anod_list *r)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < r->n; i++) {
		if (r->row[i].seen)
			r->row[kept++] = r->row[i];
		else
			(void) r->ctx->host->entity_gone(r->ctx, r->row[i].entity);
	}
	r->n = kept;
	r->next = 0;
	if (r->n_over && !r->said)
		r->ctx->host->log(r->ctx, LOG_WARNING,
				  "more than %u entities of kind %s: %u are left out", r->max,
				  r->kind->name, r->n_over);
	r->said = r->n_over > 0;
}

void anod_list_unknown(struct anod_list *r)
{
	for (unsigned i = 0; i < r->n; i++)
		for (unsigned k = 0; k < r->n_attrs; k++)
			(void) r->ctx->host->publish(r->ctx, r->row[i].entity, r->fact[k], NULL);
}

/* ---- values ----------------------------------------------------------------------------- */

struct anod_value anod_int(int64_t i, enum anod_unit unit)
{
	return (struct anod_value){ .type = ANOD_INT, .unit = (uint8_t) unit, .u.i = i };
}

struct anod_value anod_bool(bool b)
{
	return (struct anod_value){ .type = ANOD_BOOL, .u.i = b };
}

struct anod_value anod_real(double r, enum anod_unit unit)
{
	return (struct anod_value){ .type = ANOD_REAL, .unit = (uint8_t) unit, .u.r = r };
}

/* Bytes of the UTF-8 character at 's', or 0: it is none (RFC 3629). */
static size_t utf8_len(const unsigned char *s, size_t size)
{
	static const unsigned char least[5] = { 0, 0, 0x80, 0xa0, 0x90 };
	size_t n = s[0] < 0x80			 ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;

	if (n == 0 || n > size)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, a surrogate, or beyond U+10FFFF. */
	if ((s[0] == 0xe0 || s[0] == 0xf0) && s[1] < least[n])
		return 0;
	if ((s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

struct anod_value anod_text(const char *text, size_t size)
{
	struct anod_value v = { .type = ANOD_TEXT };
	const unsigned char *s = (const unsigned char *) text;
	size_t used = 0;

	for (size_t i = 0; i < size && s[i];) {
		size_t n = utf8_len(s + i, size - i);
		bool bad = n == 0 || (n == 1 && (s[i] < ' ' || s[i] == 0x7f)) ||
			   (n == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0);
		size_t put = bad ? 1 : n;

		if (used + put >= ANOD_TEXT_SIZE)
			break;
		if (bad)
			v.u.text[used] = '?';
		else
			memcpy(v.u.text + used, s + i, n);
		used += put;
		i += n ? n : 1;
	}
	return v;
}
