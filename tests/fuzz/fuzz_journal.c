/*
 * fuzz_journal - any bytes as the records of a journal.
 *
 * Input: byte 0 says how to read the rest.  Even: the rest is the file's slots as they are.  Odd:
 * a true image of five transactions, damaged by four-byte edits (kind, place low, place high,
 * value): flip, zero a slot, copy a slot, cut the file.
 *
 * Holds: no crash; a scan of the same bytes says the same; what a damaged image shows was
 * written, in particular no COMMIT that was not; and each record comes back when it is written
 * again.
 */
#include <stdlib.h>
#include <string.h>

#include "txn/slot.h"

#define SLOTS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct written {
	unsigned n;
	uint64_t tx[32];
	uint32_t type[32];
};

static void write_image(uint8_t *buf, struct written *w)
{
	static const struct {
		uint64_t tx;
		uint32_t type;
	} what[] = {
		{ 1, JOURNAL_INTENT },	 { 1, JOURNAL_APPLIED },  { 1, JOURNAL_COMMIT },
		{ 1, JOURNAL_DONE },	 { 2, JOURNAL_INTENT },	  { 3, JOURNAL_INTENT },
		{ 2, JOURNAL_ROLLBACK }, { 3, JOURNAL_VERIFIED }, { 2, JOURNAL_ROLLED_BACK },
		{ 4, JOURNAL_INTENT },	 { 5, JOURNAL_INTENT },	  { 4, JOURNAL_APPLIED },
	};
	static struct exec_step step[2];
	uint32_t crc = 0;
	size_t at = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(what); i++) {
		struct journal_record r = {
			.type = what[i].type,
			.tx = what[i].tx,
			.agent = "fuzz",
			.step = step,
			.n_steps = what[i].type == JOURNAL_INTENT ? 1 + i % 2 : 0,
		};
		int n;

		step[0].get_len = step[0].undo_len = 40 + i;
		n = slot_encode(&r, i + 1, crc, buf + at, &crc);
		if (n < 0)
			abort();
		at += (size_t) n * JOURNAL_SLOT;
		w->tx[w->n] = what[i].tx;
		w->type[w->n++] = what[i].type;
	}
	if (at > (size_t) SLOTS * JOURNAL_SLOT)
		abort();
}

static size_t damage(uint8_t *buf, size_t size, const uint8_t *edit, size_t n)
{
	for (; n >= 4; edit += 4, n -= 4) {
		size_t at = edit[1] | (size_t) edit[2] << 8, slot = at % SLOTS * JOURNAL_SLOT;

		switch (edit[0] % 4) {
		case 0:
			buf[at % (SLOTS * JOURNAL_SLOT)] ^= edit[3];
			break;
		case 1:
			memset(buf + slot, 0, JOURNAL_SLOT);
			break;
		case 2:
			memmove(buf + slot, buf + (size_t) (edit[3] % SLOTS) * JOURNAL_SLOT,
				JOURNAL_SLOT);
			break;
		case 3:
			size = at % size + 1;
			break;
		}
	}
	return size;
}

struct check {
	const struct written *w; /* NULL: anything goes */
	unsigned n_seen;
	uint32_t sum;
};

static void write_again(const struct journal_record *r)
{
	uint8_t *buf;
	uint32_t crc;
	int n = slot_count(r);

	if (n <= 0)
		abort();
	buf = malloc((size_t) n * JOURNAL_SLOT);
	if (!buf || slot_encode(r, 1, 0, buf, &crc) != n)
		abort();
	free(buf);
}

static int check(void *data, const struct journal_record *r)
{
	struct check *c = data;
	bool known = !c->w;

	for (unsigned i = 0; c->w && i < c->w->n; i++)
		known |= c->w->tx[i] == r->tx && c->w->type[i] == r->type;
	if (!known)
		abort();
	if (!journal_type_name((enum journal_type) r->type) || r->n_steps > STEPS_MAX)
		abort();

	c->n_seen++;
	c->sum = crc32c(c->sum, r, offsetof(struct journal_record, step));
	for (uint32_t i = 0; i < r->n_steps; i++)
		c->sum = crc32c(c->sum, &r->step[i], sizeof(r->step[i]));
	write_again(r);
	return 0;
}

static void scan_twice(const uint8_t *buf, size_t size, const struct written *w)
{
	struct check a = { .w = w }, b = { .w = w };
	struct slot_scan sa, sb;

	if (slot_scan(buf, size, check, &a, &sa) != 0 || slot_scan(buf, size, check, &b, &sb) != 0)
		abort();
	if (a.sum != b.sum || a.n_seen != b.n_seen || sa.n_records != a.n_seen || sa.end > size ||
	    memcmp(&sa.last_seq, &sb.last_seq, sizeof(sa.last_seq)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct written w = { 0 };
	uint8_t *buf;
	size_t n;

	if (size == 0)
		return 0;
	if (data[0] % 2 == 0) {
		scan_twice(data + 1, size - 1, NULL);
		return 0;
	}

	buf = calloc(SLOTS, JOURNAL_SLOT);
	if (!buf)
		return 0;
	write_image(buf, &w);
	n = damage(buf, (size_t) SLOTS * JOURNAL_SLOT, data + 1, size - 1);
	scan_twice(buf, n, &w);
	free(buf);
	return 0;
}
