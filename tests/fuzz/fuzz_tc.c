/*
 * fuzz_tc - kernel messages of any shape into the reader of queueing disciplines.
 *
 * What comes out has to be whole: a kind that ends, tins within the array, a share of the limit
 * and times that are not negative.
 */
#include "plugins/tc/cake.c"
#include "plugins/tc/facts.c"
#include "plugins/tc/qdisc.c"

#include "fuzz/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct facts_last last;
static uint64_t now_us;

static void check(const struct qdisc *q)
{
	int64_t raw[FACTS_NUMBERS];
	uint64_t known = facts_fill(q, &last, now_us += 1000 + q->ifindex, raw);

	if (known >> FACTS_NUMBERS || strnlen(q->kind, sizeof(q->kind)) == sizeof(q->kind))
		abort();
	for (unsigned i = 0; i < FACTS_NUMBERS; i++)
		if (raw[i] < 0)
			abort();
}

static void take(const struct nlmsghdr *m)
{
	struct qdisc q, tin;

	if (qdisc_parse(m, &q) <= 0)
		return;
	if (q.n_tins > QDISC_TINS_MAX)
		abort();
	check(&q);
	for (unsigned i = 0; i < q.n_tins; i++) {
		facts_tin(&q, i, &tin);
		check(&tin);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&last, 0, sizeof(last));
	now_us = 1;
	fuzz_messages(data, size, take);
	return 0;
}
