/*
 * cmis - QSFP-DD, OSFP, SFP-DD and others: OIF-CMIS-05.2.
 *
 * Design.  Page 01h says what is implemented and the scale of the bias current, 02h has the
 * thresholds, 11h flags and measurements of the eight lanes of bank 0.  Flags of 11h, and those of
 * lower memory, are cleared by reading them: whoever reads a page has to keep what it said.
 */
#include "eeprom.h"

#include <stddef.h>

static const char *const states[] = {
	NULL, "low-power", "powering-up", "ready", "powering-down", "fault",
};

/* Byte 9: temperature in bits 3-0 and voltage in 7-4, each from bit 0: high alarm, low alarm, high
 * warning, low warning - the order of enum limit. */
static void module_flags(const uint8_t *l, struct module_info *m)
{
	m->flags = MODULE_TEMPERATURE * (l[9] & 15u) | MODULE_VOLTAGE * (l[9] >> 4 & 15u);
	m->flags_known = MODULE_ALARMS | MODULE_WARNINGS;
}

/* 'of' bytes 157 and 158 of page 01h: which flags there are. */
static void lane_flags(const uint8_t *p, const uint8_t *page1, unsigned k, struct optic *o)
{
	static const struct {
		uint8_t at, byte, bit;
		uint32_t flag;
	} flags[] = {
		{ 135, 157, 0, LANE_TX_FAULT }, { 136, 157, 1, LANE_TX_LOS },
		{ 137, 157, 2, LANE_TX_LOL },	{ 147, 158, 1, LANE_RX_LOS },
		{ 148, 158, 2, LANE_RX_LOL },
	};
	static const struct {
		uint8_t at, bit;
		uint32_t flag;
	} limits[] = {
		{ 139, 1, LANE_TX },
		{ 143, 0, LANE_BIAS },
		{ 149, 2, LANE_RX },
	};

	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!(page1[flags[i].byte - 128] >> flags[i].bit & 1))
			continue;
		o->flags_known |= flags[i].flag;
		o->flags |= p[flags[i].at - 128] >> k & 1 ? flags[i].flag : 0;
	}
	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (!(page1[160 - 128] >> limits[i].bit & 1))
			continue;
		o->flags_known |= limits[i].flag * 15u;
		for (unsigned n = 0; n < LIMITS; n++)
			if (p[limits[i].at - 128 + n] >> k & 1)
				o->flags |= limits[i].flag << n;
	}
}

static void lane(const struct image *in, unsigned k, double bias_scale, struct optic *o)
{
	const uint8_t *p = in->lanes, *page1 = in->page1;
	uint8_t has = page1[160 - 128];

	lane_flags(p, page1, k, o);
	o->bias_known = has & 1;
	o->tx_known = has & 2;
	o->rx_known = has & 4;
	o->tx_dbm = dbm(be16(p + 154 - 128 + 2 * k) * 1e-4);
	o->bias_ma = be16(p + 170 - 128 + 2 * k) * bias_scale;
	o->rx_dbm = dbm(be16(p + 186 - 128 + 2 * k) * 1e-4);
}

static void thresholds(const struct image *in, double bias_scale, struct module_info *m)
{
	const uint8_t *t = in->limits;
	uint8_t has = in->page1[160 - 128];

	limits_set(&m->temperature_limits, t, 1 / 256.0, true);
	limits_set(&m->voltage_limits, t + 136 - 128, 1e-4, false);
	if (has & 2)
		limits_set_power(&m->tx_limits, t + 176 - 128);
	if (has & 1)
		limits_set(&m->bias_limits, t + 184 - 128, bias_scale, false);
	if (has & 4)
		limits_set_power(&m->rx_limits, t + 192 - 128);
}

void decode_cmis(const struct image *in, struct module_info *m)
{
	const uint8_t *l = in->lower, *p = in->page0;
	unsigned state = l[3] >> 1 & 7;
	double bias_scale;

	m->state = state < sizeof(states) / sizeof(states[0]) ? states[state] : NULL;
	if (p) {
		m->has_text = true;
		text_set(m->vendor, p + 129 - 128, 16);
		text_set(m->part, p + 148 - 128, 16);
		text_set(m->revision, p + 164 - 128, 2);
		text_set(m->serial, p + 166 - 128, 16);
		/* Byte 210: media lanes that are not there. */
		for (unsigned k = 0; k < LANES_MAX; k++)
			m->lane[k].present = !(p[210 - 128] >> k & 1);
	}
	/* Without pages nothing but the identity is sure (a passive cable). */
	if (!module_has_pages(l) || !in->page1)
		return;
	if (in->page1[159 - 128] & 1) {
		m->temperature_known = true;
		m->temperature = (int16_t) be16(l + 14) / 256.0;
	}
	if (in->page1[159 - 128] & 2) {
		m->voltage_known = true;
		m->voltage = be16(l + 16) * 1e-4;
	}
	module_flags(l, m);
	/* Byte 160 bits 4-3: bias current in 2, 4 or 8 uA. */
	bias_scale = 2e-3 * (1u << (in->page1[160 - 128] >> 3 & 3));
	if (in->limits)
		thresholds(in, bias_scale, m);
	for (unsigned k = 0; in->lanes && k < LANES_MAX; k++)
		if (m->lane[k].present)
			lane(in, k, bias_scale, &m->lane[k]);
}
