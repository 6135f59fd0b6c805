/*
 * slot - a journal record as 512-byte slots, and back.
 *
 * Design.  Everything that is not an INTENT fits one slot, which a disk writes whole or not at
 * all; an INTENT of one step takes five.  Integers are in host order: a journal never leaves
 * its machine, and after a reboot its records are only closed.
 */
#include "txn/slot.h"

#include <errno.h>
#include <string.h>

#define SLOT_MAGIC 0x4a444e41u /* "ANDJ" */

struct slot_head {
	uint32_t magic;
	uint32_t crc; /* of the rest of the slot */
	uint64_t seq;
	uint32_t record_crc; /* of the whole packed record */
	uint32_t prev_crc;   /* record_crc of the record before */
	uint16_t part, n_parts;
	uint32_t size; /* of the packed record, bytes */
};
_Static_assert(sizeof(struct slot_head) == SLOT_HEAD, "on-disk form");

struct packed_record {
	uint32_t type, n_steps;
	uint64_t tx, boot_us, wall_us, deadline_us;
	uint32_t flags, reflex; /* reflex was zero before there were any */
	char boot_id[40];
	char agent[ANOD_NAME_SIZE];
	char rule[ANOD_NAME_SIZE];
	char resource[ANOD_NAME_SIZE];
	char why[ANOD_REASON_SIZE];
};
_Static_assert(sizeof(struct packed_record) <= SLOT_ROOM, "one slot without steps");

struct packed_step { /* get_len and undo_len bytes follow */
	struct anod_change change;
	uint32_t action, get_len, undo_len, flags;
};

#define PACKED_MAX                                                                                 \
	(sizeof(struct packed_record) +                                                            \
	 STEPS_MAX * (sizeof(struct packed_step) + 2 * (size_t) ANOD_NLMSG_MAX))
_Static_assert(PACKED_MAX <= (size_t) SLOT_PARTS_MAX * SLOT_ROOM, "the longest record fits");

const char *journal_type_name(enum journal_type t)
{
	switch (t) {
	case JOURNAL_INTENT:
		return "INTENT";
	case JOURNAL_APPLIED:
		return "APPLIED";
	case JOURNAL_VERIFIED:
		return "VERIFIED";
	case JOURNAL_COMMIT:
		return "COMMIT";
	case JOURNAL_ROLLBACK:
		return "ROLLBACK";
	case JOURNAL_UNLOCKED:
		return "UNLOCKED";
	case JOURNAL_DONE:
		return "DONE";
	case JOURNAL_ROLLED_BACK:
		return "ROLLED_BACK";
	case JOURNAL_ABORTED:
		return "ABORTED";
	case JOURNAL_SUPERSEDED:
		return "SUPERSEDED";
	case JOURNAL_STUCK:
		return "STUCK";
	case JOURNAL_CLOSED_BY_REBOOT:
		return "CLOSED_BY_REBOOT";
	}
	return NULL;
}

bool journal_type_terminal(enum journal_type t)
{
	return t >= JOURNAL_DONE;
}

static bool well_formed(const struct journal_record *r)
{
	if (!journal_type_name((enum journal_type) r->type) || r->n_steps > STEPS_MAX || !r->tx ||
	    r->tx > INT64_MAX)
		return false;
	for (uint32_t i = 0; i < r->n_steps; i++)
		if (r->step[i].get_len > ANOD_NLMSG_MAX || r->step[i].undo_len > ANOD_NLMSG_MAX)
			return false;

	return true;
}

static size_t packed_size(const struct journal_record *r)
{
	size_t size = sizeof(struct packed_record);

	for (uint32_t i = 0; i < r->n_steps; i++)
		size += sizeof(struct packed_step) + r->step[i].get_len + r->step[i].undo_len;

	return size;
}

int slot_count(const struct journal_record *r)
{
	if (!well_formed(r))
		return -EINVAL;

	return (int) ((packed_size(r) + SLOT_ROOM - 1) / SLOT_ROOM);
}

/* Payload bytes are dealt out over the slots' rooms as they come. */
struct writer {
	uint8_t *buf;
	size_t at;
	uint32_t crc;
};

static void put(struct writer *w, const void *data, size_t size)
{
	const uint8_t *from = data;

	w->crc = crc32c(w->crc, data, size);
	while (size > 0) {
		size_t off = w->at % SLOT_ROOM, n = MIN_OF(size, SLOT_ROOM - off);

		memcpy(w->buf + w->at / SLOT_ROOM * JOURNAL_SLOT + SLOT_HEAD + off, from, n);
		w->at += n;
		from += n;
		size -= n;
	}
}

static void put_steps(struct writer *w, const struct journal_record *r)
{
	for (uint32_t i = 0; i < r->n_steps; i++) {
		const struct exec_step *s = &r->step[i];
		struct packed_step p = {
			.change = s->change,
			.action = s->action,
			.get_len = s->get_len,
			.undo_len = s->undo_len,
			.flags = s->flags,
		};

		put(w, &p, sizeof(p));
		put(w, s->get, s->get_len);
		put(w, s->undo, s->undo_len);
	}
}

int slot_encode(const struct journal_record *r, uint64_t seq, uint32_t prev, uint8_t *buf,
		uint32_t *ret_crc)
{
	struct packed_record p = {
		.type = r->type,
		.n_steps = r->n_steps,
		.tx = r->tx,
		.boot_us = r->boot_us,
		.wall_us = r->wall_us,
		.deadline_us = r->deadline_us,
		.flags = r->flags,
		.reflex = r->reflex,
	};
	struct writer w = { .buf = buf };
	int n = slot_count(r);

	if (n < 0)
		return n;

	(void) copy_text(p.boot_id, sizeof(p.boot_id), r->boot_id);
	(void) copy_text(p.agent, sizeof(p.agent), r->agent);
	(void) copy_text(p.rule, sizeof(p.rule), r->rule);
	(void) copy_text(p.resource, sizeof(p.resource), r->resource);
	(void) copy_text(p.why, sizeof(p.why), r->why);

	memset(buf, 0, (size_t) n * JOURNAL_SLOT);
	put(&w, &p, sizeof(p));
	put_steps(&w, r);

	for (int i = 0; i < n; i++) {
		uint8_t *slot = buf + (size_t) i * JOURNAL_SLOT;
		struct slot_head h = {
			.magic = SLOT_MAGIC,
			.seq = seq,
			.record_crc = w.crc,
			.prev_crc = prev,
			.part = (uint16_t) i,
			.n_parts = (uint16_t) n,
			.size = (uint32_t) w.at,
		};

		memcpy(slot, &h, sizeof(h));
		h.crc = crc32c(0, slot + 8, JOURNAL_SLOT - 8);
		memcpy(slot, &h, sizeof(h));
	}
	*ret_crc = w.crc;
	return n;
}

static bool slot_good(const uint8_t *slot, struct slot_head *ret)
{
	memcpy(ret, slot, sizeof(*ret));
	return ret->magic == SLOT_MAGIC && ret->crc == crc32c(0, slot + 8, JOURNAL_SLOT - 8);
}

unsigned slot_peek(const uint8_t *slot, uint64_t *ret_tx)
{
	struct slot_head h;

	memcpy(&h, slot, sizeof(h));
	if (h.magic != SLOT_MAGIC || h.part != 0 || h.n_parts > SLOT_PARTS_MAX)
		return 0;

	memcpy(ret_tx, slot + SLOT_HEAD + offsetof(struct packed_record, tx), sizeof(*ret_tx));
	return h.n_parts;
}

static bool slot_empty(const uint8_t *slot)
{
	static const uint8_t zero[JOURNAL_SLOT];

	return memcmp(slot, zero, JOURNAL_SLOT) == 0;
}

/* Collect the payload of the record that starts at 'slot' into 'out'.  Its number of slots, or
 * 0 when it is not whole. */
static unsigned gather(const uint8_t *slot, size_t n_slots, struct slot_head *ret, uint8_t *out)
{
	struct slot_head h;
	unsigned n;

	if (!slot_good(slot, ret) || ret->part != 0)
		return 0;

	n = ret->n_parts;
	if (n == 0 || n > SLOT_PARTS_MAX || n > n_slots || ret->size > n * (size_t) SLOT_ROOM ||
	    ret->size < sizeof(struct packed_record))
		return 0;

	for (unsigned i = 0; i < n; i++) {
		if (!slot_good(slot + (size_t) i * JOURNAL_SLOT, &h) || h.seq != ret->seq ||
		    h.part != i || h.n_parts != n || h.record_crc != ret->record_crc)
			return 0;
		memcpy(out + (size_t) i * SLOT_ROOM, slot + (size_t) i * JOURNAL_SLOT + SLOT_HEAD,
		       SLOT_ROOM);
	}
	return crc32c(0, out, ret->size) == ret->record_crc ? n : 0;
}

static bool take(const uint8_t **at, size_t *left, void *out, size_t size)
{
	if (size > *left)
		return false;

	memcpy(out, *at, size);
	*at += size;
	*left -= size;
	return true;
}

static bool unpack_step(const uint8_t **at, size_t *left, struct exec_step *s)
{
	struct packed_step p;

	if (!take(at, left, &p, sizeof(p)) || p.get_len > ANOD_NLMSG_MAX ||
	    p.undo_len > ANOD_NLMSG_MAX)
		return false;

	memset(s, 0, sizeof(*s));
	s->change = p.change;
	s->action = p.action;
	s->get_len = p.get_len;
	s->undo_len = p.undo_len;
	s->flags = p.flags;
	return take(at, left, s->get, p.get_len) && take(at, left, s->undo, p.undo_len);
}

static bool unpack(const uint8_t *at, size_t left, struct journal_record *r, struct exec_step *step)
{
	struct packed_record p;

	if (!take(&at, &left, &p, sizeof(p)) || p.n_steps > STEPS_MAX || !p.tx ||
	    p.tx > INT64_MAX || !journal_type_name((enum journal_type) p.type))
		return false;

	*r = (struct journal_record){
		.type = p.type,
		.n_steps = p.n_steps,
		.tx = p.tx,
		.boot_us = p.boot_us,
		.wall_us = p.wall_us,
		.deadline_us = p.deadline_us,
		.flags = p.flags,
		.reflex = p.reflex,
		.step = p.n_steps ? step : NULL,
	};
	/* Whoever wrote the slot may not have ended its texts. */
	memcpy(r->boot_id, p.boot_id, sizeof(r->boot_id) - 1);
	memcpy(r->agent, p.agent, sizeof(r->agent) - 1);
	memcpy(r->rule, p.rule, sizeof(r->rule) - 1);
	memcpy(r->resource, p.resource, sizeof(r->resource) - 1);
	memcpy(r->why, p.why, sizeof(r->why) - 1);

	for (uint32_t i = 0; i < p.n_steps; i++)
		if (!unpack_step(&at, &left, &step[i]))
			return false;

	return left == 0;
}

int slot_scan(const uint8_t *buf, size_t size, journal_fn *fn, void *data, struct slot_scan *ret)
{
	_cleanup_(freep) struct exec_step *step = calloc(STEPS_MAX, sizeof(*step));
	_cleanup_(freep) uint8_t *payload = malloc((size_t) SLOT_PARTS_MAX * SLOT_ROOM);
	size_t n_slots = size / JOURNAL_SLOT;
	struct slot_scan s = { 0 };
	int r = 0;

	if (!step || !payload)
		return -ENOMEM;

	for (size_t i = 0; i < n_slots && r == 0;) {
		const uint8_t *slot = buf + i * JOURNAL_SLOT;
		struct journal_record rec;
		struct slot_head h;
		unsigned n;

		if (slot_empty(slot)) {
			i++;
			continue;
		}

		n = gather(slot, n_slots - i, &h, payload);
		if (n == 0 || h.seq <= s.last_seq || !unpack(payload, h.size, &rec, step)) {
			s.n_bad++;
			s.end = ++i * JOURNAL_SLOT;
			continue;
		}

		s.n_gaps += h.prev_crc != s.last_crc;
		s.n_records++;
		s.last_seq = h.seq;
		s.last_crc = h.record_crc;
		i += n;
		s.end = i * JOURNAL_SLOT;
		r = fn(data, &rec);
	}
	*ret = s;
	return r;
}
