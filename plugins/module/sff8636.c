/*
 * sff8636 - QSFP, QSFP+ and QSFP28: SFF-8636 revision 2.11.
 *
 * Design.  Lower memory has the flags (bytes 3 to 14, latched until they are read) and the
 * measurements, page 00h the identity, page 03h the thresholds.  A copper cable has neither light
 * nor lasers: its measurements are zeros, which are no measurements.
 */
#include "eeprom.h"

#define QSFP_LANES 4

/* Four bits of high and low alarm and warning, as bits of enum limit. */
static uint32_t nibble_flags(unsigned nibble)
{
	return (nibble >> 3 & 1) << HIGH_ALARM | (nibble >> 2 & 1) << LOW_ALARM |
	       (nibble >> 1 & 1) << HIGH_WARNING | (nibble & 1) << LOW_WARNING;
}

/* Of lane k, from two bytes with two lanes each, the first in the high half. */
static uint32_t of_lane(const uint8_t *p, unsigned k)
{
	return nibble_flags(p[k / 2] >> (k & 1 ? 0 : 4) & 15);
}

static void qsfp_flags(const uint8_t *l, unsigned k, struct optic *o)
{
	o->flags = LANE_RX * of_lane(l + 9, k) | LANE_BIAS * of_lane(l + 11, k) |
		   LANE_TX * of_lane(l + 13, k);
	o->flags |= l[3] >> k & 1 ? LANE_RX_LOS : 0;
	o->flags |= l[3] >> (k + 4) & 1 ? LANE_TX_LOS : 0;
	o->flags |= l[4] >> k & 1 ? LANE_TX_FAULT : 0;
	o->flags |= l[5] >> k & 1 ? LANE_RX_LOL : 0;
	o->flags |= l[5] >> (k + 4) & 1 ? LANE_TX_LOL : 0;
	o->flags_known = LANE_ALARMS | LANE_WARNINGS | LANE_RX_LOS | LANE_TX_LOS | LANE_TX_FAULT |
			 LANE_RX_LOL | LANE_TX_LOL;
}

static void qsfp_identity(const uint8_t *p, struct module_info *m)
{
	m->has_text = true;
	text_set(m->vendor, p + 148 - 128, 16);
	text_set(m->part, p + 168 - 128, 16);
	text_set(m->revision, p + 184 - 128, 2);
	text_set(m->serial, p + 196 - 128, 16);
}

/* Transmitter technology, byte 147 bits 7-4: from 1010b on it is copper. */
static bool optical(const struct image *in)
{
	return in->page0 && in->page0[147 - 128] >> 4 < 10;
}

void decode_sff8636(const struct image *in, struct module_info *m)
{
	const uint8_t *l = in->lower, *t = in->limits;
	bool light = optical(in);

	if (in->page0)
		qsfp_identity(in->page0, m);
	if (l[2] & 0x01) /* Data_Not_Ready */
		return;
	m->temperature_known = be16(l + 22) != 0;
	m->temperature = (int16_t) be16(l + 22) / 256.0;
	m->voltage_known = be16(l + 26) != 0;
	m->voltage = be16(l + 26) * 1e-4;
	m->flags = MODULE_TEMPERATURE * nibble_flags(l[6] >> 4) |
		   MODULE_VOLTAGE * nibble_flags(l[7] >> 4);
	m->flags_known = MODULE_ALARMS | MODULE_WARNINGS;
	for (unsigned k = 0; k < QSFP_LANES; k++) {
		struct optic *o = &m->lane[k];

		o->present = true;
		qsfp_flags(l, k, o);
		o->rx_known = o->bias_known = light;
		o->rx_dbm = dbm(be16(l + 34 + 2 * k) * 1e-4);
		o->bias_ma = be16(l + 42 + 2 * k) * 2e-3;
		o->tx_known = light && (in->page0[220 - 128] & 0x04);
		o->tx_dbm = dbm(be16(l + 50 + 2 * k) * 1e-4);
	}
	if (!t || !module_has_pages(l))
		return;
	limits_set(&m->temperature_limits, t, 1 / 256.0, true);
	limits_set(&m->voltage_limits, t + 144 - 128, 1e-4, false);
	if (!light)
		return;
	limits_set_power(&m->rx_limits, t + 176 - 128);
	limits_set(&m->bias_limits, t + 184 - 128, 2e-3, false);
	limits_set_power(&m->tx_limits, t + 192 - 128);
}
