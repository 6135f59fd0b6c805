/*
 * sweep - which sizes of packets pass?
 *
 * Design.  All sizes are asked at once, which takes as long as one; a search by halves would be a few
 * packets cheaper and many round trips slower.  A size passes with its first answer and fails when
 * ASKED in a row were lost while a small one was answered; one packet in three lost by chance is then
 * a mistake of 1 in 27, and a whole ladder of them in the right order is none.
 */
#include "sweep.h"

#define ASKED 4

static const uint16_t common[] = { 8942, 1492, 1480, 1476, 1450, 1440, 1420,
				   1400, 1380, 1350, 1300, 1280, 576 };
#define IPV6_LEAST 1280

unsigned sweep_sizes(uint32_t full, bool ipv6, struct rung ret[SIZES_MAX])
{
	unsigned n = 0;

	ret[n++] = (struct rung){ .size = full };
	for (unsigned i = 0; i < sizeof(common) / sizeof(*common) && n < SIZES_MAX - 1; i++)
		if (common[i] < full && (!ipv6 || common[i] >= IPV6_LEAST))
			ret[n++] = (struct rung){ .size = common[i] };
	ret[n++] = (struct rung){ .size = 0 };
	return n;
}

static bool passes(const struct rung *r)
{
	return r->sent > r->lost;
}

static bool fails(const struct rung *r)
{
	return r->sent >= ASKED && r->lost == r->sent;
}

enum verdict sweep_judge(const struct rung *r, unsigned n, uint32_t *ret_mtu)
{
	unsigned first = 0; /* that passes, from above */

	if (fails(&r[n - 1]))
		return SWEEP_NO_ANSWER;
	if (passes(&r[0]))
		return SWEEP_PASSES;
	for (unsigned i = 0; i < n; i++)
		if (!passes(&r[i]) && !fails(&r[i]))
			return SWEEP_OPEN;
	while (!passes(&r[first]))
		first++;
	for (unsigned i = first; i < n; i++)
		if (!passes(&r[i]))
			return SWEEP_MIXED;
	if (first == n - 1) /* the host answers small ones only: its own choice, perhaps */
		return SWEEP_MIXED;
	*ret_mtu = r[first].size;
	return SWEEP_HOLE;
}
