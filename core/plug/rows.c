/*
 * rows - the entities of one kind that a sensor has published.
 *
 * Design.  Found by the plugin's key, not by name: what the kernel numbers keeps its number when it
 * is renamed.  A reading has a round; a row that was not taken in it is gone when it ends.  Numbers
 * go to the host in one put(), because readers see them as one; texts one by one.
 */
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <uthash.h>

#include <anod/object.h>
#include <anod/poll.h>

struct slot {
	struct anod_row row;
	uint32_t round;
	UT_hash_handle hh;
};

struct anod_rows {
	struct anod_ctx *ctx;
	const struct anod_kind *kind;
	size_t own_size;
	int first; /* handle of the first attribute */
	unsigned n_numbers, n_attrs;
	uint32_t round;
	bool full; /* said in the log */
	struct slot *slots;
};

static int first_fact(struct anod_ctx *ctx, const struct anod_kind *kind)
{
	char name[2 * ANOD_KIND_SIZE];
	size_t n = strnlen(kind->name, ANOD_KIND_SIZE - 1);

	memset(name, 0, sizeof(name));
	memcpy(name, kind->name, n);
	name[n] = '.';
	memcpy(name + n + 1, kind->attrs[0].name, strnlen(kind->attrs[0].name, ANOD_KIND_SIZE - 2));
	return ctx->host->fact_id(ctx, name);
}

int anod_rows_new(struct anod_ctx *ctx, const struct anod_kind *kind, size_t own_size,
		  struct anod_rows **ret)
{
	int first = first_fact(ctx, kind);
	struct anod_rows *rows;

	if (first < 0)
		return first;
	rows = calloc(1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	rows->ctx = ctx;
	rows->kind = kind;
	rows->own_size = own_size;
	rows->first = first;
	for (const struct anod_attr *a = kind->attrs; a->name; a++) {
		bool number = a->type != ANOD_TEXT && a->type != ANOD_PREFIX;

		if (number && rows->n_numbers == rows->n_attrs)
			rows->n_numbers++;
		rows->n_attrs++;
	}
	*ret = rows;
	return 0;
}

static void slot_free(struct anod_rows *rows, struct slot *s)
{
	HASH_DEL(rows->slots, s);
	free(s->row.own);
	free(s);
}

struct anod_rows *anod_rows_free(struct anod_rows *rows)
{
	struct slot *s, *next;

	if (!rows)
		return NULL;
	HASH_ITER(hh, rows->slots, s, next)
	slot_free(rows, s);
	free(rows);
	return NULL;
}

unsigned anod_rows_count(const struct anod_rows *rows)
{
	return HASH_COUNT(rows->slots);
}

void anod_rows_begin(struct anod_rows *rows)
{
	rows->round++;
}

/* An entity whose name another row has taken since is gone already. */
static void entity_gone(struct anod_rows *rows, struct anod_row *row)
{
	if (row->entity)
		(void) rows->ctx->host->entity_gone(rows->ctx, row->entity);
	row->entity = 0;
}

void anod_rows_gone(struct anod_rows *rows, struct anod_row *row)
{
	entity_gone(rows, row);
	slot_free(rows, (struct slot *) row); /* the first member */
}

void anod_rows_end(struct anod_rows *rows)
{
	struct slot *s, *next;

	HASH_ITER(hh, rows->slots, s, next)
	if (s->round != rows->round)
		anod_rows_gone(rows, &s->row);
}

struct anod_row *anod_rows_find(const struct anod_rows *rows, uint64_t key)
{
	struct slot *s;

	HASH_FIND(hh, rows->slots, &key, sizeof(key), s);
	return s ? &s->row : NULL;
}

struct anod_row *anod_rows_named(const struct anod_rows *rows, const char *name)
{
	for (struct slot *s = rows->slots; s; s = s->hh.next)
		if (strcmp(s->row.name, name) == 0)
			return &s->row;
	return NULL;
}

static struct slot *slot_new(struct anod_rows *rows, uint64_t key)
{
	struct slot *s;

	if (HASH_COUNT(rows->slots) >= ANOD_ROWS_MAX) {
		if (!rows->full)
			rows->ctx->host->log(
				rows->ctx, LOG_WARNING,
				"more than %u entities of kind %s: the rest is not seen",
				ANOD_ROWS_MAX, rows->kind->name);
		rows->full = true;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->row.key = key;
	if (rows->own_size)
		s->row.own = calloc(1, rows->own_size);
	if (rows->own_size && !s->row.own) {
		free(s);
		return NULL;
	}
	HASH_ADD(hh, rows->slots, row.key, sizeof(s->row.key), s);
	return s;
}

/* The old name's entity goes, and with it what the plugin remembered. */
static void forget_name(struct anod_rows *rows, struct slot *s)
{
	entity_gone(rows, &s->row);
	s->row.name[0] = '\0';
	if (rows->own_size)
		memset(s->row.own, 0, rows->own_size);
}

struct anod_row *anod_rows_take(struct anod_rows *rows, uint64_t key, const char *name)
{
	struct slot *s = (struct slot *) anod_rows_find(rows, key);

	if (s && strcmp(s->row.name, name) == 0) {
		s->round = rows->round;
		s->row.fresh = 0;
		return &s->row;
	}
	if (s)
		forget_name(rows, s);
	else
		s = slot_new(rows, key);
	if (!s)
		return NULL;
	if (rows->ctx->host->entity(rows->ctx, rows->kind->name, name, &s->row.entity) < 0) {
		slot_free(rows, s);
		return NULL;
	}
	memset(s->row.name, 0, sizeof(s->row.name));
	memcpy(s->row.name, name, strnlen(name, sizeof(s->row.name) - 1));
	s->round = rows->round;
	s->row.fresh = 1;
	return &s->row;
}

void anod_rows_put(struct anod_rows *rows, struct anod_row *row, const int64_t *raw, uint64_t known)
{
	int r = row->entity ? rows->ctx->host->put(rows->ctx, row->entity, rows->first,
						   rows->n_numbers, raw, known)
			    : -ENOENT;

	/* Two links have changed names with each other, and this one was the first: the other's
	 * entity went with its old name.  The next reading makes it anew. */
	if (r == -ENOENT) {
		row->entity = 0;
		row->name[0] = '\0';
	} else if (r < 0)
		(void) rows->ctx->host->health(rows->ctx, ANOD_HEALTH_ERROR, 1);
}

void anod_rows_text(struct anod_rows *rows, struct anod_row *row, unsigned attr, const char *text)
{
	const struct anod_attr *a = &rows->kind->attrs[attr];
	struct anod_value v = { .type = ANOD_TEXT, .flags = (uint8_t) a->flags };

	if (!row->entity)
		return;
	if (text)
		memcpy(v.u.text, text, strnlen(text, sizeof(v.u.text) - 1));
	(void) rows->ctx->host->publish(rows->ctx, row->entity, rows->first + (int) attr,
					text ? &v : NULL);
}

int anod_link_name(struct anod_ctx *ctx, uint32_t ifindex, char *name)
{
	struct anod_value v;

	if (name[0] && ctx->host->get(ctx, "link", name, "ifindex", &v, NULL) == 0 &&
	    v.type == ANOD_INT && v.u.i == ifindex)
		return 0;
	if (!if_indextoname(ifindex, name)) {
		name[0] = '\0';
		return -ENODEV;
	}
	return 0;
}
