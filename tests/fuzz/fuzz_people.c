/*
 * fuzz_people - what stands in files about people, and what people type.
 *
 * Design.  One input is given to each of the three readers: a key file, a code, and the saved
 * overrides.  A key that is taken has a length that is allowed; a code that is taken is the code;
 * an override that is taken ends within a day, and what is saved of it can be read again.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/ocra.h"
#include "policy/config.h"
#include "policy/override.h"

#define NOW_US UINT64_C(1000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void try_key(const char *text, size_t size)
{
	_cleanup_(ocra_key_wipe) struct ocra_key k = { 0 };

	if (ocra_key_parse(text, size, &k) == 0)
		must(k.size >= OCRA_KEY_MIN && k.size <= OCRA_KEY_MAX);
}

static void try_code(const char *typed)
{
	char plain[10];
	size_t n = 0;

	if (!approval_code_is(typed, "7KQ2-91XF"))
		return;
	for (; *typed; typed++)
		if (*typed != '-' && *typed != ' ' && n < sizeof(plain) - 1)
			plain[n++] = *typed;
	plain[n] = '\0';
	must(n == 8 && strcasecmp(plain, "7KQ291XF") == 0 ? true
							  : strpbrk(plain, "OoIiLl") != NULL);
}

static unsigned count(const struct overrides *o)
{
	struct override_info i;
	unsigned n = 0;

	while (override_nth(o, n, NOW_US, &i)) {
		must(i.n_people > 0 && i.who[0] && i.until_us < NOW_US + OVERRIDE_MAX_US);
		n++;
	}
	return n;
}

static void try_overrides(const char *text, size_t size)
{
	const uint8_t nonce[APPROVAL_NONCE] = { 1 };
	_cleanup_(overrides_freep) struct overrides *o = overrides_new(nonce);
	_cleanup_(overrides_freep) struct overrides *again = overrides_new(nonce);
	cJSON *list = cJSON_ParseWithLength(text, size), *saved;

	must(o && again);
	if (overrides_load(o, list, NOW_US) == 0) {
		(void) count(o);
		saved = overrides_json(o, NOW_US);
		must(saved && overrides_load(again, saved, NOW_US) == 0);
		must((int) count(again) == cJSON_GetArraySize(saved));
		cJSON_Delete(saved);
	} else {
		must(count(o) == 0);
	}
	cJSON_Delete(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);

	must(text);
	memcpy(text, data, size);
	try_key(text, size);
	try_code(text);
	try_overrides(text, size);
	free(text);
	return 0;
}
