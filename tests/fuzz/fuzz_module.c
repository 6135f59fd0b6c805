/*
 * fuzz_module - memories of modules of any content into the decoders, and answers into the reader.
 *
 * The input is one byte that says which pages there are, then the pages, 128 bytes each, copied to
 * memory of their own so that a read past an end is seen; what is short is filled with zeros.  Each
 * number that is known has to be finite, and light not below the least.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/module/cmis.c"
#include "plugins/module/eeprom.c"
#include "plugins/module/sff8472.c"
#include "plugins/module/sff8636.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_limits(const struct limits *l)
{
	for (unsigned i = 0; i < LIMITS && l->known; i++)
		if (!isfinite(l->at[i]))
			abort();
}

static void check_text(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	if (n == size)
		abort();
	for (size_t i = 0; i < n; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			abort();
}

static void check_all(const struct module_info *m)
{
	check_text(m->vendor, sizeof(m->vendor));
	check_text(m->part, sizeof(m->part));
	check_text(m->serial, sizeof(m->serial));
	check_text(m->revision, sizeof(m->revision));
	if ((m->temperature_known && !isfinite(m->temperature)) ||
	    (m->voltage_known && !isfinite(m->voltage)) || (m->flags & ~m->flags_known))
		abort();
	check_limits(&m->temperature_limits);
	check_limits(&m->voltage_limits);
	check_limits(&m->rx_limits);
	check_limits(&m->tx_limits);
	check_limits(&m->bias_limits);
	for (unsigned k = 0; k < LANES_MAX; k++) {
		const struct optic *o = &m->lane[k];

		if ((o->rx_known && !(o->rx_dbm >= DBM_MIN && isfinite(o->rx_dbm))) ||
		    (o->tx_known && !(o->tx_dbm >= DBM_MIN && isfinite(o->tx_dbm))) ||
		    (o->bias_known && !isfinite(o->bias_ma)) || (o->flags & ~o->flags_known))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *page[6] = { NULL };
	struct module_info m;
	uint8_t has = size ? data[0] : 0;

	for (unsigned i = 0; i < 6; i++) {
		size_t at = 1 + i * (size_t) 128, n = at < size ? size - at : 0;

		if (!(has >> i & 1))
			continue;
		page[i] = calloc(1, 128);
		if (page[i] && n)
			memcpy(page[i], data + at, n < 128 ? n : 128);
	}
	module_decode(&(struct image){ page[0], page[1], page[2], page[3], page[4], page[5] }, &m);
	check_all(&m);
	for (unsigned i = 0; i < 6; i++)
		free(page[i]);
	return 0;
}
