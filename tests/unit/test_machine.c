/* Pressure, clock and heat: what the files say, and the sensor on this kernel. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "unit/fake_host.h"

#include "plugins/machine/scan.c"

static double real_of(int64_t bits)
{
	double r;

	memcpy(&r, &bits, sizeof(r));
	return r;
}

#include "plugins/machine/clock.c"
#include "plugins/machine/pressure.c"

Test(machine, pressure_is_shares_and_times)
{
	struct pressure p;

	cr_assert(pressure_parse("some avg10=1.19 avg60=0.50 avg300=0.10 total=12345\n"
				 "full avg10=0.07 avg60=0.00 avg300=0.00 total=42\n",
				 &p));
	cr_expect(fabs(p.share[0] - 0.0119) < 1e-9 && p.time[0] == 12345);
	cr_expect(fabs(p.share[1] - 0.0007) < 1e-9 && p.time[1] == 42);
	/* Only "full" is there for interrupts; new words do no harm. */
	cr_assert(pressure_parse("full new=1 avg10=100.00 total=1\n", &p));
	cr_expect(!p.has[0] && p.has[1] && p.share[1] == 1);
	cr_expect(!pressure_parse("", &p) && !pressure_parse("some avg10=1.19\n", &p));
	cr_expect(!pressure_parse("some avg10=1.1 total=5\nsome avg10=101.00 total=5\n", &p));
	cr_expect(!pressure_parse("some avg10=1,19 total=5\n", &p));

	cr_expect_eq(memory_available("MemTotal: 5 kB\nMemAvailable:    1024 kB\n"), 1048576);
	cr_expect_eq(memory_available("MemTotal: 5 kB\nMemAvailable:\n"), -1);
	cr_expect_eq(memory_available(""), -1);
}

Test(machine, the_clock_is_what_the_kernel_was_told)
{
	struct timex t = { .status = STA_NANO | STA_PLL,
			   .offset = -1500000,
			   .maxerror = 250,
			   .esterror = 16,
			   .freq = -65536 * 3 };
	int64_t raw[CLOCK_NUMBERS];

	cr_expect_str_eq(clock_facts(&t, TIME_INS, raw), "insert");
	cr_expect(raw[SYNCHRONIZED] == 1 && raw[OFFSET] == -1500 && raw[MAX_ERROR] == 250);
	cr_expect(raw[EST_ERROR] == 16 && real_of(raw[FREQUENCY]) == -3.0);
	t.status = STA_UNSYNC;
	cr_expect_str_eq(clock_facts(&t, TIME_ERROR, raw), "none");
	cr_expect(raw[SYNCHRONIZED] == 0 && raw[OFFSET] == -1500000);
}

static void put_file(const char *root, const char *name, const char *text)
{
	char full[256];
	FILE *f;

	(void) snprintf(full, sizeof(full), "%s/%s", root, name);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void) mkdir(full, 0700);
		*p = '/';
	}
	f = fopen(full, "w");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static const struct channel *channel(const struct channel *c, unsigned n, const char *entity,
				     enum hwmon_fact fact)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(c[i].entity, entity) == 0 && c[i].fact == fact)
			return &c[i];
	return NULL;
}

Test(machine, sensors_fans_zones_and_throttles_are_found)
{
	char root[] = "/tmp/anod-hwmon-XXXXXX", remove[64];
	struct channel *c = calloc(CHANNELS_MAX, sizeof(*c));
	unsigned n;

	cr_assert_not_null(mkdtemp(root));
	cr_expect_eq(hwmon_scan(root, c, CHANNELS_MAX), 0, "there is nothing");
	put_file(root, "class/hwmon/hwmon0/name", "coretemp\n");
	put_file(root, "class/hwmon/hwmon0/temp1_input", "45000\n");
	put_file(root, "class/hwmon/hwmon0/temp1_label", "Core / 0\n");
	put_file(root, "class/hwmon/hwmon0/temp1_crit", "100000\n");
	put_file(root, "class/hwmon/hwmon0/temp1_crit_alarm", "0\n");
	put_file(root, "class/hwmon/hwmon1/name", "nvme\n");
	put_file(root, "class/hwmon/hwmon1/temp1_input", "30000\n");
	put_file(root, "class/hwmon/hwmon2/name", "nvme\n");
	put_file(root, "class/hwmon/hwmon2/temp1_input", "31000\n");
	put_file(root, "class/hwmon/hwmon3/name", "fans\n");
	put_file(root, "class/hwmon/hwmon3/fan2_input", "1200\n");
	put_file(root, "class/hwmon/hwmon3/fan2_alarm", "1\n");
	put_file(root, "class/hwmon/hwmon3/power1_average", "12500000\n");
	put_file(root, "class/hwmon/hwmon3/fanx_input", "1\n");
	put_file(root, "class/hwmon/hwmonx/name", "no number\n");
	put_file(root, "class/thermal/thermal_zone0/type", "x86_pkg_temp\n");
	put_file(root, "class/thermal/thermal_zone0/temp", "50000\n");
	put_file(root, "class/thermal/thermal_zone0/trip_point_0_type", "passive\n");
	put_file(root, "class/thermal/thermal_zone0/trip_point_1_type", "critical\n");
	put_file(root, "class/thermal/thermal_zone0/trip_point_1_temp", "99000\n");
	put_file(root, "class/thermal/cooling_device4/type", "Processor\n");
	put_file(root, "class/thermal/cooling_device4/max_state", "10\n");
	put_file(root, "class/thermal/cooling_device4/cur_state", "3\n");
	put_file(root, "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "5\n");
	put_file(root, "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "6\n");
	put_file(root, "devices/system/cpu/cpufreq/x", "1\n");

	n = hwmon_scan(root, c, CHANNELS_MAX);
	cr_expect_eq(n, 13, "%u", n);
	cr_expect(channel(c, n, "coretemp/Core _ 0", TEMPERATURE));
	cr_expect(channel(c, n, "coretemp/Core _ 0", LIMIT));
	cr_expect(channel(c, n, "coretemp/Core _ 0", ALARM));
	cr_expect(channel(c, n, "nvme-1/temp1", TEMPERATURE), "two chips of one name");
	cr_expect(channel(c, n, "nvme-2/temp1", TEMPERATURE));
	cr_expect(channel(c, n, "fans/fan2", FAN) && channel(c, n, "fans/fan2", ALARM));
	cr_expect(channel(c, n, "fans/power1", POWER));
	cr_expect(channel(c, n, "zone0/x86_pkg_temp", LIMIT));
	cr_expect_eq(channel(c, n, "cooling4/Processor", COOLING)->scale, 0.1);
	cr_expect(channel(c, n, "cpu", THROTTLES));
	for (unsigned i = 1; i < n; i++)
		cr_expect(strcmp(c[i - 1].entity, c[i].entity) <= 0, "neighbours");
	cr_expect_eq(hwmon_scan(root, c, 5), 5, "no more than there is room for");
	free(c);
	(void) snprintf(remove, sizeof(remove), "rm -r %s", root);
	cr_expect_eq(system(remove), 0);
}

static bool is_known(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "clock", "system", "max_error");

	(void) data;
	return v && v->type == ANOD_INT;
}

Test(machine, this_kernel_knows_its_clock, .timeout = 30)
{
	struct fake_host *host = fake_host_new("machine");
	const struct anod_value *v;

	cr_assert_eq(fake_host_start(host), 0);
	cr_assert(fake_host_wait(host, is_known, NULL, 10000));
	v = fake_host_fact(host, "clock", "system", "leap");
	cr_assert(v && v->type == ANOD_TEXT);
	fake_host_free(host);
}
