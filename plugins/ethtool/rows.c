/*
 * rows - the links that answer, and storing what they say.
 *
 * Design.  A sorted array: dumps come in the order of ifindex, so the next answer is nearly
 * always the next row.  A link gets its facts only when the sensor rtnl has made it, under the
 * ifindex that the answer has: a name alone may be of another one by now.
 */
#include "ethtool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows -------------------------------------------------------------------------------- */

static struct row *find(struct ethtool *t, uint32_t ifindex)
{
	uint32_t lo = 0, hi = t->n_rows;

	if (t->next < t->n_rows && t->row[t->next].ifindex == ifindex)
		return &t->row[t->next++];
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->row[mid].ifindex < ifindex)
			lo = mid + 1;
		else
			hi = mid;
	}
	t->next = lo;
	return lo < t->n_rows && t->row[lo].ifindex == ifindex ? &t->row[t->next++] : NULL;
}

/* find() has left the place in 'next'. */
static struct row *insert(struct ethtool *t, uint32_t ifindex)
{
	struct row *row;

	if (t->n_rows == ROWS_MAX)
		return NULL;
	if (t->n_rows == t->rows_size) {
		uint32_t size = t->rows_size ? 2 * t->rows_size : 64;

		row = realloc(t->row, size * sizeof(*row));
		if (!row)
			return NULL;
		t->row = row;
		t->rows_size = size;
	}
	row = &t->row[t->next++];
	memmove(row + 1, row, (t->n_rows++ - (t->next - 1)) * sizeof(*row));
	*row = (struct row){ .ifindex = ifindex };
	return row;
}

static void drop_lanes(struct ethtool *t, struct row *row, unsigned from)
{
	for (unsigned k = from; k < LANES_MAX; k++) {
		if (row->lane[k])
			(void) t->ctx->host->entity_gone(t->ctx, row->lane[k]);
		row->lane[k] = 0;
	}
}

/* False: there is no such entity. */
static bool find_entity(struct ethtool *t, struct row *row, const struct reply *r)
{
	struct anod_value v;

	drop_lanes(t, row, 0);
	row->entity = 0;
	row->fec_us = 0;
	memset(row->word_set, 0, sizeof(row->word_set));
	memcpy(row->name, r->name, sizeof(row->name));
	if (t->ctx->host->get(t->ctx, "link", r->name, "ifindex", &v, NULL) < 0 ||
	    v.type != ANOD_INT || v.u.i != r->ifindex)
		return false;
	return t->ctx->host->entity(t->ctx, "link", r->name, &row->entity) >= 0;
}

void rows_end(struct ethtool *t)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < t->n_rows; i++) {
		if (t->row[i].round != t->round) {
			drop_lanes(t, &t->row[i], 0);
			continue;
		}
		t->row[kept++] = t->row[i];
	}
	t->n_rows = kept;
}

void rows_free(struct ethtool *t)
{
	free(t->row);
	t->row = NULL;
	t->n_rows = t->rows_size = 0;
}

/* ---- FEC --------------------------------------------------------------------------------- */

/* Bits that a code word carries: RS(544,514) and RS(528,514) 514 symbols of 10 bits (IEEE 802.3
 * clauses 91 and 119), low latency RS(272,257), BASE-R 32 blocks of 65 bits (clause 74). */
static double word_bits(const char *fec)
{
	return strcmp(fec, "baser") == 0 ? 2080 : strcmp(fec, "llrs") == 0 ? 2570 : 5140;
}

static void set_real(struct reply *r, enum number n, double v)
{
	memcpy(&r->number[n], &v, sizeof(v));
	r->known |= UINT64_C(1) << n;
}

static bool knows(const struct reply *r, enum number n)
{
	return r->known >> n & 1;
}

void rows_fec(struct row *row, struct reply *r, uint64_t now_us)
{
	double line, words, frame;
	bool fec = r->known_words >> FEC & 1 && strcmp(r->word[FEC], "off") != 0;
	uint64_t before = row->fec_us;

	if (r->topic == TOPIC_MODES) /* another speed: begin anew */
		row->fec_us = knows(r, SPEED) && r->number[SPEED] == row->speed ? before : 0;
	if (r->topic == TOPIC_MODES)
		row->speed = knows(r, SPEED) ? r->number[SPEED] : 0;
	if (r->topic != TOPIC_FEC || r->partial)
		return;
	row->fec_us = now_us;
	line = row->speed * ((double) (now_us - before) / 1e6);
	if (before && fec && line > 0) {
		words = line / word_bits(r->word[FEC]);
		frame = 1518 * 8 / word_bits(r->word[FEC]) + 1;
		/* A counter that went back was reset: nothing is known of this while. */
		if (knows(r, FEC_BITS) && r->number[FEC_BITS] >= row->fec_bits)
			set_real(r, FEC_BER, (double) (r->number[FEC_BITS] - row->fec_bits) / line);
		if (knows(r, FEC_UNCORRECTED) && r->number[FEC_UNCORRECTED] >= row->fec_bad) {
			double loss = (double) (r->number[FEC_UNCORRECTED] - row->fec_bad) / words *
				      frame;

			set_real(r, FEC_LOSS, loss < 1 ? loss : 1);
		}
	}
	row->fec_bits = r->number[FEC_BITS];
	row->fec_bad = r->number[FEC_UNCORRECTED];
}

/* ---- storing ----------------------------------------------------------------------------- */

static int put_numbers(struct ethtool *t, const struct row *row, const struct reply *r)
{
	const struct topic_info *i = &topics[r->topic];
	const struct anod_attr *attrs = ethtool_kinds[0].attrs;
	int e = 0;

	if (!r->partial)
		return i->n ? t->ctx->host->put(t->ctx, row->entity, t->first_fact + i->first, i->n,
						&r->number[i->first], r->known >> i->first)
			    : 0;
	for (unsigned k = i->first; k < i->first + i->n && e >= 0; k++) {
		struct anod_value v = { .type = attrs[k].type,
					.unit = attrs[k].unit,
					.u.i = r->number[k] };

		if (r->known >> k & 1)
			e = t->ctx->host->publish(t->ctx, row->entity, t->first_fact + (int) k, &v);
	}
	return e;
}

static int put_words(struct ethtool *t, struct row *row, const struct reply *r)
{
	const struct topic_info *i = &topics[r->topic];
	int e = 0;

	for (unsigned k = i->word; k < i->word + i->words && e >= 0; k++) {
		struct anod_value v = { .type = ANOD_TEXT };
		bool known = r->known_words >> k & 1;

		if (!known && !(row->word_set[r->topic] >> k & 1))
			continue;
		if (known)
			memcpy(v.u.text, r->word[k], strnlen(r->word[k], ANOD_TEXT_SIZE - 1));
		e = t->ctx->host->publish(t->ctx, row->entity, t->first_fact + NUMBERS + (int) k,
					  known ? &v : NULL);
	}
	row->word_set[r->topic] = r->known_words;
	return e;
}

static void put_lanes(struct ethtool *t, struct row *row, const struct reply *r)
{
	if (r->topic != TOPIC_FEC || r->partial)
		return;
	drop_lanes(t, row, r->n_lanes);
	for (unsigned k = 0; k < r->n_lanes; k++) {
		const struct lane *l = &r->lane[k];
		int64_t raw[4] = { (int64_t) l->corrected, (int64_t) l->uncorrected,
				   (int64_t) l->bits, k };
		struct anod_value dev = { .type = ANOD_TEXT };
		char name[ANOD_NAME_SIZE];

		(void) snprintf(name, sizeof(name), "%s/%u", row->name, k);
		if (!row->lane[k] &&
		    t->ctx->host->entity(t->ctx, "feclane", name, &row->lane[k]) < 0)
			continue;
		(void) t->ctx->host->put(t->ctx, row->lane[k], t->first_lane_fact, 4, raw,
					 r->lane_known | 8u);
		memcpy(dev.u.text, row->name, sizeof(row->name));
		(void) t->ctx->host->publish(t->ctx, row->lane[k], t->first_lane_fact + 4, &dev);
	}
}

void rows_answer(struct ethtool *t, struct reply *r)
{
	struct row *row = find(t, r->ifindex);
	int e;

	if (!row)
		row = insert(t, r->ifindex);
	if (!row) {
		(void) t->ctx->host->health(t->ctx, ANOD_HEALTH_ERROR, 1);
		return;
	}
	row->round = t->round;
	rows_fec(row, r, t->ctx->host->now_us(t->ctx));
	if ((!row->entity || strcmp(row->name, r->name) != 0) && !find_entity(t, row, r))
		return;
	e = put_numbers(t, row, r);
	if (e >= 0)
		e = put_words(t, row, r);
	if (e == -ENOENT) { /* it went, and another one of the name may have come */
		if (find_entity(t, row, r) && put_numbers(t, row, r) >= 0)
			(void) put_words(t, row, r);
		return;
	}
	if (e < 0)
		(void) t->ctx->host->health(t->ctx, ANOD_HEALTH_ERROR, 1);
	put_lanes(t, row, r);
}
