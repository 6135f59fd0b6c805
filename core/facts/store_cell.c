/*
 * store_cell - one fact: publish it, and tell what became of it.
 *
 * Design.  Whether a value may be believed is worked out when it is read, from its age and from
 * the state of its source, so no reader can see a stale one between two runs of store_expire().
 * Listeners and the walkers of columns live in the past by as much: 'known' is what they take a
 * fact for.  A fact that is published after it had grown too old is announced even if its value is
 * the old one, because a reader in between has seen it unknown.
 *
 * Everything that a reader sees is written inside the row's lock; whoever is told is told outside.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "facts/store_priv.h"
#include "facts/value.h"

/* ---- values in columns ------------------------------------------------------------------ */

/* Text by words, prefixes by half words: both sides may be at it at once. */
static void text_load(const char *from, char *to)
{
	for (unsigned i = 0; i < ANOD_TEXT_SIZE; i += 8) {
		uint64_t word = LOAD((const uint64_t *) (const void *) (from + i));

		memcpy(to + i, &word, sizeof(word));
	}
}

static void text_store(char *to, const char *from)
{
	for (unsigned i = 0; i < ANOD_TEXT_SIZE; i += 8) {
		uint64_t word;

		memcpy(&word, from + i, sizeof(word));
		STORE((uint64_t *) (void *) (to + i), word);
	}
}

static void prefix_load(const struct anod_prefix *from, struct anod_prefix *to)
{
	const uint32_t *words = (const void *) from;
	uint32_t copy[sizeof(*to) / 4];

	for (unsigned i = 0; i < ARRAY_SIZE(copy); i++)
		copy[i] = LOAD(&words[i]);
	memcpy(to, copy, sizeof(copy));
}

static void prefix_store(struct anod_prefix *to, const struct anod_prefix *from)
{
	uint32_t copy[sizeof(*to) / 4], *words = (void *) to;

	memcpy(copy, from, sizeof(copy));
	for (unsigned i = 0; i < ARRAY_SIZE(copy); i++)
		STORE(&words[i], copy[i]);
}
_Static_assert(sizeof(struct anod_prefix) % 4 == 0 && ANOD_TEXT_SIZE % 8 == 0, "copied by words");

void cell_read(const struct table_block *t, unsigned row, const struct schema_attr *a,
	       struct anod_value *ret)
{
	bool outside = LOAD(&t->outside) >> row & 1;

	*ret = (struct anod_value){
		.type = a->type,
		.unit = a->unit,
		.flags = outside ? ANOD_VALUE_OUTSIDE : 0,
	};
	switch ((enum anod_type) a->type) {
	case ANOD_BOOL:
	case ANOD_INT:
	case ANOD_REAL:
		ret->u.i = LOAD(&t->u.i[row]);
		break;
	case ANOD_TEXT:
		text_load(t->u.text[row], ret->u.text);
		break;
	case ANOD_PREFIX:
		prefix_load(&t->u.prefix[row], &ret->u.prefix);
		break;
	case ANOD_UNKNOWN:
		break;
	}
}

static void cell_write(struct table_block *t, unsigned row, const struct anod_value *v)
{
	bits_set(&t->outside, UINT64_C(1) << row, v->flags & ANOD_VALUE_OUTSIDE);
	switch ((enum anod_type) v->type) {
	case ANOD_BOOL:
	case ANOD_INT:
	case ANOD_REAL:
		STORE(&t->u.i[row], v->u.i);
		break;
	case ANOD_TEXT:
		text_store(t->u.text[row], v->u.text);
		break;
	case ANOD_PREFIX:
		prefix_store(&t->u.prefix[row], &v->u.prefix);
		break;
	case ANOD_UNKNOWN:
		break;
	}
}

/* What a plugin hands over, checked and in the one form that is stored. */
static int value_accept(const struct schema_attr *a, const struct anod_value *v,
			struct anod_value *ret)
{
	const struct anod_prefix *p = &v->u.prefix;

	if (v->type != a->type || (v->unit != ANOD_UNIT_NONE && v->unit != a->unit))
		return -EPROTO;

	*ret = *v;
	ret->unit = a->unit;
	ret->flags = (v->flags | a->flags) & ANOD_VALUE_OUTSIDE;
	switch ((enum anod_type) v->type) {
	case ANOD_BOOL:
		ret->u.i = v->u.i != 0;
		return 0;
	case ANOD_INT:
		return 0;
	case ANOD_REAL:
		return isfinite(v->u.r) ? 0 : -EPROTO;
	case ANOD_TEXT:
		if (!memchr(v->u.text, '\0', sizeof(v->u.text)))
			return -EPROTO;
		clean_text(ret->u.text);
		return 0;
	case ANOD_PREFIX:
		if (p->family == AF_INET)
			return p->len <= 32 ? 0 : -EPROTO;
		return p->family == AF_INET6 && p->len <= 128 ? 0 : -EPROTO;
	case ANOD_UNKNOWN:
		break;
	}
	return -EPROTO;
}

/* ---- changes ---------------------------------------------------------------------------- */

void note_maker(struct block *b, unsigned row, bool ages, int sync)
{
	uint64_t bit = UINT64_C(1) << row;

	if (b->maker[row] > 0 && (ages || !(b->maker_ages & bit)))
		return;
	b->maker[row] = (uint16_t) sync;
	b->maker_ages = ages ? b->maker_ages | bit : b->maker_ages & ~bit;
}

bool cell_changed(struct table_block *t, unsigned row, bool known, uint64_t now_us)
{
	uint64_t bit = UINT64_C(1) << row;
	bool again = t->dirty & bit;

	bits_set(&t->known, bit, known);
	STORE(&t->changed_us[row], now_us);
	t->touched |= bit;
	t->again |= t->dirty & bit;
	t->dirty |= bit;
	return again;
}

static void announce(struct store *s, const struct place *p, const struct schema_attr *a,
		     const struct fact *f)
{
	bool number = a->type != ANOD_TEXT && a->type != ANOD_PREFIX;
	struct store_news n = {
		.time_us = f->time_us,
		.raw = number ? f->value.u.i : 0,
		.entity = p->handle,
		.attr = a->id,
		.kind = p->kind,
		.flags = f->why ? 0 : STORE_KNOWN,
	};

	ring_add(s, &n);
}

void cell_tell(struct store *s, const struct place *p, const struct schema_attr *a,
	       const struct table_block *t, const struct anod_value *was, bool lapsed, bool again)
{
	char name[ANOD_NAME_SIZE];
	struct store_change c = {
		.entity = p->handle,
		.kind = p->kind,
		.slot = a->slot,
		.name = name,
		.attr = a,
		.old = *was,
		.lapsed = lapsed,
		.again = again,
	};
	struct fact fact = { .seq = ++s->seq };

	s->stats.changed++;
	kind_note(s, p->block, a->slot, 1, true);
	fact.time_us = t->time_us[p->row];
	fact.changed_us = t->changed_us[p->row];
	if (t->known & p->bit) {
		age_note(s, p->block, cell_due(fact.time_us, a));
		cell_read(t, p->row, a, &fact.value);
	} else {
		fact.why = t->withdrawn & p->bit ? "withdrawn"
			   : s->seg->lost[a->id] ? "source out of sync"
						 : "too old";
	}
	if (s->event[a->id])
		announce(s, p, a, &fact);
	if (s->n_listeners == 0 || (a->max_age_us > 0 && !s->want[a->id]))
		return;

	/* A listener may make entities, and one of them may get the row of one that went. */
	(void) copy_text(name, sizeof(name), p->seg->name[p->row]);
	c.fact = &fact;
	store_tell(s, &c);
}

/* ---- publish ---------------------------------------------------------------------------- */

/* 'value' NULL: withdrawn.  True: it is a change to be told. */
static bool cell_publish(struct store *s, const struct place *p, const struct schema_attr *a,
			 struct table_block *t, const struct anod_value *value, uint64_t now_us,
			 struct anod_value *was, bool *ret_again)
{
	bool lost = s->seg->lost[a->id], known = t->known & p->bit, same, news;
	bool late = now_us >= cell_due(t->time_us[p->row], a), doubted = !known || lost || late;

	*was = value_unknown();
	if (t->stored & p->bit)
		cell_read(t, p->row, a, was);
	same = value && value_same(was, value) && was->flags == value->flags;
	/* The same value is news to who saw it unknown; a loss only if somebody knew it. */
	news = same ? !lost && doubted : value ? !lost : known;

	seq_write_begin(&p->seg->seq[p->row]);
	if (value && !same)
		cell_write(t, p->row, value);
	bits_set(&t->stored, p->bit, value != NULL);
	bits_set(&t->withdrawn, p->bit, value == NULL);
	STORE(&t->time_us[p->row], MAX_OF(t->time_us[p->row], now_us));
	t->named |= p->bit;
	t->touched |= p->bit;
	if (news)
		*ret_again = cell_changed(t, p->row, value != NULL, now_us);
	if (news && known && late)
		t->again |= p->bit; /* it had fallen away before it came back */
	seq_write_end(&p->seg->seq[p->row]);

	if (doubted)
		*was = value_unknown();
	return news;
}

int store_publish(struct store *s, uint32_t entity, uint16_t slot, const struct anod_value *value,
		  uint64_t now_us)
{
	bool lapsed, again = false;
	const struct schema_attr *a;
	struct anod_value new, was;
	struct table_block *t;
	struct place p;
	int r, sync;

	if (s->reader)
		return -EROFS;
	r = place_find(s, entity, &p);
	if (r < 0)
		return r;
	a = schema_attr_at(s->schema, p.kind, slot);
	if (!a)
		return -EINVAL;
	if (value && value->type != ANOD_UNKNOWN) {
		r = value_accept(a, value, &new);
		if (r < 0)
			return r;
		value = &new;
	} else {
		value = NULL;
	}
	sync = sync_of_attr(s, a);
	if (sync < 0)
		return sync;
	s->stats.published++;
	note_maker(p.block, p.row, a->max_age_us > 0, sync);
	if (!value && !column_at(s, p.seg, slot) && !s->sync[sync - 1].begun)
		return 0; /* unknown as ever: no reason for a column */
	r = column_open(s, p.seg, slot, a->type, &t);
	if (r < 0)
		return r;
	lapsed = (t->known & p.bit) && now_us >= cell_due(t->time_us[p.row], a);
	if (cell_publish(s, &p, a, t, value, now_us, &was, &again))
		cell_tell(s, &p, a, t, &was, lapsed, again);
	else
		kind_note(s, p.block, slot, 1, false);
	return 0;
}
