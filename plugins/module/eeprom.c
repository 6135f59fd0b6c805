/*
 * eeprom - the memory of a pluggable module: what the three standards have in common.
 *
 * Design.  Byte 0 says which map it is.  Text is the vendor's: it is cut, cleaned and shown as
 * coming from outside, never compared with anything.
 */
#include "eeprom.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const struct {
	uint8_t identifier, family;
	const char *type;
} types[] = {
	{ 0x02, FAMILY_NONE, "soldered" },    { 0x03, FAMILY_SFF8472, "SFP" },
	{ 0x0b, FAMILY_SFF8472, "DWDM-SFP" }, { 0x0c, FAMILY_SFF8636, "QSFP" },
	{ 0x0d, FAMILY_SFF8636, "QSFP+" },    { 0x11, FAMILY_SFF8636, "QSFP28" },
	{ 0x18, FAMILY_CMIS, "QSFP-DD" },     { 0x19, FAMILY_CMIS, "OSFP" },
	{ 0x1b, FAMILY_CMIS, "DSFP" },	      { 0x1e, FAMILY_CMIS, "QSFP-CMIS" },
	{ 0x1f, FAMILY_CMIS, "SFP-DD" },      { 0x20, FAMILY_CMIS, "SFP-CMIS" },
};

enum family module_family(uint8_t identifier)
{
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].identifier == identifier)
			return types[i].family;
	return FAMILY_NONE;
}

const char *module_type(uint8_t identifier)
{
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].identifier == identifier)
			return types[i].type;
	return NULL;
}

/* SFF-8472 byte 92: bit 6, it measures; bit 2, only after a change of address. */
bool module_has_a2(const uint8_t *lower)
{
	return (lower[92] & 0x40) && !(lower[92] & 0x04);
}

/* Byte 2: SFF-8636 bit 2, CMIS bit 7: the memory is flat. */
bool module_has_pages(const uint8_t *lower)
{
	switch (module_family(lower[0])) {
	case FAMILY_SFF8636:
		return !(lower[2] & 0x04);
	case FAMILY_CMIS:
		return !(lower[2] & 0x80);
	case FAMILY_NONE:
	case FAMILY_SFF8472:
		break;
	}
	return false;
}

double dbm(double mw)
{
	double v = mw > 0 ? 10 * log10(mw) : DBM_MIN;

	return v > DBM_MIN ? v : DBM_MIN;
}

void limits_set(struct limits *l, const uint8_t *p, double scale, bool is_signed)
{
	l->known = true;
	for (unsigned i = 0; i < LIMITS; i++)
		l->at[i] = scale * (is_signed ? (int16_t) be16(p + 2 * i) : be16(p + 2 * i));
}

void limits_set_power(struct limits *l, const uint8_t *p)
{
	l->known = true;
	for (unsigned i = 0; i < LIMITS; i++)
		l->at[i] = dbm(be16(p + 2 * i) * 1e-4);
}

void text_set(char *ret, const uint8_t *p, unsigned size)
{
	unsigned n = 0;

	for (unsigned i = 0; i < size; i++) {
		ret[i] = p[i] >= 0x20 && p[i] < 0x7f ? (char) p[i] : p[i] ? '?' : ' ';
		if (ret[i] != ' ')
			n = i + 1;
	}
	ret[n] = '\0';
}

void module_decode(const struct image *in, struct module_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (!in->lower)
		return;
	ret->family = module_family(in->lower[0]);
	ret->type = module_type(in->lower[0]);
	switch (ret->family) {
	case FAMILY_SFF8472:
		decode_sff8472(in, ret);
		break;
	case FAMILY_SFF8636:
		decode_sff8636(in, ret);
		break;
	case FAMILY_CMIS:
		decode_cmis(in, ret);
		break;
	case FAMILY_NONE:
		break;
	}
}
