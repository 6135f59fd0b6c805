/* The slot codec: what goes in comes out, and damage stays where it is. */
#include "txn/slot.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct exec_step step[STEPS_MAX];

static struct journal_record record(uint32_t type, uint64_t tx, uint32_t n_steps)
{
	struct journal_record r = {
		.type = type,
		.tx = tx,
		.boot_us = 11,
		.wall_us = 12,
		.deadline_us = 13,
		.flags = GUARD_HOLD_ON_CRASH,
		.boot_id = "boot",
		.agent = "uplink",
		.rule = "uplink steers",
		.resource = "link wan0",
		.why = "because",
		.n_steps = n_steps,
		.step = step,
	};

	for (uint32_t i = 0; i < n_steps; i++) {
		step[i].action = i;
		step[i].flags = i % 2 ? STEP_SIDE : 0;
		step[i].get_len = 40 + i;
		step[i].undo_len = 80 + i;
		memset(step[i].get, 0x31 + (int) i, step[i].get_len);
		memset(step[i].undo, 0x51 + (int) i, step[i].undo_len);
		step[i].change.has_post = 1;
		step[i].change.post.type = ANOD_OBJ_ROUTE;
		step[i].change.post.u.route.metric = i;
	}
	return r;
}

struct seen {
	unsigned n;
	uint32_t type[64], n_steps[64];
	uint64_t tx[64];
	bool steps_equal;
};

static int see(void *data, const struct journal_record *r)
{
	struct seen *s = data;

	s->type[s->n] = r->type;
	s->tx[s->n] = r->tx;
	s->n_steps[s->n++] = r->n_steps;
	if (r->n_steps)
		s->steps_equal = memcmp(r->step, step, r->n_steps * sizeof(step[0])) == 0;
	return 0;
}

/* INTENT of 'n_steps' for tx 1, COMMIT for tx 2, DONE for tx 2.  Size in bytes. */
static size_t image(uint8_t *buf, uint32_t n_steps)
{
	struct journal_record r = record(JOURNAL_INTENT, 1, n_steps);
	uint32_t crc = 0;
	int n = slot_encode(&r, 1, 0, buf, &crc);

	cr_assert_eq(n, slot_count(&r));
	r = record(JOURNAL_COMMIT, 2, 0);
	cr_assert_eq(slot_encode(&r, 2, crc, buf + n * JOURNAL_SLOT, &crc), 1);
	r.type = JOURNAL_DONE;
	cr_assert_eq(slot_encode(&r, 3, crc, buf + (n + 1) * JOURNAL_SLOT, &crc), 1);
	return (size_t) (n + 2) * JOURNAL_SLOT;
}

Test(slot, a_record_comes_back_as_it_was)
{
	static uint8_t buf[(SLOT_PARTS_MAX + 8) * JOURNAL_SLOT];

	for (uint32_t n = 1; n <= STEPS_MAX; n++) {
		struct seen s = { 0 };
		struct slot_scan scan;
		size_t size;

		memset(buf, 0, sizeof(buf));
		size = image(buf, n);
		cr_assert_eq(slot_scan(buf, sizeof(buf), see, &s, &scan), 0);
		cr_assert_eq(s.n, 3);
		cr_assert_eq(s.type[0], JOURNAL_INTENT);
		cr_assert_eq(s.n_steps[0], n);
		cr_assert(s.steps_equal, "%u steps", n);
		cr_assert_eq(s.type[1], JOURNAL_COMMIT);
		cr_assert_eq(s.type[2], JOURNAL_DONE);
		cr_assert_eq(scan.n_bad, 0);
		cr_assert_eq(scan.n_gaps, 0);
		cr_assert_eq(scan.end, size);
		cr_assert_eq(scan.last_seq, 3);
	}
}

Test(slot, records_without_steps_take_one_slot_and_one_step_few)
{
	struct journal_record r = record(JOURNAL_COMMIT, 1, 0);

	cr_assert_eq(slot_count(&r), 1);
	r = record(JOURNAL_INTENT, 1, 1);
	cr_assert_leq(slot_count(&r), 8, "%d slots", slot_count(&r));
}

Test(slot, malformed_records_are_refused)
{
	uint8_t buf[JOURNAL_SLOT];
	struct journal_record r = record(JOURNAL_COMMIT, 1, 0);
	uint32_t crc;

	r.type = 7;
	cr_assert_eq(slot_count(&r), -EINVAL);
	cr_assert_eq(slot_encode(&r, 1, 0, buf, &crc), -EINVAL);
	r = record(JOURNAL_COMMIT, 0, 0);
	cr_assert_eq(slot_count(&r), -EINVAL);
	r = record(JOURNAL_INTENT, 1, 1);
	r.n_steps = STEPS_MAX + 1;
	cr_assert_eq(slot_count(&r), -EINVAL);
	r = record(JOURNAL_INTENT, 1, 1);
	step[0].undo_len = ANOD_NLMSG_MAX + 1;
	cr_assert_eq(slot_count(&r), -EINVAL);
}

Test(slot, every_flipped_byte_hides_its_record_and_no_other)
{
	static uint8_t buf[64 * JOURNAL_SLOT];
	size_t size, intent;

	size = image(buf, 2);
	intent = size - 2 * JOURNAL_SLOT;
	for (size_t at = 0; at < size; at++) {
		struct seen s = { 0 };
		struct slot_scan scan;

		buf[at] ^= 0x40;
		cr_assert_eq(slot_scan(buf, sizeof(buf), see, &s, &scan), 0);
		buf[at] ^= 0x40;
		cr_assert_eq(s.n, 2, "byte %zu", at);
		cr_assert_eq(scan.end, size);
		cr_assert_geq(scan.n_bad, 1);
		if (at < intent) /* tx 1 is hidden, tx 2 is all there */
			cr_assert(s.tx[0] == 2 && s.type[0] == JOURNAL_COMMIT &&
				  s.type[1] == JOURNAL_DONE);
		else
			cr_assert(s.type[0] == JOURNAL_INTENT && s.type[1] != s.type[0]);
	}
}

Test(slot, slots_of_two_writes_never_make_one_record)
{
	static uint8_t a[16 * JOURNAL_SLOT], b[16 * JOURNAL_SLOT];
	struct journal_record r = record(JOURNAL_INTENT, 1, 1);
	struct slot_scan scan;
	uint32_t crc;
	int n = slot_encode(&r, 5, 0, a, &crc);

	r.deadline_us++;
	cr_assert_eq(slot_encode(&r, 5, 0, b, &crc), n);
	/* Torn: the same number, the front of one and the end of the other. */
	for (int cut = 1; cut < n; cut++) {
		struct seen s = { 0 };
		uint8_t mix[16 * JOURNAL_SLOT] = { 0 };

		memcpy(mix, a, (size_t) cut * JOURNAL_SLOT);
		memcpy(mix + cut * JOURNAL_SLOT, b + cut * JOURNAL_SLOT,
		       (size_t) (n - cut) * JOURNAL_SLOT);
		cr_assert_eq(slot_scan(mix, sizeof(mix), see, &s, &scan), 0);
		cr_assert_eq(s.n, 0);
		cr_assert_eq(scan.n_bad, (uint64_t) n);
	}
}

Test(slot, a_record_inside_a_payload_is_not_found)
{
	static uint8_t buf[32 * JOURNAL_SLOT];
	struct journal_record evil = record(JOURNAL_COMMIT, 9, 0), r;
	uint8_t forged[JOURNAL_SLOT];
	struct seen s = { 0 };
	struct slot_scan scan;
	uint32_t crc;

	cr_assert_eq(slot_encode(&evil, 100, 0, forged, &crc), 1);
	r = record(JOURNAL_INTENT, 1, 1);
	step[0].undo_len = ANOD_NLMSG_MAX;
	/* At every offset of the payload once, with the true record's head destroyed. */
	for (size_t at = 0; at + JOURNAL_SLOT <= ANOD_NLMSG_MAX; at += 8) {
		memset(step[0].undo, 0, sizeof(step[0].undo));
		memcpy(step[0].undo + at, forged, JOURNAL_SLOT);
		memset(buf, 0, sizeof(buf));
		cr_assert_gt(slot_encode(&r, 1, 0, buf, &crc), 3);
		buf[0] ^= 1;
		cr_assert_eq(slot_scan(buf, sizeof(buf), see, &s, &scan), 0);
		cr_assert_eq(s.n, 0, "offset %zu", at);
	}
}

Test(slot, an_old_copy_of_a_record_counts_once)
{
	static uint8_t buf[64 * JOURNAL_SLOT];
	size_t size = image(buf, 1);
	struct seen s = { 0 };
	struct slot_scan scan;

	memcpy(buf + size, buf, size); /* all of it again */
	cr_assert_eq(slot_scan(buf, sizeof(buf), see, &s, &scan), 0);
	cr_assert_eq(s.n, 3);
}

static int stop(void *data, const struct journal_record *r)
{
	(void) r;
	++*(int *) data;
	return -ECANCELED;
}

Test(slot, the_caller_can_stop_a_scan_and_every_type_has_a_name)
{
	static uint8_t buf[64 * JOURNAL_SLOT];
	struct slot_scan scan;
	int n = 0;

	(void) image(buf, 1);
	cr_assert_eq(slot_scan(buf, sizeof(buf), stop, &n, &scan), -ECANCELED);
	cr_assert_eq(n, 1);

	for (int t = JOURNAL_INTENT; t <= JOURNAL_UNLOCKED; t++)
		cr_assert(journal_type_name(t) && !journal_type_terminal(t));
	for (int t = JOURNAL_DONE; t <= JOURNAL_CLOSED_BY_REBOOT; t++)
		cr_assert(journal_type_name(t) && journal_type_terminal(t));
	cr_assert_null(journal_type_name(7));
}
