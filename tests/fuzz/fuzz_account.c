/*
 * fuzz_account - any bytes as the account of an objective in the state folder.
 *
 * Holds: no crash; what is refused leaves an empty account; what is taken is written and read back
 * as itself, time can go on in it, and its sums are no longer than its clock.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "policy/objective.h"

#define PERIOD (UINT64_C(30) * 86400 * 1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct account a, b;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *o = cJSON_ParseWithLength((const char *) data, size), *again;
	struct account_sum s, t;

	account_init(&a, 0.999, PERIOD);
	if (!o || account_load(&a, o) < 0) {
		if (a.now_us || account_left(&a) != 1)
			abort();
		cJSON_Delete(o);
		return 0;
	}
	cJSON_Delete(o);
	account_total(&a, &s);
	if (s.ok + s.bad + s.unknown > PERIOD / 1000)
		abort();

	again = account_json(&a);
	account_init(&b, 0.999, PERIOD);
	if (account_load(&b, again) < 0)
		abort();
	cJSON_Delete(again);
	account_total(&b, &t);
	if (memcmp(&s, &t, sizeof(s)) != 0 || memcmp(a.day, b.day, sizeof(a.day)) != 0)
		abort();
	account_add(&a, 3600000000, ANOD_FALSE, 1790000000000000);
	account_add(&a, PERIOD * 2, ANOD_DOUBT, 1790000000000000);
	if (account_left(&a) != 1)
		abort();
	return 0;
}
