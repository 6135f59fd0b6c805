#include "plugins/probe/flight.c"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define MS  1000ULL
#define NS  1000LL
#define T0  (1000 * 1000 * MS)
#define OFF 77000000000LL /* wall clock ahead of boot time, ns */

static struct flights s;

static struct flight *fly(uint64_t at_us)
{
	struct flight *f = flights_take(&s);

	cr_assert(f != NULL);
	f->sent_us = at_us;
	f->sent_wall = (int64_t) at_us * NS + OFF;
	f->wall_offset = OFF;
	return f;
}

static void reset(void)
{
	memset(&s, 0, sizeof(s));
	s.timeout_us = 1000 * MS;
}

/* Arrived in the kernel at one time, read at another. */
static struct arrival stamped(uint64_t at_us, uint64_t read_us)
{
	return (struct arrival){ read_us, OFF, (int64_t) at_us * NS + OFF, 0 };
}

static enum flight_state answer(struct flight *f, struct arrival a, uint32_t *rtt)
{
	return flight_answer(&s, f, &a, rtt);
}

Test(flight, an_answer_in_time_counts_however_late_it_is_read)
{
	uint32_t rtt = 0;
	struct flight *f;

	reset();
	f = fly(T0);
	cr_expect(eq(int, answer(f, stamped(T0 + 30 * MS, T0 + 9000 * MS), &rtt), FLIGHT_ANSWERED));
	cr_expect(eq(u32, rtt, 30000), "our lateness is not in the round trip");
	cr_expect(eq(int, answer(f, stamped(T0 + 40 * MS, T0 + 9000 * MS), &rtt), FLIGHT_FREE),
		  "a duplicate");
	cr_expect(eq(u32, rtt, 30000));

	/* After the timeout by the kernel's stamp: lost, whether read before or after judging. */
	f = fly(T0);
	cr_expect(eq(int, answer(f, stamped(T0 + 1001 * MS, T0 + 1001 * MS), &rtt), FLIGHT_LOST));
	f = fly(T0);
	cr_expect(eq(int, flight_expire(&s, f, T0 + 1000 * MS), FLIGHT_LOST));
	cr_expect(
		eq(int, answer(f, stamped(T0 + 1500 * MS, T0 + 1500 * MS), &rtt), FLIGHT_OVERDUE));
	cr_expect(eq(int, answer(f, stamped(T0 + 1500 * MS, T0 + 1500 * MS), &rtt), FLIGHT_FREE));
}

Test(flight, own_lateness_is_void_and_never_lost)
{
	uint32_t rtt;
	struct flight *f;

	reset();
	cr_expect(eq(int, flight_expire(&s, fly(T0), T0 + 1199 * MS), FLIGHT_LOST));
	cr_expect(eq(int, flight_expire(&s, fly(T0), T0 + 1201 * MS), FLIGHT_VOID));
	f = fly(T0);
	f->doubtful = true;
	cr_expect(eq(int, flight_expire(&s, f, T0 + 1000 * MS), FLIGHT_VOID));

	/* Without a stamp the time of reading is all there is. */
	f = fly(T0);
	cr_expect(eq(int, answer(f, (struct arrival){ T0 + 1150 * MS, OFF, 0, 0 }, &rtt),
		     FLIGHT_LOST));
	f = fly(T0);
	cr_expect(eq(int, answer(f, (struct arrival){ T0 + 1300 * MS, OFF, 0, 0 }, &rtt),
		     FLIGHT_VOID));
	f = fly(T0);
	cr_expect(eq(int, answer(f, (struct arrival){ T0 + 900 * MS, OFF, 0, 0 }, &rtt),
		     FLIGHT_ANSWERED));
	f = fly(T0); /* the kernel measured it (TCP) */
	cr_expect(eq(int, answer(f, (struct arrival){ T0 + 5000 * MS, OFF, 0, 120 }, &rtt),
		     FLIGHT_ANSWERED));
	cr_expect(eq(u32, rtt, 120));
}

Test(flight, a_step_of_the_wall_clock_is_not_a_round_trip)
{
	uint32_t rtt = 0;
	struct flight *f;
	struct arrival a;

	reset();
	f = fly(T0);
	a = stamped(T0 + 10 * MS, T0 + 12 * MS);
	a.stamp_wall += 3600 * 1000000000LL; /* set forward by an hour meanwhile */
	a.read_wall_offset += 3600 * 1000000000LL;
	cr_expect(eq(int, answer(f, a, &rtt), FLIGHT_ANSWERED));
	cr_expect(eq(u32, rtt, 12000), "bounded by the time of reading");
	f = fly(T0);
	a = stamped(T0 - 5 * MS, T0 + 1 * MS);
	cr_expect(eq(int, answer(f, a, &rtt), FLIGHT_ANSWERED));
	cr_expect(eq(u32, rtt, 0));
}

Test(flight, dropped_packets_leave_doubt)
{
	reset();
	for (int i = 0; i < 5; i++)
		(void) fly(T0);
	flights_doubt(&s);
	for (int i = 0; i < 5; i++) {
		struct flight *f = flights_due(&s, T0 + 1000 * MS);

		cr_assert(f != NULL);
		cr_expect(eq(int, flight_expire(&s, f, T0 + 1000 * MS), FLIGHT_VOID));
	}
	cr_expect(eq(ptr, flights_due(&s, T0 + 1000 * MS), NULL));
}

Test(flight, deadlines_come_in_order_and_the_ring_has_an_end)
{
	uint32_t rtt;

	reset();
	cr_expect(eq(u64, flights_deadline(&s), UINT64_MAX));
	for (uint64_t i = 0; i < FLIGHTS_MAX; i++)
		(void) fly(T0 + i);
	cr_expect(eq(ptr, flights_take(&s), NULL), "all are on their way");
	cr_expect(eq(ptr, flights_due(&s, T0 + 999 * MS), NULL));
	cr_expect(eq(u64, flights_deadline(&s), T0 + 1000 * MS));

	/* The oldest is answered: the next one is due next, and a slot is free. */
	(void) answer(flights_find(&s, 0), stamped(T0 + 1, T0 + 1), &rtt);
	cr_expect(eq(u64, flights_deadline(&s), T0 + 1 + 1000 * MS));
	(void) fly(T0 + 5000);
	cr_expect(eq(ptr, flights_find(&s, 0), NULL), "forgotten");
	cr_expect(eq(ptr, flights_find(&s, FLIGHTS_MAX + 1), NULL), "not sent yet");
	cr_expect(flights_find(&s, FLIGHTS_MAX) != NULL);
}
