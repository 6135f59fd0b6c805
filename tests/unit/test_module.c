/* Memories of pluggable modules: what the decoders make of them (plugins/module). */
#include <criterion/criterion.h>
#include <math.h>

#include "plugins/module/cmis.c"
#include "plugins/module/eeprom.c"
#include "plugins/module/port.c"
#include "plugins/module/sff8472.c"
#include "plugins/module/sff8636.c"
#include "unit/module_images.h"

static uint8_t lower[128], page0[128], page1[128], limits_page[128], lanes[128], a2[128];

static void near_(double is, double wanted, double by, const char *what)
{
	cr_assert(fabs(is - wanted) <= by, "%s is %g, not %g", what, is, wanted);
}

Test(module, an_sfp_says_what_its_data_sheet_says)
{
	struct image in = { .lower = lower, .a2 = a2 };
	struct module_info m;

	image_sfp(lower, a2);
	module_decode(&in, &m);
	cr_assert_str_eq(m.type, "SFP");
	cr_assert_str_eq(m.vendor, "EXAMPLE OPTICS");
	cr_assert_str_eq(m.part, "EX-10G-SR");
	cr_assert_str_eq(m.serial, "EX0123456789");
	cr_assert_str_eq(m.revision, "A1");
	cr_assert(m.temperature_known && m.voltage_known && m.lane[0].present &&
		  !m.lane[1].present);
	near_(m.temperature, 34.5, 0.01, "temperature");
	near_(m.voltage, 3.3, 1e-4, "voltage");
	near_(m.lane[0].bias_ma, 6.5, 1e-3, "bias");
	near_(m.lane[0].tx_dbm, -2.2, 0.01, "tx power");
	near_(m.lane[0].rx_dbm, -3.0, 0.01, "rx power");
	near_(m.temperature_limits.at[LOW_ALARM], -5, 0.01, "low alarm of temperature");
	near_(m.bias_limits.at[LOW_WARNING], 2.5, 1e-3, "low warning of bias");
	near_(m.rx_limits.at[LOW_ALARM], -20, 0.01, "low alarm of rx power");
	cr_assert_eq(m.flags, 0);
	cr_assert_eq(m.lane[0].flags, 0);

	a2[112] = 0x80; /* temperature high alarm */
	a2[113] = 0x40; /* rx power low alarm */
	a2[116] = 0x01; /* tx power low warning */
	a2[110] = 0x06; /* fault and loss of signal */
	module_decode(&in, &m);
	cr_assert_eq(m.flags, MODULE_TEMPERATURE << HIGH_ALARM);
	cr_assert_eq(m.lane[0].flags, (LANE_RX << LOW_ALARM) | (LANE_TX << LOW_WARNING) |
					      LANE_TX_FAULT | LANE_RX_LOS);
}

Test(module, external_calibration_gives_the_same_light)
{
	struct image in = { .lower = lower, .a2 = a2 };
	struct module_info m;

	image_sfp_external(lower, a2);
	module_decode(&in, &m);
	near_(m.temperature, 34, 0.01, "temperature");
	near_(m.voltage, 3.3, 1e-3, "voltage");
	near_(m.lane[0].bias_ma, 6.5, 1e-3, "bias");
	near_(m.lane[0].tx_dbm, -2.2, 0.01, "tx power");
	near_(m.lane[0].rx_dbm, -3.0, 0.01, "rx power");
	/* 0xfb00 raw is -5 C; 2 x -5 - 1 */
	near_(m.temperature_limits.at[LOW_ALARM], -11, 0.01, "low alarm of temperature");
	near_(m.rx_limits.at[HIGH_ALARM], dbm((0.5 * 10000 + 12) * 1e-4), 0.01, "rx high alarm");

	memset(a2 + 56, 0xff, 20); /* constants that are no numbers */
	module_decode(&in, &m);
	cr_assert(isfinite(m.lane[0].rx_dbm) && m.lane[0].rx_dbm >= DBM_MIN);
}

Test(module, an_sfp_without_diagnostics_has_an_identity_only)
{
	struct image in = { .lower = lower, .a2 = a2 };
	struct module_info m;

	image_sfp(lower, a2);
	lower[92] = 0;
	module_decode(&in, &m);
	cr_assert(m.has_text && !m.temperature_known && !m.lane[0].rx_known && !m.flags_known);
	lower[92] = 0x6c; /* it would need a change of address */
	cr_assert(!module_has_a2(lower));
	lower[92] = 0x68;
	a2[110] = 0x01; /* not ready yet */
	module_decode(&in, &m);
	cr_assert(!m.temperature_known && m.temperature_limits.known);
	in.a2 = NULL;
	module_decode(&in, &m);
	cr_assert(m.has_text && !m.temperature_limits.known);
}

Test(module, a_qsfp28_of_the_field_reads_as_its_vendor_prints_it)
{
	struct image in = { .lower = lower, .page0 = page0, .limits = limits_page };
	struct module_info m;

	image_qsfp28(lower, page0, limits_page);
	module_decode(&in, &m);
	cr_assert_str_eq(m.type, "QSFP28");
	near_(m.temperature, 19.52, 0.01, "temperature");
	near_(m.voltage, 3.2979, 1e-4, "voltage");
	near_(m.lane[0].rx_dbm, 1.14, 0.01, "rx 1");
	near_(m.lane[3].rx_dbm, 0.827, 0.01, "rx 4");
	near_(m.lane[1].bias_ma, 7.998, 1e-3, "bias 2");
	near_(m.lane[0].tx_dbm, DBM_MIN, 0.01, "tx 1");
	near_(m.lane[1].tx_dbm, 1.41, 0.01, "tx 2");
	cr_assert_eq(m.lane[0].flags, LANE_TX_FAULT | (LANE_TX << LOW_ALARM));
	cr_assert_eq(m.lane[1].flags,
		     LANE_RX_LOS | (LANE_RX << LOW_ALARM) | (LANE_RX << LOW_WARNING));
	cr_assert_eq(m.lane[3].flags, LANE_TX_LOL);
	cr_assert_eq(m.flags, MODULE_TEMPERATURE << HIGH_WARNING);
	near_(m.rx_limits.at[LOW_ALARM], -13.3, 0.01, "rx low alarm");
	near_(m.bias_limits.at[HIGH_WARNING], 9, 0.01, "bias high warning");
	cr_assert(!m.lane[4].present);

	page0[147 - 128] = 0xa0; /* a copper cable has no light */
	module_decode(&in, &m);
	cr_assert(!m.lane[0].rx_known && !m.lane[0].bias_known && !m.rx_limits.known);
	lower[2] = 0x05; /* flat, and not ready */
	module_decode(&in, &m);
	cr_assert(!m.temperature_known && !m.temperature_limits.known && m.has_text);
}

Test(module, cmis_lanes_have_their_own_flags_and_light)
{
	struct image in = { lower, page0, page1, limits_page, lanes, NULL };
	struct module_info m;

	image_cmis(lower, page0, page1, limits_page, lanes);
	module_decode(&in, &m);
	cr_assert_str_eq(m.type, "QSFP-DD");
	cr_assert_str_eq(m.state, "ready");
	cr_assert_str_eq(m.serial, "EX5555000001");
	near_(m.temperature, 58.5, 0.01, "temperature");
	cr_assert_eq(m.flags, MODULE_TEMPERATURE << HIGH_WARNING);
	near_(m.lane[0].tx_dbm, 1, 0.01, "tx 1");
	near_(m.lane[0].bias_ma, 60, 1e-3, "bias 1");
	near_(m.lane[2].rx_dbm, DBM_MIN, 0.01, "rx 3");
	near_(m.bias_limits.at[HIGH_ALARM], 120, 0.01, "bias high alarm");
	cr_assert_eq(m.lane[2].flags, LANE_RX_LOS | LANE_RX_LOL | (LANE_RX << LOW_ALARM));
	cr_assert_eq(m.lane[3].flags, LANE_BIAS << HIGH_ALARM);
	cr_assert(m.lane[3].present && !m.lane[4].present);
	cr_assert_eq(m.lane[0].flags, 0);

	page1[160 - 128] = 0; /* it measures nothing of its lanes */
	page1[157 - 128] = page1[158 - 128] = 0;
	module_decode(&in, &m);
	cr_assert(!m.lane[0].rx_known && m.lane[2].flags_known == 0 && m.lane[2].flags == 0);
	in.page1 = NULL; /* nobody knows what it measures */
	module_decode(&in, &m);
	cr_assert(!m.temperature_known && m.has_text);
}

Test(module, what_a_vendor_writes_is_cleaned)
{
	struct image in = { .lower = lower, .a2 = a2 };
	struct module_info m;

	image_sfp(lower, a2);
	memcpy(lower + 20, "\x1b[31mEVIL\xff\xfe\n\0 x ", 16);
	module_decode(&in, &m);
	cr_assert_str_eq(m.vendor, "?[31mEVIL???  x");
	memset(lower, 0xff, sizeof(lower));
	module_decode(&in, &m);
	cr_assert(m.family == FAMILY_NONE && !m.type && !m.has_text);
	in.lower = NULL;
	module_decode(&in, &m);
	cr_assert(m.family == FAMILY_NONE);
}

/* ---- what is read of a port ---- */

static struct port port;

/* Give the port what is asked next out of 'memory'; the chunk, or NULL. */
static const struct chunk *feed(unsigned *step, uint8_t *const memory[PARTS])
{
	const struct chunk *c = port_next(&port, step);

	if (c)
		port_take(&port, c, memory[c->part] + c->offset % 128);
	return c;
}

Test(module, a_module_is_read_whole_once_and_then_what_changes)
{
	uint8_t *const memory[PARTS] = { lower, page0, page1, limits_page, lanes, a2 };
	static const uint8_t whole[] = { PART_LOWER, PART_PAGE0, PART_PAGE1, PART_LIMITS,
					 PART_LANES };
	const struct chunk *c;
	unsigned step = 0;

	image_cmis(lower, page0, page1, limits_page, lanes);
	memset(&port, 0, sizeof(port));
	for (unsigned i = 0; i < 5; i++) {
		c = feed(&step, memory);
		cr_assert(c && c->part == whole[i], "piece %u", i);
	}
	cr_assert_null(feed(&step, memory));
	port.complete = true;
	port.untold = 0;
	step = 1;
	c = feed(&step, memory);
	cr_assert(c && c->part == PART_LOWER && c->len == 18);
	c = feed(&step, memory);
	cr_assert(c && c->part == PART_LANES && c->page == 0x11);
	cr_assert_null(feed(&step, memory));

	image_sfp(lower, a2);
	memset(&port, 0, sizeof(port));
	step = 0;
	cr_assert_eq(feed(&step, memory)->part, PART_LOWER);
	c = feed(&step, memory);
	cr_assert(c->part == PART_A2 && c->len == 128 && c->i2c == 0x51);
	cr_assert_null(feed(&step, memory));
	port.complete = true;
	step = 1;
	c = feed(&step, memory);
	cr_assert(c->part == PART_A2 && c->offset == 96 && c->len == 22);
	cr_assert_null(feed(&step, memory));

	lower[92] = 0; /* no diagnostics: nothing changes */
	memset(&port, 0, sizeof(port));
	step = 0;
	cr_assert_eq(feed(&step, memory)->part, PART_LOWER);
	cr_assert_null(feed(&step, memory));
}

Test(module, a_flag_that_reading_has_cleared_is_kept_until_it_is_told)
{
	static const struct chunk *const flags = &cmis[4];
	uint8_t *los = &port.page[PART_LANES][147 - 128];

	image_cmis(lower, page0, page1, limits_page, lanes);
	memset(&port, 0, sizeof(port));
	port_take(&port, &first[0], lower);
	port_take(&port, flags, lanes + 6);
	cr_assert_eq(*los, 0x04);
	lanes[147 - 128] = 0x01; /* lane 3 was cleared by reading, lane 1 is new */
	port_take(&port, flags, lanes + 6);
	cr_assert_eq(*los, 0x05, "the reading between was not told");
	port.untold = 0;
	lanes[147 - 128] = 0;
	port_take(&port, flags, lanes + 6);
	cr_assert_eq(*los, 0);
	/* Another module in its place: nothing of the old one is left. */
	port.page[PART_LANES][0] = 0xff;
	image_qsfp28(lower, page0, limits_page);
	port_take(&port, &first[0], lower);
	cr_assert(!port.has[PART_LANES] && port.page[PART_LANES][0] == 0);
}
