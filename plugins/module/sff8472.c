/*
 * sff8472 - SFP, SFP+ and SFP28: SFF-8472 revision 12.4.
 *
 * Design.  A0h is the identity, A2h the measurements.  With external calibration (A0h byte 92 bit
 * 4) the module gives what its converter read, and A2h 56 to 91 the constants that make numbers of
 * it; alarm and warning thresholds are such readings as well (section 9.3), so they go the same way.
 */
#include "eeprom.h"

#include <math.h>
#include <string.h>

struct calibration {
	bool external;
	double rx[5];		    /* Rx_PWR(0) to (4) */
	double slope[4], offset[4]; /* bias, tx power, temperature, voltage */
};
enum { BIAS, POWER, TEMPERATURE, VOLTAGE };

static double be_float(const uint8_t *p)
{
	uint32_t bits = (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
	float f;

	memcpy(&f, &bits, sizeof(f));
	return isfinite(f) ? (double) f : 0;
}

static void calibration_read(const struct image *in, struct calibration *c)
{
	c->external = in->lower[92] & 0x10;
	if (!c->external)
		return;
	for (unsigned i = 0; i < 5; i++)
		c->rx[i] = be_float(in->a2 + 72 - 4 * i);
	for (unsigned i = 0; i < 4; i++) {
		c->slope[i] = be16(in->a2 + 76 + 4 * i) / 256.0;
		c->offset[i] = (int16_t) be16(in->a2 + 78 + 4 * i);
	}
}

/* What the converter read, in the unit of the last bit. */
static double reading(const struct calibration *c, unsigned what, double ad)
{
	return c->external ? c->slope[what] * ad + c->offset[what] : ad;
}

static double celsius(const struct calibration *c, const uint8_t *p)
{
	return reading(c, TEMPERATURE, (int16_t) be16(p)) / 256;
}

static double volts(const struct calibration *c, const uint8_t *p)
{
	return reading(c, VOLTAGE, be16(p)) * 1e-4;
}

static double bias(const struct calibration *c, const uint8_t *p)
{
	return reading(c, BIAS, be16(p)) * 2e-3;
}

static double tx(const struct calibration *c, const uint8_t *p)
{
	return dbm(reading(c, POWER, be16(p)) * 1e-4);
}

static double rx(const struct calibration *c, const uint8_t *p)
{
	double ad = be16(p), sum = 0;

	if (!c->external)
		return dbm(ad * 1e-4);
	for (unsigned i = 5; i-- > 0;)
		sum = sum * ad + c->rx[i];
	return dbm(isfinite(sum) ? sum * 1e-4 : 0);
}

typedef double convert_fn(const struct calibration *c, const uint8_t *p);

static void limits_read(struct limits *l, const struct calibration *c, const uint8_t *p,
			convert_fn *convert)
{
	l->known = true;
	for (unsigned i = 0; i < LIMITS; i++)
		l->at[i] = convert(c, p + 2 * i);
}

/* Bits of high and low, in pairs from bit 7 on: alarms in 'a', warnings in 'w'. */
static uint32_t pair_flags(const uint8_t *alarm, const uint8_t *warning, unsigned high)
{
	uint32_t a = *alarm >> (high - 1) & 3, w = *warning >> (high - 1) & 3;

	return (a >> 1) << HIGH_ALARM | (a & 1) << LOW_ALARM | (w >> 1) << HIGH_WARNING |
	       (w & 1) << LOW_WARNING;
}

static void flags_read(const struct image *in, struct module_info *m)
{
	const uint8_t *a = in->a2 + 112, *w = in->a2 + 116;
	struct optic *o = &m->lane[0];

	/* Byte 93: alarms and warnings, TX_FAULT and RX_LOS are optional. */
	if (in->lower[93] & 0x80) {
		m->flags = MODULE_TEMPERATURE * pair_flags(a, w, 7) |
			   MODULE_VOLTAGE * pair_flags(a, w, 5);
		m->flags_known = MODULE_ALARMS | MODULE_WARNINGS;
		o->flags = LANE_BIAS * pair_flags(a, w, 3) | LANE_TX * pair_flags(a, w, 1) |
			   LANE_RX * pair_flags(a + 1, w + 1, 7);
		o->flags_known = LANE_ALARMS | LANE_WARNINGS;
	}
	if (in->lower[93] & 0x20) {
		o->flags |= in->a2[110] & 0x04 ? LANE_TX_FAULT : 0;
		o->flags_known |= LANE_TX_FAULT;
	}
	if (in->lower[93] & 0x10) {
		o->flags |= in->a2[110] & 0x02 ? LANE_RX_LOS : 0;
		o->flags_known |= LANE_RX_LOS;
	}
}

void decode_sff8472(const struct image *in, struct module_info *m)
{
	struct calibration c = { 0 };
	struct optic *o = &m->lane[0];

	m->has_text = true;
	text_set(m->vendor, in->lower + 20, 16);
	text_set(m->part, in->lower + 40, 16);
	text_set(m->revision, in->lower + 56, 4);
	text_set(m->serial, in->lower + 68, 16);
	o->present = true;
	/* Neither calibrated inside nor outside: there are no numbers. */
	if (!module_has_a2(in->lower) || !(in->lower[92] & 0x30) || !in->a2)
		return;

	calibration_read(in, &c);
	limits_read(&m->temperature_limits, &c, in->a2, celsius);
	limits_read(&m->voltage_limits, &c, in->a2 + 8, volts);
	limits_read(&m->bias_limits, &c, in->a2 + 16, bias);
	limits_read(&m->tx_limits, &c, in->a2 + 24, tx);
	limits_read(&m->rx_limits, &c, in->a2 + 32, rx);
	if (in->a2[110] & 0x01) /* Data_Ready_Bar: it has just got power */
		return;
	m->temperature_known = m->voltage_known = true;
	m->temperature = celsius(&c, in->a2 + 96);
	m->voltage = volts(&c, in->a2 + 98);
	o->bias_known = o->tx_known = o->rx_known = true;
	o->bias_ma = bias(&c, in->a2 + 100);
	o->tx_dbm = tx(&c, in->a2 + 102);
	o->rx_dbm = rx(&c, in->a2 + 104);
	flags_read(in, m);
}
