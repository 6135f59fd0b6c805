/*
 * twin - the model beside the kernel, in a network namespace of its own.
 *
 * Prints one line at the end; the exit status is 1 when there was a difference, 2 when the test
 * could not be made, 77 when no namespace is to be had.
 */
#include "twin.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CASES_PER_WORLD 12
#define LOOKUPS		24 /* before and after each change */
#define SHOWN_MAX	3

static uint64_t state;

void seed_set(uint64_t seed)
{
	state = seed;
}

/* splitmix64 */
uint32_t roll(uint32_t n)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t) ((z ^ z >> 31) % n);
}

bool chance(uint32_t percent)
{
	return roll(100) < percent;
}

static bool compare_all(const struct overlay *o, const struct model *m, const struct flow_key *flow,
			const char *when, uint64_t seed, struct tally *t)
{
	bool fine = true;

	for (unsigned i = 0; i < LOOKUPS && fine; i++)
		fine = compare(o, &flow[i], when, t);
	if (!fine && t->differences <= SHOWN_MAX) {
		printf("  after  %s\n  seed %llu, case %lu; before the change:\n",
		       act_text[0] ? act_text : "nothing", (unsigned long long) seed, t->cases);
		show_model(m);
	}
	return fine;
}

/* One configuration as it is read back, and one change. */
static void one_case(uint64_t seed, struct tally *t)
{
	static struct anod_object routes[OBJECTS_MAX];
	_cleanup_(model_freep) struct model *m = net_model();
	_cleanup_(overlay_freep) struct overlay *o = overlay_new(m);
	unsigned n = net_dump(ANOD_OBJ_ROUTE, routes, OBJECTS_MAX);
	struct flow_key flow[LOOKUPS];

	if (!o)
		die("no memory");
	act_text[0] = '\0';
	for (unsigned i = 0; i < LOOKUPS; i++)
		flow[i] = world_flow(routes, n);
	if (!compare_all(o, m, flow, "as it is", seed, t))
		return;
	if (!act_random(o)) {
		t->refused++;
		return;
	}
	(void) compare_all(o, m, flow, "after the change", seed, t);
	t->cases++;
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t) time(NULL);
	struct timespec begin, end;
	struct tally t = { 0 };

	if (unshare(CLONE_NEWNET) < 0) {
		(void) fprintf(stderr, "twin: no network namespace: %s\n", strerror(errno));
		return 77;
	}
	(void) clock_gettime(CLOCK_MONOTONIC, &begin);
	seed_set(seed);
	net_open();
	world_links();
	while (t.cases < n && t.differences < SHOWN_MAX) {
		world_fresh();
		world_populate(10 + roll(25), roll(7));
		for (unsigned i = 0;
		     i < CASES_PER_WORLD && t.cases < n && t.differences < SHOWN_MAX; i++)
			one_case(seed, &t);
	}
	(void) clock_gettime(CLOCK_MONOTONIC, &end);
	printf("twin: seed %llu, %lu cases (%lu changes refused by the kernel), %lu look-ups: "
	       "%lu forwarded, %lu local, %lu dropped; %lu in doubt (%.2f %%), %lu differences, "
	       "%.1f s%s%s\n",
	       (unsigned long long) seed, t.cases, t.refused, t.lookups, t.forwarded, t.local,
	       t.dropped, t.doubts,
	       100.0 * (double) t.doubts / (double) (t.lookups ? t.lookups : 1), t.differences,
	       (double) (end.tv_sec - begin.tv_sec) + (double) (end.tv_nsec - begin.tv_nsec) / 1e9,
	       world_has_vrf ? "" : "; no VRF in this kernel",
	       world_has_mpls ? "" : "; no MPLS in this kernel");
	return t.differences ? 1 : 0;
}
